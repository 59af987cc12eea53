#!/usr/bin/env bash
# A throw-away PostgreSQL cluster for the tests: 'start FOLDER' prints its URL, 'stop FOLDER' ends it and removes the folder.
set -euo pipefail
action=$1 folder=$2
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)

# PostgreSQL refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

case $action in
start)
    mkdir -p "$folder"
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
    as_postgres "$bin/initdb" -D "$folder/data" -U postgres --auth=trust --no-sync >"$folder/initdb.log" 2>&1
    # Only a socket in its own folder: no port that something else may hold.
    # fsync is off because the cluster dies with the test run; durability is tested on clusters of their own.
    as_postgres "$bin/pg_ctl" -D "$folder/data" -l "$folder/postgres.log" -w -s \
        -o "-c listen_addresses='' -c max_locks_per_transaction=256 -c unix_socket_directories='$folder' -c fsync=off -c max_connections=600" start
    as_postgres psql -h "$folder" -U postgres -q -c "CREATE FUNCTION make_schema(name TEXT) RETURNS BIGINT LANGUAGE plpgsql AS
        \$\$ BEGIN EXECUTE format('CREATE SCHEMA %I', name); RETURN 1; END \$\$"
    printf 'postgres:///postgres?host=%s&user=postgres\n' "$folder"
    ;;
stop)
    if [ -d "$folder/data" ]; then as_postgres "$bin/pg_ctl" -D "$folder/data" -m immediate -s stop || true; fi
    rm -rf "$folder"
    ;;
*)
    echo "postgres.sh: start FOLDER | stop FOLDER" >&2
    exit 2
    ;;
esac
