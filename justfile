# What CI runs, by hand. `just check` equals CI.

# Everything that must hold before a change lands.
check:
    .ci/run

# Format everything.
format:
    cargo fmt --all

# The tests of one package, such as `just test wardline-identity`.
test package:
    cargo test -p {{package}}

# Licences, sources and duplicate versions (needs cargo-deny).
deny:
    cargo deny check bans licenses sources

# The fuzz targets for long (docs/fuzzing.md): every one, or those whose names contain `only`.
fuzz inputs="10000000" only="":
    WARDLINE_FUZZ_INPUTS={{inputs}} cargo --config tests/fuzz.toml test --release --locked -p wardline-tests \
        --test fuzz -- --nocapture --test-threads=1 {{only}}

# Kills of the relay, of owners and of one-shot processes, so many of each; the last line has seed and wall time.
soak-kill kills="200":
    #!/usr/bin/env bash
    set -euo pipefail
    WARDLINE_KILLS={{kills}} cargo test -p wardline-tests --test kills -- --nocapture nothing_is_lost |
        tee /dev/stderr | grep '^kills='

# So many messages on either side of a revocation, all tried on the stolen vault and on a member's; and two administrators who revoke
# so many devices each at the same time.
soak-revoke messages="10000" devices="50":
    WARDLINE_MESSAGES={{messages}} WARDLINE_DEVICES={{devices}} cargo test -p wardline-tests --test revocation -- --nocapture \
        nothing_that_is_accepted two_administrators_at_once

# 10,000 half-open connections, 2,000 idle devices, floods: the crowds in full, with their figures.
crowds:
    WARDLINE_CROWDS=full cargo test -p wardline-tests --test crowds -- --nocapture

# Clients in other languages and by another implementation of MLS, against a real relay.
foreign:
    .ci/foreign

# So many seeds of the simulation, optimised, from a first one on; the line `seeds=…` says what came of them.
simulate seeds="100000" first="0":
    WARDLINE_SEEDS={{seeds}} WARDLINE_FIRST_SEED={{first}} cargo test --release --locked -p wardline-tests \
        --test simulation -- --nocapture every_seed
