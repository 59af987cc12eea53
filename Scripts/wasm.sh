#!/usr/bin/env bash
# Builds the strength meter's module for browsers: the files of PasswordStrength, as they are, in Embedded Swift, and the word lists.
# wasm.sh TARGET [FOLDER FOR PARTS]
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1
parts=${2:-.build/wasm}
triple=wasm32-unknown-none-wasm
mkdir -p "$parts" "$(dirname "$target")"
toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")
swiftc -target $triple -swift-version 6 -enable-experimental-feature Embedded -wmo -Osize \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature MemberImportVisibility \
    -module-name StrengthModule -parse-as-library -I Sources/CPasswordWords/include \
    -c Sources/PasswordStrength/*.swift Sources/StrengthModule/Exports.swift -o "$parts/strength.o"
for source in Sources/StrengthModule/runtime.c Sources/CPasswordWords/words.c; do
    "$toolchain/bin/clang" --target=$triple -std=c2x -Os -fno-builtin -ffreestanding -I Sources/CPasswordWords/include \
        -c "$source" -o "$parts/$(basename "$source" .c).o"
done
"$toolchain/bin/wasm-ld" --no-entry --gc-sections -O2 --strip-all -z stack-size=262144 "$parts/strength.o" "$parts/runtime.o" "$parts/words.o" \
    "$toolchain/lib/swift/embedded/$triple/libswiftUnicodeDataTables.a" -o "$parts/strength.wasm"
# zopfli writes neither name nor time: the same module always gives the same bytes.
zopfli -c "$parts/strength.wasm" >"$parts/strength.wasm.gz"
mv "$parts/strength.wasm.gz" "$target"
