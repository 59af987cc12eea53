# make run    install what is missing, build, and start the demo on http://127.0.0.1:8080 and :8081
# make test   install what is missing, and run every test
# make soak   the long rounds, in release; writes docs/figures.md
# make bench  the benchmarks, on a quiet machine; writes docs/figures.md
# make wasm   the strength meter for browsers; the others build it where it is missing or old
# make release, make format, make lint, make clean

SWIFT ?= swift
# A wrong import between targets is an error, not a surprise.
CHECK := --explicit-target-dependency-import-check error
# Smaller: no exported symbols, each function in a section of its own so that unused ones go, identical ones folded, packed relocations
# (needs glibc 2.36, as Debian 12 has).
RELEASE := -c release --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker --no-export-dynamic -Xlinker --icf=all -Xlinker -O2 \
	-Xlinker -z -Xlinker pack-relative-relocs -Xcc -ffunction-sections -Xcc -fdata-sections -Xswiftc -Xfrontend -Xswiftc -function-sections
SOURCES := $(shell find Sources -type f ! -name '*.gz') Package.swift

MODULE := Sources/CStrengthModule/strength.wasm.gz

.PHONY: run test soak bench release wasm deps format lint clean

run: .build/debug/postern
	@exec .build/debug/postern demo $(ARGS)

.build/debug/postern: $(SOURCES) $(MODULE) | deps
	$(SWIFT) build --product postern
	@touch $@

deps:
	@Scripts/deps.sh run

# The strength meter for browsers, from the library's own files.
wasm: $(MODULE)
$(MODULE): $(wildcard Sources/PasswordStrength/*.swift Sources/StrengthModule/* Sources/CPasswordWords/*) Scripts/wasm.sh | deps
	@Scripts/wasm.sh $@

test: $(MODULE)
	@Scripts/with-postgres.sh Scripts/test.sh

soak: release
	@Scripts/with-postgres.sh Scripts/soak.sh

bench: release
	@Scripts/bench.sh

PRODUCT := postern
release: $(MODULE) | deps
	$(SWIFT) build $(RELEASE) --product $(PRODUCT)
	@if [ $(PRODUCT) = postern ]; then strip -o .build/postern .build/release/postern && ls -l .build/postern; fi

format:
	$(SWIFT) format --in-place --recursive Sources Tests Benchmarks Package.swift

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Benchmarks Package.swift
	@echo "lint: nothing to say"

clean:
	rm -rf .build .venv
