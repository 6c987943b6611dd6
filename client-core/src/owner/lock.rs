//! The lock of a home: `owner.lock`, holding the owner's pid for people to see.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
};

use crate::api::{Failure, FailureKind};

/// The right to open a home's vault. Released when dropped, and by the system when the process ends.
#[derive(Debug)]
pub struct Ownership {
    _lock: File,
    home: PathBuf,
}

impl Ownership {
    /// Takes the lock if it is free; `None` if another process has it.
    ///
    /// # Errors
    /// [`Failure`] of kind `Disk` if the home cannot be made or written.
    pub fn take(home: &Path) -> Result<Option<Self>, Failure> {
        prepare(home).map_err(disk)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut lock = options.open(home.join("owner.lock")).map_err(disk)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(disk(error)),
        }
        // The pid is for people; a full disk must not keep them from reading what they have.
        let _ = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()));
        Ok(Some(Self { _lock: lock, home: home.to_owned() }))
    }

    /// The home.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }
}

/// Makes the folder, for its owner only.
fn prepare(home: &Path) -> std::io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(home)
}

fn disk(error: std::io::Error) -> Failure {
    Failure::new(
        FailureKind::Disk,
        "The home cannot be used.",
        format!("{error}."),
        "Check that its folder can be written, or name another --home.",
    )
}
