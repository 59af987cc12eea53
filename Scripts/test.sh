#!/usr/bin/env bash
# Every test there is. Run by with-postgres.sh; ends with a line of totals.
set -uo pipefail
cd "$(dirname "$0")/.."

echo "Building"
swift build --build-tests --explicit-target-dependency-import-check error || exit 1

log=$(mktemp)
echo "Swift tests"
swift test --skip-build 2>&1 | tee "$log" | grep -E '✘|Test run with|error:|Fatal' | cut -c1-2000
swift_status=${PIPESTATUS[0]}
swift_total=$(sed -nE 's/.*Test run with ([0-9]+) tests.*/\1/p' "$log" | tail -1)
# A test counts once, however many arguments it ran with.
swift_failed=$(grep -cE '✘ Test .* failed after' "$log")

echo "End-to-end tests"
Scripts/venv.sh || exit 1
# Three at a time: much of it is waiting. Each file stays with one, for its parts are shared.
.venv/bin/python -m pytest -q --tb=short -p no:cacheprovider -n 3 --dist loadfile Tests/EndToEnd 2>&1 | tee "$log" | grep -vE '^\s*$'
python_status=${PIPESTATUS[0]}
# How many of one kind pytest's last line names: "3 failed, 694 passed in 60s".
count() { tail -1 "$log" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' || echo 0; }
python_passed=$(count passed)
python_failed=$(($(count failed) + $(count error)))
rm -f "$log"

[ "$swift_status" != 0 ] && [ "$swift_failed" = 0 ] && swift_failed=1
[ "$python_status" != 0 ] && [ "$python_failed" = 0 ] && python_failed=1
failed=$((swift_failed + python_failed))
echo "$((${swift_total:-0} - swift_failed + $python_passed)) passed, $failed failed"
[ "$failed" = 0 ] && [ "${swift_total:-0}" -gt 0 ] && [ "$python_passed" -gt 0 ]
