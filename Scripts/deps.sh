#!/usr/bin/env bash
# Installs the Debian packages that are missing: 'deps.sh run' for building and running, 'deps.sh test' for the tests as well,
# 'deps.sh bench' for the benchmarks and their peers.
set -euo pipefail
packages=(gcc g++ libc6-dev binutils pkg-config libargon2-dev libcurl4-openssl-dev libpq-dev libsqlite3-dev zlib1g-dev libqrencode-dev libpsl-dev libcrypt-dev libssl-dev libphonenumber-dev libmaxminddb-dev zopfli)
if [ "${1:-run}" = test ]; then
    packages+=(postgresql nginx-light caddy chromium chromium-driver python3-venv openssl argon2 wrk curl oathtool zbar-tools haproxy nodejs ruby ruby-rack-attack kannel)
fi
[ "${1:-run}" = bench ] && packages+=(gcc nginx-light wrk glewlwyd sqlite3 ruby ruby-rack-attack)
if ! command -v swift >/dev/null; then
    echo "Postern needs a Swift 6.2 toolchain or newer: 'swift' is not on the PATH. See https://www.swift.org/install/linux/" >&2
    exit 1
fi
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "Install these packages as root, then try again: ${missing[*]}" >&2; exit 1; }
    sudo=sudo
fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# Servers that a package would start by itself are of no use here: the tests start their own.
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
