"""Sends weights from PyTorch to swath and back, and compares tensors and logits; prints a table.

    python weights_round_trip.py [--swath PATH] [--forward PATH] [--only NAME]

To swath: a network of segmentation_models_pytorch with random weights is saved in three forms; the
example `forward` reads each and computes logits of random images. Once with batch norms as they are
made (mean 0, variance 1), once after some batches have passed, so that logits are of usual size.
Through swath: a run starts from such weights, moves nothing, and is exported: the same bits.
From swath: a model that `swath demo` has trained for an epoch is exported and must load into the
same network with `strict=True`. Encoders alone go to swath as torchvision and timm name them.

`run.sh` installs what this needs; build swath first:
    cargo build --release --bin swath --example forward
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import safetensors.torch
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision

HERE = pathlib.Path(__file__).parent
TARGET = HERE / "../../target/release"
DEMO = HERE / "../../data/nc_landsat7"
BANDS, CLASSES = 6, 7  # Of the demo.
TOLERANCE = 1e-4
# Where rounding is larger than that: how many times as far from `f64` as PyTorch swath may be.
ROUNDING = 4

Network = collections.namedtuple("Network", "make encoder model")

# A new architecture is a row: the network of PyTorch, and swath's `[model]` table for it.
NETWORKS = {
    f"{make.__name__}-{encoder}": Network(
        make, encoder, {"architecture": architecture, "encoder": encoder_in_swath}
    )
    for make, encoder, architecture, encoder_in_swath in [
        (smp.Unet, "resnet18", "unet", "resnet18"),
        (smp.Unet, "resnet34", "unet", "resnet34"),
        (smp.DeepLabV3Plus, "resnet50", "deeplab-v3-plus", "resnet50"),
        (smp.UnetPlusPlus, "resnet18", "unet-plus-plus", "resnet18"),
        (smp.Unet, "tu-tf_efficientnet_lite0", "unet", "efficientnet-lite0"),
        (smp.Unet, "tu-convnext_tiny", "unet", "convnext-tiny"),
        (smp.Unet, "mobilenet_v2", "unet", "mobilenet-v2"),
        (smp.Unet, "vgg16_bn", "unet", "vgg16-bn"),
    ]
}


def of_torchvision(name):
    """A classification network whose first convolution takes our bands in place of three."""
    model = torchvision.models.get_model(name, weights=None)
    place, conv = next(it for it in model.named_modules() if isinstance(it[1], torch.nn.Conv2d))
    options = {"stride": conv.stride, "padding": conv.padding, "bias": conv.bias is not None}
    other = torch.nn.Conv2d(BANDS, conv.out_channels, conv.kernel_size, **options)
    model.set_submodule(place, other)
    return model


def of_timm(name):
    return timm.create_model(name, pretrained=False, in_chans=BANDS)


# Encoders alone, and the network of PyTorch into which they go.
ENCODERS = {
    f"{library.__name__.removeprefix('of_')} {name}": (f"Unet-{network}", library, name)
    for library, name, network in [
        (of_torchvision, "resnet18", "resnet18"),
        (of_torchvision, "resnet34", "resnet34"),
        (of_torchvision, "convnext_tiny", "tu-convnext_tiny"),
        (of_timm, "convnext_tiny", "tu-convnext_tiny"),
        (of_torchvision, "mobilenet_v2", "mobilenet_v2"),
        (of_timm, "mobilenetv2_100", "mobilenet_v2"),
        (of_torchvision, "vgg16_bn", "vgg16_bn"),
        (of_timm, "vgg16_bn", "vgg16_bn"),
        (of_timm, "resnet34", "resnet34"),
        (of_timm, "tf_efficientnet_lite0", "tu-tf_efficientnet_lite0"),
    ]
}
# What of them is no encoder, and what is none of an EfficientNet in timm's wrapper.
CLASSIFIERS = ("fc.", "classifier.", "head.", "pre_logits.")
OF_TIMM = ("conv_head.", "bn2.")

# Settings of a run that moves nothing: one bias is not frozen, but its steps are too small for it.
NOTHING_MOVES = {
    "model.freeze": ["encoder", "decoder", "segmentation_head.0.weight"],
    "chips.per_epoch": 2,
    "train.batch": 2,
    "optimizer.lr": 1e-30,
    "optimizer.weight_decay": 0,
}


def save_archive(state, path):
    torch.save(state, path)


def save_legacy(state, path):
    wrapped = {f"module.{name}": it for name, it in state.items()}
    torch.save({"epoch": 1, "state_dict": wrapped}, path, _use_new_zipfile_serialization=False)


def save_safetensors(state, path):
    safetensors.torch.save_file({name: it.contiguous() for name, it in state.items()}, path)


FORMS = {
    "archive.pth": save_archive,
    "legacy.pth": save_legacy,
    "plain.safetensors": save_safetensors,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--swath", default=str(TARGET / "swath"))
    parser.add_argument("--forward", default=str(TARGET / "examples/forward"))
    parser.add_argument("--only", default="", help="networks with this in their names")
    args = parser.parse_args()
    torch.set_num_threads(1)
    modules = [torch, smp, torchvision, timm, safetensors]
    print(", ".join(f"{it.__name__} {it.__version__}" for it in modules), end=", ")
    print(torch.backends.cpu.get_cpu_capability(), flush=True)
    columns = ["network", "way", "largest", "swath - PyTorch", "of largest", "swath - f64"]
    columns += ["PyTorch - f64", "PyTorch - PyTorch", "within 1e-4", "same bits"]
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|", flush=True)
    fits = True
    for name, network in NETWORKS.items():
        if args.only in name:
            fits &= to_swath(args, name, network, "as made", calibrate=lambda model: None)
            fits &= to_swath(args, name, network, "calibrated", calibrate)
            fits &= through_swath(args, name, network)
            fits &= from_swath(args, name, network)
    for name in ENCODERS:
        if args.only in name:
            fits &= encoder_alone(args, name)
    sys.exit(0 if fits else "a difference is too large")


def made(network):
    """The network of PyTorch with random weights."""
    torch.manual_seed(1)
    model = network.make(
        network.encoder, encoder_weights=None, in_channels=BANDS, classes=CLASSES
    )
    # It begins at 0, which would hide a bias that is left out.
    torch.nn.init.uniform_(model.segmentation_head[0].bias, -0.5, 0.5)
    return wake(model)


def wake(model):
    """Gives what the blocks of a ConvNeXt add a usual size; it begins at a millionth."""
    for name, parameter in model.named_parameters():
        if name.endswith((".gamma", ".layer_scale")):
            torch.nn.init.uniform_(parameter, 0.1, 0.5)
    return model


def calibrate(model, size=(128, 160)):
    """Gives batch norms the statistics of data: the means over some batches."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        for _ in range(3):
            model.train()(torch.randn(8, BANDS, *size))


def to_swath(args, name, network, start, calibrate):
    model = made(network)
    calibrate(model)
    images = torch.randn(2, BANDS, 96, 160)
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for path in save_all(model, folder):
            found.append(forward(args, network.model, path, images, folder))
    return row(name, f"to swath, {start}", Gaps.of(model, images, the_same(found)))


def through_swath(args, name, network):
    model = made(network)
    calibrate(model)
    n_same, n_all = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for path in save_all(model, folder):
            settings = {**NOTHING_MOVES, "weights.file": path}
            exported, _ = export(args, demo(args, path, network.model, settings))
            # Of other values, so that nothing is right by itself.
            other = network.make(
                network.encoder, encoder_weights=None, in_channels=BANDS, classes=CLASSES
            )
            other.load_state_dict(safetensors.torch.load_file(exported), strict=True)
            bits = count_same(other.state_dict(), model.state_dict())
            n_same, n_all = n_same + bits[0], n_all + bits[1]
    return row(name, "through swath, strict=True", None, (n_same, n_all))


def from_swath(args, name, network):
    with tempfile.TemporaryDirectory() as folder:
        run = demo(args, pathlib.Path(folder) / "trained", network.model, {"chips.per_epoch": 160})
        exported, about = export(args, run)
        model = made(network)
        model.load_state_dict(safetensors.torch.load_file(exported), strict=True)
        bits = count_same(model.state_dict(), safetensors.torch.load_file(run / "model.swath"))
        torch.manual_seed(2)
        images = torch.randn(2, BANDS, 96, 160)
        found = forward(args, about["model"], exported, images, folder)
        return row(name, "from swath, strict=True", Gaps.of(model, images, found), bits)


def encoder_alone(args, name):
    """A classification network gives a U-Net its encoder, which training leaves as it is."""
    network, library, name_there = ENCODERS[name]
    network = NETWORKS[network]
    torch.manual_seed(3)
    classifier = wake(library(name_there))
    calibrate(classifier)
    model = made(network)
    own = {it: x for it, x in model.state_dict().items() if it.startswith("encoder.")}
    # All libraries have the same order.
    state = classifier.state_dict()
    others = CLASSIFIERS + (OF_TIMM if network.encoder.startswith("tu-") else ())
    tensors = [x for it, x in state.items() if not it.startswith(others)]
    assert len(own) == len(tensors)
    encoder = {it: x.reshape(y.shape) for (it, y), x in zip(own.items(), tensors)}
    images = torch.randn(2, BANDS, 96, 160)
    found, n_same, n_all = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for path in save_all(classifier, folder):
            settings = {"model.freeze": ["encoder"], "chips.per_epoch": 64}
            settings |= {"weights.file": path, "weights.loading": "encoder"}
            exported, about = export(args, demo(args, path, network.model, settings))
            found.append(forward(args, about["model"], exported, images, folder))
            state = safetensors.torch.load_file(exported)
            bits = count_same({it: state[it] for it in encoder}, encoder)
            n_same, n_all = n_same + bits[0], n_all + bits[1]
    # The library's own tensors, and swath's decoder.
    model.load_state_dict(state | encoder, strict=True)
    gaps = Gaps.of(model, images, the_same(found))
    return row(name, "encoder to swath", gaps, (n_same, n_all))


def save_all(model, folder):
    """Files of the weights in all forms."""
    paths = [pathlib.Path(folder) / form for form in FORMS]
    for save, path in zip(FORMS.values(), paths):
        save(model.state_dict(), path)
    return paths


def the_same(found):
    """The logits of all forms, which must have the same bits."""
    if not all(same_bits(it, found[0]) for it in found):
        sys.exit("the logits depend on the form of the file")
    return found[0]


def demo(args, path, model, settings):
    """The folder of a run beside `path`: an epoch on the demo's scene."""
    run = path.with_name(f"{path.name}-run")
    settings = {f"model.{key}": it for key, it in model.items()} | settings
    settings |= {"model.width": 64, "train.epochs": 1}
    sets = [it for key, value in settings.items() for it in ["--set", f"{key}={value}"]]
    call([args.swath, "demo", "--data", DEMO, "--out", run, "--threads", 1, *sets])
    return run


def export(args, run):
    path = run.with_suffix(".exported.safetensors")
    return path, json.loads(call([args.swath, "weights", "export", run, path, "--json"]))


def forward(args, model, weights, images, folder):
    """What swath computes."""
    sent, came = [pathlib.Path(folder) / f"{it}.safetensors" for it in ["images", "logits"]]
    safetensors.torch.save_file({"images": images}, sent)
    table = "\n".join(f"{key} = {json.dumps(it)}" for key, it in model.items())
    call([args.forward, table, weights, sent, came])
    return safetensors.torch.load_file(came)["logits"]


def same_bits(a, b):
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    a, b = [it.contiguous().flatten().view(torch.uint8) for it in [a, b]]
    return a.equal(b)


def count_same(found, wanted):
    """How many tensors have the same bits, and how many there are on either side."""
    names = found.keys() | wanted.keys()
    same = [it in found and it in wanted and same_bits(found[it], wanted[it]) for it in names]
    return sum(same), len(names)


Numbers = collections.namedtuple(
    "Numbers", "largest swath_torch swath_exact torch_exact torch_torch"
)


class Gaps(Numbers):
    """Largest absolute values: of logits, and of differences of swath, PyTorch and its `f64`.

    The last is of PyTorch with and without oneDNN.
    """

    @classmethod
    def of(cls, model, images, found):
        with torch.no_grad():
            wanted = model.eval()(images)
            with torch.backends.mkldnn.flags(enabled=False):
                other = model(images)
            exact = model.double()(images.double())
            model.float()
        assert wanted.shape == found.shape, f"{wanted.shape} {found.shape}"
        pairs = [(found, wanted), (found, exact), (wanted, exact), (wanted, other)]
        return cls(exact.abs().max().item(), *((a - b).abs().max().item() for a, b in pairs))


def row(name, way, gaps, bits=None):
    """One row of the table, and whether it fits."""
    cells, fits = [""] * 7, True
    if gaps:
        relative = gaps.swath_torch / gaps.largest
        ways = {"absolute": gaps.swath_torch, "relative": relative}
        within = ", ".join(it for it, gap in ways.items() if gap <= TOLERANCE) or "NEITHER"
        fits = relative <= TOLERANCE or gaps.swath_exact <= ROUNDING * gaps.torch_exact
        numbers = [gaps.swath_torch, relative, *gaps[2:]]
        cells = [f"{gaps.largest:.3g}", *(f"{it:.1e}" for it in numbers), within]
    if bits:
        fits &= bits[0] == bits[1]
    cells = [name, way, *cells, f"{bits[0]} of {bits[1]}" if bits else ""]
    print("| " + " | ".join(cells) + " |", flush=True)
    return fits


def call(command):
    command = [str(it) for it in command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
