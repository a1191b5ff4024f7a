# Holdfast. `make test` and `make demo` are the two commands to start with.

CARGO ?= cargo
# What tests are built with.
FEATURES = fault-injection,openssl

.PHONY: all build test lint format demo bench interop silence soak storm faults endurance deb fuzz deny size dependencies ci

all: build

build:
	$(CARGO) build --release

# Every test; as root the end-to-end tests too.
test:
	scripts/test

# A gateway and its peer on 127.0.0.1, without root.
demo:
	$(CARGO) build --release --quiet --example demo
	$(CARGO) run --release --quiet --example demo

# Holdfast beside charon; needs root. Writes target/bench/summary.json.
bench:
	scripts/install-test-packages
	$(CARGO) bench --bench gateway

# Every feature with every peer, either end starting; needs root, and the
# sources of strongSwan for ML-KEM. Writes the table of docs/interop.md if all
# of it passes.
interop:
	scripts/install-test-packages
	scripts/trixie-mlkem
	HOLDFAST_INTEROP_BUILT=1 $(CARGO) nextest run --features $(FEATURES) --test e2e \
	    --run-ignored all -E 'test(interop::alone_) or test(hybrid::)'
	HOLDFAST_INTEROP_WRITE=1 $(CARGO) nextest run --features $(FEATURES) --test e2e \
	    -E 'test(interop::the_table_)'

# Thousands of interrupted swanctls over holdfast and over charon; needs root. Prints the README's table.
storm:
	scripts/install-test-packages
	$(CARGO) bench --bench storm

# A thousand persistent connections to a silent peer for SILENCE_MINUTES (10): what they cost, and
# how soon all are up when it appears; needs root.
silence:
	scripts/install-test-packages
	$(CARGO) bench --bench silence -- $(SILENCE_MINUTES)

# Rekeying from both ends at once over a bad cable for SOAK_MINUTES (20), with charon; needs root.
soak:
	scripts/install-test-packages
	$(CARGO) bench --bench soak -- $(SOAK_MINUTES)

# A Debian package of the release build, in target/debian.
deb: build
	scripts/deb target/release/holdfast target/debian

# Whatever may happen to a persistent connection, ten times each; needs root. Prints how long it took.
faults:
	scripts/install-test-packages
	$(CARGO) bench --bench faults

# The same in random order on a few tunnels for ENDURANCE_MINUTES (20): one tunnel after each strike, and
# memory and descriptors that do not grow; needs root. ENDURANCE_SEED repeats an order.
endurance:
	scripts/install-test-packages
	$(CARGO) bench --bench faults -- endurance $(or $(ENDURANCE_MINUTES),20) $(ENDURANCE_SEED)

lint: format size dependencies deny
	scripts/install-build-packages
	$(CARGO) clippy --workspace --all-targets --features $(FEATURES) -- -D warnings
	$(CARGO) clippy --workspace --all-targets -- -D warnings

format:
	$(CARGO) fmt --all --check

size:
	scripts/check-file-size

dependencies:
	scripts/check-dependencies

deny:
	scripts/need-cargo-tool cargo-deny
	$(CARGO) deny --log-level error check bans licenses sources

# Each fuzz target for FUZZ_SECONDS.
fuzz:
	scripts/fuzz

ci:
	.ci/run
