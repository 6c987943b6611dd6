//! Empty stand-in for an optional dependency of openmls that Wardline never enables.
//!
//! Its real version would pin `libsqlite3-sys` to an old SQLCipher; see
//! `docs/decisions/0001-dependency-pins.md`.
