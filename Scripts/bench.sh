#!/usr/bin/env bash
# The benchmarks, on a quiet machine: nothing else may run while they do.
set -euo pipefail
cd "$(dirname "$0")/.."
# The first minutes are walked as the end-to-end tests walk them.
Scripts/deps.sh test
Scripts/deps.sh bench
Scripts/venv.sh
# A peer.
.venv/bin/pip install --quiet --disable-pip-version-check zxcvbn-rs-py==0.3.0
# With the same flags as the binary, so that the same code is measured.
make --no-print-directory release PRODUCT=PosternBenchmarks
exec python3 Benchmarks/bench.py
