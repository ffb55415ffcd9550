"""Runs swath and PyTorch in turn, A B A B, and prints medians and ratios as a table.

Each figure is the median over rounds of the median step of one process; each ratio is the median
over rounds of the two processes that ran next to each other.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
MODES = ["default", "channels_last", "bf16"]
# Networks by the names of swath, with those of segmentation_models_pytorch.
NETWORKS = {
    "unet/resnet34": "Unet/resnet34",
    "unet/mobilenet-v2": "Unet/mobilenet_v2",
    "unet/efficientnet-lite0": "Unet/tu-tf_efficientnet_lite0",
    "deeplab-v3-plus/resnet50": "DeepLabV3Plus/resnet50",
}
SHAPES = {"train": [(8, 128), (4, 256)], "predict": [(8, 128), (8, 256)]}


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--swath", default=str(HERE / "../../target/release/swath"))
    parser.add_argument("--network", choices=NETWORKS, default="unet/resnet34")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tasks", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    args = parser.parse_args()

    print(f"| task | engine | ms a step | images/s | swath is faster by | memory above idle, MB |")
    print("|---|---|---|---|---|---|")
    for task in args.tasks:
        for batch, size in SHAPES[task]:
            compare(args, task, batch, size)


def compare(args, task, batch, size):
    ours, theirs = args.network.split("/"), NETWORKS[args.network].split("/")
    options = ["--batch", str(batch), "--size", str(size)]
    options += ["--steps", str(args.steps), "--threads", str(args.threads)]
    options += ["--predict"] if task == "predict" else []
    swath = [args.swath, "bench", "--json", "--model", ours[0], "--encoder", ours[1], *options]
    torch = [sys.executable, str(HERE / "torch_bench.py"), "--architecture", theirs[0]]
    torch += ["--encoder", theirs[1], *options, "--mode"]
    found = {engine: [] for engine in ["swath", *args.modes]}
    ratios = {mode: [] for mode in args.modes}
    for _ in range(args.rounds):
        for mode in args.modes:
            ours, theirs = run(swath), run([*torch, mode])
            found["swath"].append(ours)
            found[mode].append(theirs)
            ratios[mode].append(theirs["median_ms"] / ours["median_ms"])
    isa = found["swath"][0]["instruction_set"]
    for engine, results in found.items():
        median = statistics.median(it["median_ms"] for it in results)
        memory = statistics.median(
            (it["peak_memory_bytes"] - it["idle_memory_bytes"]) / 1e6 for it in results
        )
        name = f"swath ({isa})" if engine == "swath" else f"PyTorch {results[0]['torch']} {engine}"
        ratio = "" if engine == "swath" else f"{statistics.median(ratios[engine]):.2f}"
        label = f"{task}, {batch} of {size}²"
        rate = 1e3 * batch / median
        print(f"| {label} | {name} | {median:.0f} | {rate:.1f} | {ratio} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
