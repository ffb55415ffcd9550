"""Times training or prediction of a model of segmentation_models_pytorch on random images.

The same step as `swath bench`: forward, cross-entropy, backward and AdamW, or forward and softmax.
Prints one JSON object.
"""

import argparse
import json
import resource
import statistics
import time

import segmentation_models_pytorch as smp
import torch

N_WARM_UP = 2


def peak_memory_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--architecture", default="Unet")
    parser.add_argument("--encoder", default="resnet34")
    parser.add_argument("--bands", type=int, default=4)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--predict", action="store_true")
    parser.add_argument("--mode", choices=["default", "channels_last", "bf16"], default="default")
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    idle = peak_memory_bytes()
    architecture = getattr(smp, args.architecture)
    model = architecture(
        args.encoder, encoder_weights=None, in_channels=args.bands, classes=args.classes
    )
    layout = torch.contiguous_format if args.mode == "default" else torch.channels_last
    model = model.to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=1e-2)
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=255)
    shape = (args.batch, args.bands, args.size, args.size)

    def autocast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.mode == "bf16")

    def train(images, labels):
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            loss = loss_of(model(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    def predict(images, _labels):
        with torch.inference_mode(), autocast():
            model(images).softmax(1)

    step = predict if args.predict else train
    model.train(not args.predict)
    times = []
    for index in range(N_WARM_UP + args.steps):
        images = torch.rand(shape).to(memory_format=layout)
        labels = torch.randint(args.classes, (args.batch, args.size, args.size))
        began = time.perf_counter()
        step(images, labels)
        if index >= N_WARM_UP:
            times.append(time.perf_counter() - began)
    print(
        json.dumps(
            {
                "median_ms": statistics.median(times) * 1e3,
                "idle_memory_bytes": idle,
                "peak_memory_bytes": peak_memory_bytes(),
                "torch": torch.__version__,
                "smp": smp.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
