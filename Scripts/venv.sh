#!/usr/bin/env bash
# The Python packages of the end-to-end tests and the benchmarks, in a virtual environment of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=$(sha256sum Tests/EndToEnd/requirements.txt | cut -d' ' -f1)
[ "$(cat .venv/.made-from 2>/dev/null)" = "$wanted" ] && exit 0
rm -rf .venv
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -r Tests/EndToEnd/requirements.txt
echo "$wanted" >.venv/.made-from
