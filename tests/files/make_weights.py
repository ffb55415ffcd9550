"""Writes the weight files of the tests beside itself, with PyTorch 2.15.0 and safetensors 0.8.0.

    python make_weights.py

Every file holds a few numbers in one of the forms that are found in the wild.
"""

import collections
import os
import pathlib

import safetensors.torch
import torch

HERE = pathlib.Path(__file__).parent


def legacy(thing, path, **options):
    torch.save(thing, path, _use_new_zipfile_serialization=False, **options)


def state():
    """The values that `tests/it/weight_files.rs` expects."""
    grid = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    return collections.OrderedDict(
        {
            "f32": grid / 4,
            "f64": torch.tensor([0.5, -1.25, 1 / 3], dtype=torch.float64),
            "f16": torch.tensor([1.5, -0.0625], dtype=torch.float16),
            "bf16": torch.tensor([1.5, -3.0], dtype=torch.bfloat16),
            "i64": torch.tensor(7),
            "i32": torch.tensor([-2, 3], dtype=torch.int32),
            "u8": torch.tensor([0, 255], dtype=torch.uint8),
            "bool": torch.tensor([True, False]),
            "none": torch.zeros(0, 4),
        }
    )


class Foreign:
    """A pickle of this calls `os.system` when Python reads it."""

    def __reduce__(self):
        return os.system, ("echo executed",)


def main():
    os.chdir(HERE)
    torch.save(state(), "plain.pth")
    torch.save(state(), "protocol4.pth", pickle_protocol=4)
    legacy(state(), "legacy.pth")
    torch.serialization.set_crc32_options(False)
    torch.save(state(), "unchecked.pth")
    torch.serialization.set_crc32_options(True)
    safetensors.torch.save_file(state(), "plain.safetensors")

    # Views: a transpose, every second column, a part of another tensor, and one tensor twice.
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    views = {
        "base": base,
        "transposed": base.t(),
        "columns": base[:, 1::2],
        "row": base[2],
        "parameter": torch.nn.Parameter(base[1]),
    }
    torch.save(views, "views.pth")
    legacy(views, "views_legacy.pth")

    weights = {"a.weight": torch.ones(2), "a.bias": torch.zeros(1)}
    wrapped = {f"_orig_mod.module.{name}": it for name, it in weights.items()}
    torch.save({"epoch": 3, "state_dict": wrapped, "optimizer": {"lr": 0.1}}, "nested.pth")
    torch.save({"student": weights, "teacher": weights}, "two.pth")

    torch.save({"a": torch.ones(1), "b": Foreign()}, "foreign.pth")
    legacy({"a": torch.ones(1), "b": Foreign()}, "foreign_legacy.pth")
    torch.save(torch.nn.Linear(1, 1), "module.pth")
    torch.jit.script(torch.nn.Linear(1, 1)).save("script.pt")
    torch.save({"a": torch.zeros(1).expand(1000, 1000)}, "expanded.pth")
    torch.save({"a": torch._neg_view(torch.ones(3))}, "negative.pth")
    torch.save([torch.ones(1)], "list.pth")
    torch.save({"a": torch.ones(1, dtype=torch.complex64)}, "complex.pth")
    safetensors.torch.save_file({"a": torch.ones(1, dtype=torch.complex64)}, "complex.safetensors")


if __name__ == "__main__":
    main()
