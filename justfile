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
