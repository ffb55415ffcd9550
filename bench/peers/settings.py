"""Compares models of many settings with the networks that `swath` says are the same; prints a table.

    python settings.py [--swath PATH] [--forward PATH] [--only TEXT]

`swath models --describe MODEL --json` prints the Python expression that makes a model in
segmentation_models_pytorch. Here each is called, filled with random weights and calibrated, and its
logits of random images are compared with those that swath computes with the same weights.

`run.sh` installs what this needs; build swath first:
    cargo build --release --bin swath --example forward
"""

import argparse
import json
import pathlib
import sys
import tempfile

import segmentation_models_pytorch
import torch

import weights_round_trip as shared

# `[model]` tables. Every architecture with what it can have, every encoder that is in both.
MODELS = """
unet/resnet18
unet/resnet50 attention=scse upsampling=bilinear
unet/resnet34 norm=instance
unet/mobilenet-v2 norm=none depth=4
unet/vgg16-bn
unet/vgg16-bn depth=3 decoder_channels=[96,64,32]
unet/efficientnet-lite0 decoder_channels=[128,64,48,32,24]
unet/convnext-tiny norm=instance attention=scse
unet/resnet101
unet/resnet152
unet-plus-plus/resnet18 attention=scse
unet-plus-plus/mobilenet-v2 depth=4 norm=none
unet-plus-plus/efficientnet-lite0 norm=instance upsampling=bilinear
unet-plus-plus/convnext-tiny
unet-plus-plus/convnext-tiny attention=scse
deeplab-v3/resnet18
deeplab-v3/resnet50 output_stride=16 rates=[6,12,18] separable=true
deeplab-v3/mobilenet-v2 decoder_channels=[64] depth=4
deeplab-v3/efficientnet-lite0
deeplab-v3-plus/resnet18
deeplab-v3-plus/resnet50 output_stride=8 separable=false
deeplab-v3-plus/mobilenet-v2 rates=[6,12,18] depth=4
deeplab-v3-plus/efficientnet-lite0 decoder_channels=[96] output_stride=8
fpn/resnet18
fpn/mobilenet-v2 depth=4 upsampling=bilinear
fpn/convnext-tiny decoder_channels=[64]
fpn/vgg16-bn
linknet/convnext-tiny
linknet/resnet18 norm=instance
linknet/resnet50 depth=4
linknet/mobilenet-v2 norm=none depth=3
linknet/vgg16-bn
pspnet/resnet18
pspnet/vgg16-bn depth=5 norm=none
pspnet/mobilenet-v2 depth=4 decoder_channels=[128]
pan/resnet18
pan/mobilenet-v2 output_stride=32
pan/vgg16-bn decoder_channels=[48]
pan/efficientnet-lite0
pan/resnet50 depth=3
manet/resnet18
manet/mobilenet-v2 norm=instance upsampling=bilinear
manet/resnet50 depth=4 norm=none
manet/convnext-tiny
pan/convnext-tiny output_stride=32
upernet/resnet18
upernet/convnext-tiny
upernet/mobilenet-v2 depth=4 decoder_channels=[96]
upernet/resnet50 depth=3
"""


# Of images where others than 128 x 160 are needed, or work: PAN halves features at 1/32 three times
# more, and Unet takes any size.
SIZES = {"pan": (256, 288), "unet": (101, 133)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--swath", default=str(shared.TARGET / "swath"))
    parser.add_argument("--forward", default=str(shared.TARGET / "examples/forward"))
    parser.add_argument("--only", default="", help="models with this text in their lines")
    args = parser.parse_args()
    torch.set_num_threads(1)
    columns = ["model", "largest", "of largest", "swath - f64", "PyTorch - f64", "within 1e-4"]
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|", flush=True)
    lines = [it for it in MODELS.split("\n") if it and args.only in it]
    if not all([compare(args, it) for it in lines]):
        sys.exit("a difference is too large")


def compare(args, line):
    """Prints a row of the table; whether it fits."""
    name, *settings = line.split()
    sets = [it for setting in settings for it in ["--set", setting]]
    bands, classes = ["--bands", shared.BANDS], ["--classes", shared.CLASSES]
    command = [args.swath, "models", "--describe", name, *bands, *classes, *sets, "--json"]
    about = json.loads(shared.call(command))
    call = about["in_segmentation_models_pytorch"]
    if call is None:
        sys.exit(f"{line}: {about['not_in_segmentation_models_pytorch']}")
    torch.manual_seed(1)
    model = eval(call, {"segmentation_models_pytorch": segmentation_models_pytorch})
    torch.nn.init.uniform_(model.segmentation_head[0].bias, -0.5, 0.5)
    shared.wake(model)
    size = SIZES.get(name.split("/")[0], (128, 160))
    shared.calibrate(model, size)
    images = torch.randn(2, shared.BANDS, *size)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weights.safetensors"
        shared.save_safetensors(model.state_dict(), path)
        found = shared.forward(args, about["model"], path, images, folder)
    gaps = shared.Gaps.of(model, images, found)
    relative = gaps.swath_torch / gaps.largest
    is_close = relative <= shared.TOLERANCE
    is_rounding = gaps.swath_exact <= shared.ROUNDING * gaps.torch_exact
    numbers = [relative, gaps.swath_exact / gaps.largest, gaps.torch_exact / gaps.largest]
    cells = [line, f"{gaps.largest:.3g}", *(f"{it:.1e}" for it in numbers)]
    cells.append("yes" if is_close else "no, rounding" if is_rounding else "NO")
    print("| " + " | ".join(cells) + " |", flush=True)
    return is_close or is_rounding


if __name__ == "__main__":
    main()
