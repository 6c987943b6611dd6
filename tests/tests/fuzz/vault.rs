//! The files of a vault, as somebody may have changed them while it lay there.

use std::{cell::RefCell, path::PathBuf, sync::LazyLock};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use wardline_client_core::vault::{VaultError, fuzzing};
use wardline_proto::Digest;

use crate::{
    samples::DATABASE_KEY,
    target::{Input, Target, fuzz, fuzz_from, samples},
    tree::Format,
};

/// A header has one encoding.
fn header(input: &Input) -> bool {
    match fuzzing::header(&input.bytes) {
        Ok(again) => {
            assert_eq!(again, input.bytes, "a header has one encoding");
            true
        }
        Err(error) => {
            let of_the_file = matches!(
                error,
                VaultError::Corrupt { .. }
                    | VaultError::NewerVersion { .. }
                    | VaultError::OlderVersion { .. }
                    | VaultError::CostOutOfBounds
            );
            assert!(of_the_file, "{error}");
            false
        }
    }
}

#[test]
fn a_vaults_header_is_accepted_only_as_it_is_written() {
    fuzz(&Target {
        name: "vault_header",
        format: Format::Raw,
        // The check in it finds damage, not attackers.
        sign: Some(|bytes, _| {
            let length = bytes.len().saturating_sub(32);
            bytes.truncate(length);
            let check = Digest::of(bytes);
            bytes.extend_from_slice(check.as_bytes());
            true
        }),
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (4 * 1024, 8),
        check: header,
    });
}

static HEADER: LazyLock<Vec<u8>> = LazyLock::new(fuzzing::plain_header);
static KEYRINGS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| samples("vault_keyring"));

fn keyring(input: &Input) -> bool {
    match fuzzing::keyring(&HEADER, &input.bytes) {
        Ok(()) => {
            assert!(
                input.signed_anew || KEYRINGS.contains(&input.bytes),
                "it opens, and was sealed by nobody"
            );
            true
        }
        Err(error) => {
            let of_the_file = matches!(
                error,
                VaultError::WrongPasscode | VaultError::Corrupt { .. } | VaultError::NewerVersion { .. }
            );
            assert!(of_the_file, "{error}");
            false
        }
    }
}

#[test]
fn a_keyring_opens_only_as_it_was_sealed() {
    fuzz(&Target {
        name: "vault_keyring",
        format: Format::Raw,
        // The bytes sealed as they are, with a start that may be right.
        sign: Some(|bytes, how| {
            let mut content = bytes.split_off(bytes.len().min(24));
            if how & 1 == 0 {
                content.resize(34, 0);
            }
            if let Some(format) = content.first_chunk_mut::<2>().filter(|_| how & 2 == 0) {
                *format = [0, (how >> 8) as u8 & 3];
            }
            *bytes = fuzzing::sealed_keyring(&HEADER, [9; 24], &content);
            true
        }),
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (4 * 1024, 8),
        check: keyring,
    });
}

/// The keys of periods have one encoding.
fn periods(input: &Input) -> bool {
    match fuzzing::periods(&input.bytes) {
        Ok(again) => {
            assert_eq!(again, input.bytes, "the keys of periods have one encoding");
            true
        }
        Err(error) => {
            assert!(matches!(error, VaultError::Corrupt { .. } | VaultError::NewerVersion { .. }), "{error}");
            false
        }
    }
}

#[test]
fn the_keys_of_periods_are_accepted_only_as_they_are_written() {
    fuzz(&Target {
        name: "vault_periods",
        format: Format::Raw,
        sign: None,
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (4 * 1024, 8),
        check: periods,
    });
}

struct Place {
    runtime: Runtime,
    folder: TempDir,
}

thread_local! {
    static PLACE: RefCell<Place> = RefCell::new(Place {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
        folder: TempDir::new().expect("a folder"),
    });
}

static DATABASE: LazyLock<Vec<u8>> = LazyLock::new(new_database);

/// A database with one byte changed, left out or added never opens.
fn database(input: &Input) -> bool {
    let opened = PLACE.with_borrow(|place| {
        let file: PathBuf = place.folder.path().join("vault.db");
        for of in ["vault.db-wal", "vault.db-shm", "vault.db-journal"] {
            let _ = std::fs::remove_file(place.folder.path().join(of));
        }
        std::fs::write(&file, &input.bytes).expect("a file");
        place.runtime.block_on(fuzzing::database(&file, DATABASE_KEY))
    });
    assert!(
        opened.is_err() || input.bytes == *DATABASE,
        "it opens, and is another: {} bytes where there were {}, {:?} the first to differ",
        input.bytes.len(),
        DATABASE.len(),
        input.bytes.iter().zip(DATABASE.iter()).position(|(changed, as_it_was)| changed != as_it_was)
    );
    opened.is_ok()
}

/// A database as a new vault has it.
fn new_database() -> Vec<u8> {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("vault.db");
    std::fs::write(&file, []).expect("a file");
    let made = PLACE.with_borrow(|place| place.runtime.block_on(fuzzing::new_database(&file, DATABASE_KEY)));
    made.expect("a database");
    std::fs::read(&file).expect("a database")
}

#[test]
fn a_wrong_database_is_refused() {
    let target = Target {
        name: "vault_database",
        format: Format::Raw,
        sign: None,
        // Each input is a file that SQLite opens, and syncs.
        inputs: 100,
        at_most: 20_000,
        // The database's own pages: SQLite allocates past the counter.
        memory: (1 << 20, 8),
        check: database,
    };
    fuzz_from(&target, vec![DATABASE.clone()]);
}
