//! What can go wrong with a vault, sorted by blame: the person, the caller, the machine, us.
//!
//! The database's own errors are sorted here once; they carry SQL text and codes, never values or keys.

use std::io;

use wardline_proto::Period;

/// Why the vault could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The passcode does not open this vault.
    #[error("the passcode does not open this vault")]
    WrongPasscode,
    /// A passcode has 1 to 1,024 bytes.
    #[error("a passcode has 1 to 1,024 bytes")]
    PasscodeLength,

    /// The passcode alone does not open this vault: its relay has to answer.
    #[error("this vault is opened with its relay")]
    Paired,
    /// The vault has no pair yet: its device was not opened since it has a certificate.
    #[error("this vault was not opened since its device was enrolled")]
    Unpaired,
    /// What is known of the relay is more than a header holds (16 KiB, 16 addresses).
    #[error("what is known of the relay is too much for the vault's header")]
    PairTooLong,

    /// There is no vault here.
    #[error("there is no vault here")]
    Missing,
    /// There is a vault here already.
    #[error("there is a vault here already")]
    Exists,
    /// Making the vault was interrupted; it holds nothing and can be made anew.
    #[error("making this vault was interrupted; make it anew")]
    Unfinished,
    /// The asked or stored cost of a guess is below the floor (19 MiB, 2 passes) or beyond the ceiling.
    #[error("the cost of deriving the vault's key is out of bounds")]
    CostOutOfBounds,
    /// The relay's secret of a period is not here: what ends with it can be neither sealed nor opened.
    #[error("the relay's secret of a period is not here")]
    PeriodSecret {
        /// Which.
        period: Period,
    },
    /// The vault was closed.
    #[error("the vault is closed")]
    Closed,

    /// The disk is full; nothing was stored.
    #[error("the disk is full")]
    Full,
    /// The disk or the vault's files cannot be written; nothing was stored.
    #[error("the vault cannot be written")]
    ReadOnly,
    /// Another process has this vault open.
    #[error("the vault is in use")]
    Busy,
    /// The machine gave no randomness.
    #[error("the machine gives no randomness")]
    NoEntropy,
    /// The machine has no memory for deriving the key.
    #[error("there is no memory for deriving the vault's key")]
    NoMemory,
    /// Reading or writing a file failed.
    #[error("reading or writing the vault's files failed")]
    Io(#[source] io::Error),

    /// The vault was written by a newer version.
    #[error("the vault was written by a newer version ({found}, this one knows {known})")]
    NewerVersion {
        /// The version found.
        found: i64,
        /// The highest version known.
        known: i64,
    },
    /// The vault was written by a version before 1.0 whose vaults are not read any more.
    #[error("the vault was written by an older version ({found})")]
    OlderVersion {
        /// The version found.
        found: i64,
    },
    /// A file of the vault is damaged or was changed.
    #[error("the vault's {file} is damaged")]
    Corrupt {
        /// Which file: "header", "keyring", "periods" or "database".
        file: &'static str,
    },
    /// A defect of ours: the database refused a statement.
    #[error("the vault's database refused a statement")]
    Broken(#[source] sqlx::Error),
}

impl From<io::Error> for VaultError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly,
            _ => Self::Io(error),
        }
    }
}

impl From<sqlx::Error> for VaultError {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Io(_) => return Self::Broken(error),
            sqlx::Error::Database(database) => {
                database.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default()
            }
            _ => return Self::Broken(error),
        };
        // Primary result codes of SQLite: the low byte of the extended ones.
        match code & 0xff {
            5 | 6 => Self::Busy,
            8 => Self::ReadOnly,
            10 => Self::Io(io::Error::other(error)),
            11 | 26 => Self::Corrupt { file: "database" },
            13 => Self::Full,
            14 => Self::ReadOnly,
            _ => Self::Broken(error),
        }
    }
}
