#!/usr/bin/env bash
# Runs a command with a throw-away PostgreSQL: its URL is in POSTERN_TEST_POSTGRES, and it is gone when the command ends.
set -uo pipefail
cd "$(dirname "$0")/.."
Scripts/deps.sh test || exit 1
folder=$(mktemp -d /tmp/postern-pg.XXXXXX)
chmod 755 "$folder"
trap 'Scripts/postgres.sh stop "$folder"' EXIT
POSTERN_TEST_POSTGRES=$(Scripts/postgres.sh start "$folder") || exit 1
export POSTERN_TEST_POSTGRES
"$@"
