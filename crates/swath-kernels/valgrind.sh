#!/usr/bin/env bash
# Runs the tests of the kernels under valgrind's memcheck, which sees reads and writes beyond a buffer.
# Takes hours: valgrind runs one thread at a time, 30 to 50 times slower. Arguments choose tests by name.
#
# Buffers that are used again would hide what is read beyond their values, but not beyond their block.
# valgrind knows no AVX-512: SWATH_ISA is avx2, or as given.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo test -p swath-kernels --lib --no-run --target-dir target/portable
tests=$(cargo test -p swath-kernels --lib --no-run --target-dir target/portable --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
SWATH_ISA=${SWATH_ISA:-avx2} valgrind --quiet --error-exitcode=1 "$tests" --test-threads 1 "$@"
