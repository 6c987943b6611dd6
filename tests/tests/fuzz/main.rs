//! Every parser that meets foreign bytes, fuzzed: what it takes, what it must not do, and how often it was tried.
//!
//! Each target starts from real samples (`tests/corpora/TARGET/`, made by [`samples`]) and changes them with their
//! structure in mind ([`mutate`]): fields of protobuf, DER and MLS are emptied, doubled, swapped, lied about; some are
//! signed anew by the right key, so that what comes behind a signature is reached too. [`target`] tries each input:
//! - it must not panic (nor overflow: checks are on);
//! - while it is looked at, no more memory is held than the target's bound, which grows with the input's length only;
//! - what is accepted must be what it should be: the target's own property.
//!
//! Here each target tries a few thousand inputs. `just fuzz` (`WARDLINE_FUZZ_INPUTS=10000000`, release) tries them for
//! long; `docs/fuzzing.md` has how, and the figures. The engine is bolero's: a failure prints the seed
//! (`BOLERO_RANDOM_SEED`) and the smallest input it found.

#![allow(clippy::panic, reason = "an input that breaks a property ends its test there")]

mod calls;
mod certificates;
mod content;
mod events;
mod headers;
mod house;
mod invitations;
mod key_packages;
mod mutants;
mod mutate;
mod records;
mod requests;
mod resign;
mod samples;
mod script;
mod statements;
mod target;
mod traffic;
mod tree;
mod vault;
mod world;
