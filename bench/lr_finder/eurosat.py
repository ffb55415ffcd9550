"""Makes a study of the learning-rate finder on pictures in folders of their classes.

    DATA/train/CLASS/*.jpg    trained on (.png, .tif and others that Pillow reads, too)
    DATA/val/CLASS/*.jpg      validated on

The pictures of each folder are laid side by side as one image, with a raster of their classes, and chips
are drawn so that each is a picture. The study trains with the rate of each rule and with a grid of rates,
on three seeds.
"""

import argparse
import math
import pathlib

from PIL import Image

SIZE_PX = 64
RULES = ["steepest", "steep", "slide", "minimum-tenth", "arcgis"]
GRID = ["1e-4", "3e-4", "1e-3", "3e-3", "1e-2", "3e-2"]
RUN_FILE = """name = "eurosat"

[data]
ignore = [0]
{classes}
[[data.scene]]
images = "train.tif"
labels = "train_classes.tif"
role = "train"

[[data.scene]]
images = "val.tif"
labels = "val_classes.tif"
role = "validation"

[split]
method = "files"
block_px = {size_px}

[chips]
size_px = {size_px}
per_epoch = 256
sampling = "repeated"
stride_px = {size_px}
repeats = {repeats}

[model]
encoder = "resnet18"
width = 16

[optimizer]
lr = "auto"

[train]
epochs = 6
batch = 16
validate_every = 6

[predict]
overlap_px = 0
"""


def mosaic(folder, names, out):
    """Writes the pictures below `folder` as one image, and their classes, numbered from 1."""
    tiles = [(code, path) for code, name in enumerate(names, 1) for path in sorted((folder / name).iterdir())]
    n_cols = math.ceil(math.sqrt(len(tiles)))
    size = (n_cols * SIZE_PX, math.ceil(len(tiles) / n_cols) * SIZE_PX)
    image, classes = Image.new("RGB", size), Image.new("L", size)
    for index, (code, path) in enumerate(tiles):
        tile = Image.open(path).convert("RGB")
        if tile.size != (SIZE_PX, SIZE_PX):
            raise SystemExit(f"{path}: {tile.size} pixels, wanted {SIZE_PX} x {SIZE_PX}")
        corner = (index % n_cols * SIZE_PX, index // n_cols * SIZE_PX)
        image.paste(tile, corner)
        classes.paste(code, (*corner, corner[0] + SIZE_PX, corner[1] + SIZE_PX))
    image.save(out / f"{folder.name}.tif")
    classes.save(out / f"{folder.name}_classes.tif")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=pathlib.Path, help="folder with train/ and val/")
    parser.add_argument("out", type=pathlib.Path, help="folder for rasters, run file and study file")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    names = sorted(it.name for it in (args.data / "train").iterdir() if it.is_dir())
    for folder in ["train", "val"]:
        mosaic(args.data / folder, names, args.out)
    classes = ""
    for code, name in enumerate(names, 1):
        shade = 255 * code // len(names)
        color = f"#{shade:02x}{255 - shade:02x}80"
        classes += f'\n[[data.class]]\ncode = {code}\nname = "{name}"\ncolor = "{color}"\n'
    run_file = RUN_FILE.format(classes=classes, size_px=SIZE_PX, repeats=[1] * len(names))
    (args.out / "run.toml").write_text(run_file)
    study = 'name = "eurosat-finder"\nbase = "run.toml"\nbase_name = "valley"\nseeds = 3\n'
    study += 'split = "validation"\nmetrics = ["overall_accuracy", "mean_iou"]\n'
    variants = [(rule, f"lr_find.rule={rule}") for rule in RULES]
    variants += [(f"lr-{lr}", f"optimizer.lr={lr}") for lr in GRID]
    for name, change in variants:
        study += f'\n[[variant]]\nname = "{name}"\nset = ["{change}"]\n'
    (args.out / "study.toml").write_text(study)


if __name__ == "__main__":
    main()
