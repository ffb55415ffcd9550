#!/usr/bin/env bash
# Compares the speed of swath and PyTorch on this machine; prints a table. Options go to compare.py.
# Needs Rust, Python 3 and about 6 GB for PyTorch, which it installs beside itself.
set -euo pipefail
cd "$(dirname "$0")"
if [ ! -x .venv/bin/python ]; then
  python3 -m venv .venv
  .venv/bin/pip install --quiet torch==2.15.0 segmentation-models-pytorch==0.6.0
fi
cargo build --release --manifest-path ../../Cargo.toml
exec .venv/bin/python compare.py "$@"
