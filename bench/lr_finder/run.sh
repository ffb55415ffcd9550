#!/usr/bin/env bash
# Compares the rules of the learning-rate finder with a grid of rates on pictures in folders of their
# classes (EuroSAT, <https://github.com/phelber/EuroSAT>), and prints the table:
#
#     bench/lr_finder/run.sh DATA OUT
#
# eurosat.py says how DATA must look. Needs Rust, Python 3 and Pillow, which it installs beside itself.
set -euo pipefail
here="$(dirname "$0")"
if [ ! -x "$here/.venv/bin/python" ]; then
  python3 -m venv "$here/.venv"
  "$here/.venv/bin/pip" install --quiet pillow==13.0.0
fi
"$here/.venv/bin/python" "$here/eurosat.py" "$1" "$2"
cargo build --release --manifest-path "$here/../../Cargo.toml"
"$here/../../target/release/swath" study "$2/study.toml" --out "$2/study"
