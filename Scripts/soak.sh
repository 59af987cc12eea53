#!/usr/bin/env bash
# The long rounds whole, in release: every race and every kill as often as was promised. Run by with-postgres.sh;
# writes its result into docs/figures.md.
set -uo pipefail
cd "$(dirname "$0")/.."
Scripts/venv.sh || exit 1
export POSTERN_SOAK=1
began=$(date -u '+%Y-%m-%d %H:%M UTC')
commit=$(git rev-parse --short HEAD)

log=$(mktemp)
echo "Swift tests in release, long rounds"
swift test -c release -Xswiftc -enable-testing --scratch-path .build/soak 2>&1 | tee "$log" | grep -E '✘|Test run with|error:' | cut -c1-2000
swift_result=$(grep -E 'Test run with' "$log" | tail -1 | sed -E 's/^[^T]*//')
grep -qE '✔ Test run with' "$log"
swift_ok=$?

echo "End-to-end tests on the release binary, long rounds"
export POSTERN_BINARY=$PWD/.build/postern
pytest=".venv/bin/python -m pytest -q --tb=short -p no:cacheprovider"
$pytest -n 3 --dist loadfile --ignore Tests/EndToEnd/test_timing.py Tests/EndToEnd 2>&1 | tee "$log" | grep -vE '^\s*$'
python_ok=${PIPESTATUS[0]}
python_result=$(tail -1 "$log" | tr -d '=' | sed -E 's/^ +| +$//g')
# Times that must be alike are measured with nothing beside them.
$pytest Tests/EndToEnd/test_timing.py 2>&1 | tee "$log" | grep -vE '^\s*$'
[ "${PIPESTATUS[0]}" = 0 ] || python_ok=1
python_result="$python_result; alone: $(tail -1 "$log" | tr -d '=' | sed -E 's/^ +| +$//g')"
rm -f "$log"

verdict=passed
[ "$swift_ok" = 0 ] && [ "$python_ok" = 0 ] || verdict=failed
python3 - "$began" "$commit" "$verdict" "$swift_result" "$python_result" <<'PYTHON'
import pathlib, sys
began, commit, verdict, swift, python = sys.argv[1:]
path = pathlib.Path("docs/figures.md")
page = path.read_text()
begin, end = "<!-- soak -->", "<!-- end of soak -->"
head, rest = page.split(begin)
rows = f"""| when | commit | result | Swift, release | end to end, release binary |
|---|---|---|---|---|
| {began} | {commit} | {verdict} | {swift} | {python} |"""
path.write_text(head + begin + "\n" + rows + "\n" + end + rest.split(end)[1])
PYTHON
echo "soak: $verdict"
[ "$verdict" = passed ]
