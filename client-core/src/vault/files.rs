//! The vault's files and how they are written: whole or not at all, readable by their owner only.
//!
//! A file is written beside its place, synced, renamed over it, and the folder synced: after a crash the old
//! or the new content is there, never a mixture. The header is written last of all when a vault is made:
//! without it there is no vault.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};

use super::VaultError;

/// What of a vault is in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    Missing,
    /// What an interrupted creation left: no secrets of anybody, replaced by the next creation.
    Unfinished,
    /// A vault.
    Present,
}

/// What of a vault is in `folder`; reads names only.
///
/// # Errors
/// [`VaultError::Io`], [`VaultError::ReadOnly`] if the folder cannot be read.
pub fn presence(folder: &Path) -> Result<Presence, VaultError> {
    let paths = Paths::of(folder);
    if paths.header.try_exists()? {
        return Ok(Presence::Present);
    }
    for file in paths.all() {
        if file.try_exists()? {
            return Ok(Presence::Unfinished);
        }
    }
    Ok(Presence::Missing)
}

/// Where the files are.
pub(super) struct Paths {
    pub(super) folder: PathBuf,
    pub(super) header: PathBuf,
    pub(super) keyring: PathBuf,
    /// The keyring of a passcode change whose header is not yet, or just, in force.
    pub(super) keyring_next: PathBuf,
    /// The keys of periods.
    pub(super) periods: PathBuf,
    pub(super) database: PathBuf,
    /// A copy of the database under the keys of a header that is not yet, or just, in force.
    pub(super) database_next: PathBuf,
    /// How many tries are left, and the id of the one that is open.
    pub(super) open_try: PathBuf,
}

impl Paths {
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            header: folder.join("vault.header"),
            keyring: folder.join("vault.keyring"),
            keyring_next: folder.join("vault.keyring.next"),
            periods: folder.join("vault.periods"),
            database: folder.join("vault.db"),
            database_next: folder.join("vault.db.next"),
            open_try: folder.join("vault.try"),
        }
    }

    /// Every file a vault may consist of, leftovers included.
    fn all(&self) -> Vec<PathBuf> {
        let mut all = vec![self.database.clone()];
        all.extend(self.beside_database());
        all.extend(self.next());
        for file in [&self.keyring, &self.keyring_next, &self.periods, &self.open_try, &self.header] {
            all.extend([file.clone(), beside(file)]);
        }
        all
    }

    /// What the database's library keeps beside it.
    pub(super) fn beside_database(&self) -> [PathBuf; 3] {
        ["vault.db-wal", "vault.db-shm", "vault.db-journal"].map(|name| self.folder.join(name))
    }

    /// The copy under other keys, and what lies beside it.
    fn next(&self) -> [PathBuf; 4] {
        ["vault.db.next", "vault.db.next-wal", "vault.db.next-shm", "vault.db.next-journal"]
            .map(|name| self.folder.join(name))
    }

    /// Clears a copy that was not finished.
    pub(super) fn clear_next(&self) -> Result<(), VaultError> {
        self.next().iter().try_for_each(|file| remove(file))
    }

    /// Makes the folder if need be, for its owner only, and clears what an interrupted creation left.
    pub(super) fn prepare(&self) -> Result<(), VaultError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(&self.folder)?;
        #[cfg(unix)]
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))?;
        for leftover in self.all() {
            remove(&leftover)?;
        }
        sync_folder(&self.folder)
    }

    /// An empty database file with the right permissions, before the database makes its own with others.
    pub(super) fn touch_database(&self) -> Result<(), VaultError> {
        touch(&self.database)
    }
}

/// An empty file with the right permissions.
pub(super) fn touch(file: &Path) -> Result<(), VaultError> {
    owner_only().create_new(true).open(file)?.sync_all()?;
    Ok(())
}

/// Puts `content` in `file`, whole or not at all.
pub(super) fn write_atomically(file: &Path, content: &[u8]) -> Result<(), VaultError> {
    let beside = beside(file);
    remove(&beside)?;
    let mut written = owner_only().create_new(true).open(&beside)?;
    let outcome = written.write_all(content).and_then(|()| written.sync_all());
    drop(written);
    let outcome = outcome.and_then(|()| fs::rename(&beside, file));
    if let Err(error) = outcome {
        // Best effort: the next write clears it anyway.
        drop(fs::remove_file(&beside));
        return Err(error.into());
    }
    sync_folder(file.parent().unwrap_or(Path::new(".")))
}

/// Renames within the folder and syncs it.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), VaultError> {
    fs::rename(from, to)?;
    sync_folder(to.parent().unwrap_or(Path::new(".")))
}

/// The content of a file that may be missing; refuses one beyond any size of ours.
pub(super) fn read(file: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    read_at_most(file, BYTES_MAX, "header")
}

/// The same with another bound, and the name that the file has in errors.
pub(super) fn read_at_most(
    file: &Path,
    bytes_max: u64,
    name: &'static str,
) -> Result<Option<Vec<u8>>, VaultError> {
    match fs::metadata(file) {
        Ok(metadata) if metadata.len() > bytes_max => Err(VaultError::Corrupt { file: name }),
        Ok(_) => Ok(Some(fs::read(file)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes a file that may be missing.
pub(super) fn remove(file: &Path) -> Result<(), VaultError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".writing");
    name.into()
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    options.mode(0o600);
    options
}

/// A rename is durable only when its folder is synced.
fn sync_folder(folder: &Path) -> Result<(), VaultError> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Header and keyring are some hundred bytes.
const BYTES_MAX: u64 = 64 * 1024;
