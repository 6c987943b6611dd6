//! The relay's data folder: where each file is, who may read it, and that one process owns it.
//!
//! | File | Holds | Mode |
//! |---|---|---|
//! | `relay-ed25519.key`, `relay-p256.key` | the relay's TLS keys, PKCS #8 DER | 0600 |
//! | `relay.request` | `RelayRequest`: what the relay asks to be certified | 0644 |
//! | `relay.bundle` | `RelayBundle`: the organisation and the relay's certificates | 0644 |
//! | `relay.sqlite` (and its `-wal`, `-shm`) | everything the relay stores | 0600 |
//! | `relay.lock` | locked while a process owns the folder; holds its pid for people to read | 0644 |
//!
//! The folder is 0700. Every file is written beside its place, flushed, and renamed into it, so that a
//! crash leaves the old file or the new one.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A data folder could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// The folder does not exist.
    #[error("there is no folder {0}")]
    Missing(PathBuf),
    /// Another process owns the folder.
    #[error("another process uses {0}")]
    InUse(PathBuf),
    /// A key can be read by others than its owner.
    #[error("{0} can be read by others than its owner")]
    KeyExposed(PathBuf),
    /// A file is larger than it can be.
    #[error("{path} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What it may be.
        limit_bytes: u64,
    },
    /// The operating system said no.
    #[error("{path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

/// A data folder by its path. Makes and checks nothing until it is asked to.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
}

/// Ownership of a data folder; ends when it is dropped or the process dies, however it dies.
#[derive(Debug)]
#[must_use]
pub struct DataDirLock {
    _file: File,
}

impl DataDir {
    /// The folder at `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The relay's Ed25519 key, PKCS #8 v1 DER.
    #[must_use]
    pub fn key_ed25519(&self) -> PathBuf {
        self.path.join("relay-ed25519.key")
    }

    /// The relay's P-256 key, PKCS #8 DER.
    #[must_use]
    pub fn key_p256(&self) -> PathBuf {
        self.path.join("relay-p256.key")
    }

    /// What the relay asks to be certified.
    #[must_use]
    pub fn request(&self) -> PathBuf {
        self.path.join("relay.request")
    }

    /// What the organisation gave it.
    #[must_use]
    pub fn bundle(&self) -> PathBuf {
        self.path.join("relay.bundle")
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("relay.sqlite")
    }

    fn lock_file(&self) -> PathBuf {
        self.path.join("relay.lock")
    }

    /// Makes the folder (0700) with those above it, if it is not there; leaves an existing one's mode alone.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn create(&self) -> Result<(), DataDirError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(io_at(&self.path))
    }

    /// Makes the database's file, empty, if it is not there, and keeps it from others than its owner: the folder
    /// may be open to them. SQLite gives the files beside it the same mode.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn shield_database(&self) -> Result<(), DataDirError> {
        let path = self.database();
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        opened.and_then(|file| file.set_permissions(Permissions::from_mode(0o600))).map_err(io_at(&path))
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] if another process has it, [`DataDirError::Missing`], [`DataDirError::Io`].
    pub fn lock(&self) -> Result<DataDirLock, DataDirError> {
        if !self.path.is_dir() {
            return Err(DataDirError::Missing(self.path.clone()));
        }
        let path = self.lock_file();
        // Not truncated on opening: the pid in it may be another's.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_at(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::InUse(self.path.clone())),
            Err(TryLockError::Error(source)) => return Err(DataDirError::Io { path, source }),
        }
        // The pid is a courtesy; the lock is what counts.
        let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        noted.map_err(io_at(&path))?;
        Ok(DataDirLock { _file: file })
    }
}

/// Writes a file that anybody may read.
///
/// # Errors
/// [`DataDirError::Io`]; the old file, if any, is whole.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    write_atomically(path, bytes, 0o644)
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// [`DataDirError::Io`]; the old file, if any, is whole.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    write_atomically(path, bytes, 0o600)
}

/// Reads a file of at most `limit_bytes`; `None` if there is none.
///
/// # Errors
/// [`DataDirError::TooLarge`], [`DataDirError::Io`].
pub fn read_public(path: &Path, limit_bytes: u64) -> Result<Option<Vec<u8>>, DataDirError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DataDirError::Io { path: path.to_owned(), source }),
    };
    let mut bytes = Vec::new();
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(io_at(path))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(DataDirError::TooLarge { path: path.to_owned(), limit_bytes });
    }
    Ok(Some(bytes))
}

/// Reads a key; `None` if there is none. Refuses one that others can read: it may be known to them already.
///
/// # Errors
/// [`DataDirError::KeyExposed`], [`DataDirError::TooLarge`], [`DataDirError::Io`].
pub fn read_secret(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, DataDirError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            Err(DataDirError::KeyExposed(path.to_owned()))
        }
        _ => Ok(read_public(path, KEY_BYTES_MAX)?.map(Zeroizing::new)),
    }
}

fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DataDirError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        let source = io::Error::from(io::ErrorKind::InvalidInput);
        return Err(DataDirError::Io { path: path.to_owned(), source });
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".new");
    let beside = folder.join(beside);
    // A leftover of a crash would keep its mode: start anew.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_at(&beside)(error)),
        _ => {}
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(io_at(&beside))?;
    fs::rename(&beside, path).map_err(io_at(path))?;
    // The rename itself lives in the folder.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_at(folder))
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { path, source }
}

/// Far above any PKCS #8 key of ours (48 and 67 to 138 bytes).
const KEY_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        let first = data.lock().unwrap();
        assert!(matches!(DataDir::at(folder.path()).lock(), Err(DataDirError::InUse(_))));
        drop(first);
        let _second = data.lock().unwrap();
        let pid = fs::read_to_string(data.lock_file()).unwrap();
        assert_eq!(pid.trim(), std::process::id().to_string());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path().join("nowhere"));
        assert!(matches!(data.lock(), Err(DataDirError::Missing(_))));
        data.create().unwrap();
        assert_eq!(fs::metadata(data.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let _lock = data.lock().unwrap();
    }

    #[test]
    fn a_secret_is_for_its_owner_only_and_a_public_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (secret, public) = (folder.path().join("k"), folder.path().join("p"));
        write_secret(&secret, b"one").unwrap();
        write_secret(&secret, b"two").unwrap();
        write_public(&public, b"three").unwrap();
        assert_eq!((mode(&secret), mode(&public) & 0o600), (0o600, 0o600));
        assert_eq!(read_secret(&secret).unwrap().unwrap().as_slice(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn an_exposed_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("k");
        write_secret(&key, b"seed").unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_secret(&key), Err(DataDirError::KeyExposed(_))));
        fs::set_permissions(&key, Permissions::from_mode(0o400)).unwrap();
        assert!(read_secret(&key).unwrap().is_some());
        assert!(read_secret(&folder.path().join("none")).unwrap().is_none());
    }

    #[test]
    fn a_file_beyond_its_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write_public(&path, &[0; 9]).unwrap();
        assert!(matches!(read_public(&path, 8), Err(DataDirError::TooLarge { limit_bytes: 8, .. })));
        assert_eq!(read_public(&path, 9).unwrap().unwrap().len(), 9);
    }
}
