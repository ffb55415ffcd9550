"""Sends weights from PyTorch to swath and back, and compares logits; prints a table.

    python weights_round_trip.py [--swath PATH] [--forward PATH]

To swath: a network of segmentation_models_pytorch with random weights, whose batch norms have seen
data, is saved in three forms; the example `forward` reads each and computes logits of random images.
From swath: a model that `swath demo --synthetic` has trained for an epoch is exported and must load
into the same network with `strict=True`. Encoders alone go to swath as torchvision names them.

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
import torch
import torchvision

HERE = pathlib.Path(__file__).parent
TARGET = HERE / "../../target/release"
TOLERANCE = 1e-4  # Of the largest logit.

Network = collections.namedtuple("Network", "name make model")

# A new architecture is a row: the network of PyTorch, and swath's `[model]` table for it.
NETWORKS = [
    Network(
        f"Unet-{encoder}",
        lambda bands, classes, encoder=encoder: smp.Unet(
            encoder, encoder_weights=None, in_channels=bands, classes=classes
        ),
        {"architecture": "unet", "encoder": encoder},
    )
    for encoder in ["resnet18", "resnet34"]
]

# An encoder of torchvision, and swath's `[model]` table for a network with it.
ENCODERS = {
    "resnet18": (torchvision.models.resnet18, {"architecture": "unet", "encoder": "resnet18"}),
    "resnet34": (torchvision.models.resnet34, {"architecture": "unet", "encoder": "resnet34"}),
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
    args = parser.parse_args()
    print("| network | way | largest | swath - PyTorch | swath - f64 | PyTorch - f64 | fits |")
    print("|---|---|---|---|---|---|---|")
    fits = True
    for network in NETWORKS:
        fits &= to_swath(args, network)
        fits &= from_swath(args, network)
    for name in ENCODERS:
        fits &= encoder_alone(args, name)
    sys.exit(0 if fits else "a difference is too large")


def to_swath(args, network, bands=6, classes=5):
    torch.manual_seed(1)
    model = network.make(bands, classes)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # The mean over all batches, so that logits are of usual size.
    with torch.no_grad():
        model.train()(torch.randn(8, bands, 128, 160))
    images = torch.randn(2, bands, 96, 160)
    wanted, exact = logits(model, images), logits(model.double(), images.double())
    model.float()
    with tempfile.TemporaryDirectory() as folder:
        fits = True
        for name, save in FORMS.items():
            path = pathlib.Path(folder) / name
            save(model.state_dict(), path)
            found = forward(args, network.model, path, images, folder)
            fits &= row(network.name, f"to swath, {name}", wanted, found, exact)
    return fits


def from_swath(args, network):
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        settings = {f"model.{key}": value for key, value in network.model.items()}
        settings |= {"model.width": 64, "train.epochs": 1, "chips.per_epoch": 240}
        sets = [it for key, value in settings.items() for it in ["--set", f"{key}={value}"]]
        call([args.swath, "demo", "--synthetic", "--out", run, *sets])
        path = pathlib.Path(folder) / "exported.safetensors"
        about = json.loads(call([args.swath, "weights", "export", run, path, "--json"]))
        model = network.make(about["n_bands"], about["n_classes"])
        model.load_state_dict(safetensors.torch.load_file(path), strict=True)
        torch.manual_seed(2)
        images = torch.randn(2, about["n_bands"], 96, 160)
        found = forward(args, about["model"], path, images, folder)
        wanted, exact = logits(model, images), logits(model.double(), images.double())
        return row(network.name, "from swath, strict=True", wanted, found, exact)


def encoder_alone(args, name):
    """A classification network gives a segmentation network its encoder, in training."""
    make, model = ENCODERS[name]
    torch.manual_seed(3)
    network = make(weights=None)
    # The scene made by code has five bands: a first convolution for as many.
    network.conv1 = torch.nn.Conv2d(5, 64, 7, 2, 3, bias=False)
    with tempfile.TemporaryDirectory() as folder:
        path, run = pathlib.Path(folder) / "encoder.pth", pathlib.Path(folder) / "run"
        torch.save(network.state_dict(), path)
        settings = {f"model.{key}": value for key, value in model.items()}
        settings |= {"model.width": 64, "train.epochs": 1, "chips.per_epoch": 2, "train.batch": 2}
        # Steps so small that weights stay as they are.
        settings |= {"optimizer.lr": 1e-12, "optimizer.weight_decay": 0}
        settings |= {"weights.file": path, "weights.loading": "encoder"}
        sets = [it for key, value in settings.items() for it in ["--set", f"{key}={value}"]]
        call([args.swath, "demo", "--synthetic", "--out", run, *sets])
        exported = pathlib.Path(folder) / "exported.safetensors"
        call([args.swath, "weights", "export", run, exported])
        state = safetensors.torch.load_file(exported)
        names = [it for it, _ in network.named_parameters() if not it.startswith("fc.")]
        wanted = torch.cat([network.get_parameter(it).flatten() for it in names])
        found = torch.cat([state[f"encoder.{it}"].flatten() for it in names])
        wanted = wanted.detach()
        return row(f"torchvision {name}", "encoder in swath, weights", wanted, found, wanted)


def logits(model, images):
    with torch.no_grad():
        return model.eval()(images)


def forward(args, model, weights, images, folder):
    """What swath computes."""
    sent, came = pathlib.Path(folder) / "images.safetensors", pathlib.Path(folder) / "logits.safetensors"
    safetensors.torch.save_file({"images": images}, sent)
    call([args.forward, "\n".join(f"{key} = {json.dumps(it)}" for key, it in model.items()), weights, sent, came])
    return safetensors.torch.load_file(came)["logits"]


def row(name, way, wanted, found, exact):
    """One row of the table; all columns are largest absolute values."""
    assert wanted.shape == found.shape == exact.shape, f"{wanted.shape} {found.shape}"
    largest = exact.abs().max().item()
    gaps = [(a - b).abs().max().item() for a, b in [(found, wanted), (found, exact), (wanted, exact)]]
    fits = gaps[0] <= TOLERANCE * largest
    cells = [name, way, f"{largest:.3g}", *(f"{gap:.1e}" for gap in gaps), "yes" if fits else "NO"]
    print("| " + " | ".join(cells) + " |", flush=True)
    return fits


def call(command):
    done = subprocess.run([str(it) for it in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
