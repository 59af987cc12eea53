#!/usr/bin/env bash
# Every test there is. Run by with-postgres.sh; ends with a line of totals.
set -uo pipefail
cd "$(dirname "$0")/.."

echo "Building"
swift build --build-tests --explicit-target-dependency-import-check error || exit 1

log=$(mktemp)
swift_log=$(mktemp)
echo "Swift tests"
swift test --skip-build 2>&1 | tee "$swift_log" | grep -E '✘|Test run with|error:|Fatal' | cut -c1-2000
swift_status=${PIPESTATUS[0]}
swift_total=$(sed -nE 's/.*Test run with ([0-9]+) tests.*/\1/p' "$swift_log" | tail -1)
# A test counts once, however many arguments it ran with.
swift_failed=$(grep -cE '✘ Test .* failed after' "$swift_log")

echo "End-to-end tests"
Scripts/venv.sh || exit 1
# Three at a time: much of it is waiting. Each file stays with one, for its parts are shared.
pytest=".venv/bin/python -m pytest -q --tb=short -p no:cacheprovider"
# How many of one kind pytest's last line names: "3 failed, 694 passed in 60s".
count() { tail -1 "$log" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' || echo 0; }
python_passed=0 python_failed=0 python_status=0
end_to_end() {
    $pytest "$@" 2>&1 | tee "$log" | grep -vE '^\s*$'
    [ "${PIPESTATUS[0]}" = 0 ] || python_status=1
    python_passed=$((python_passed + $(count passed)))
    python_failed=$((python_failed + $(count failed) + $(count error)))
}
end_to_end -n 3 --dist loadfile --ignore Tests/EndToEnd/test_timing.py Tests/EndToEnd
# Times that must be alike are measured with nothing beside them.
end_to_end Tests/EndToEnd/test_timing.py
# Said again at the end, where it is seen.
grep -E '✘' "$swift_log" | cut -c1-2000
rm -f "$log" "$swift_log"

[ "$swift_status" != 0 ] && [ "$swift_failed" = 0 ] && swift_failed=1
[ "$python_status" != 0 ] && [ "$python_failed" = 0 ] && python_failed=1
failed=$((swift_failed + python_failed))
echo "$((${swift_total:-0} - swift_failed + $python_passed)) passed, $failed failed"
[ "$failed" = 0 ] && [ "${swift_total:-0}" -gt 0 ] && [ "$python_passed" -gt 0 ]
