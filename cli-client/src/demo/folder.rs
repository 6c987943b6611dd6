//! The demo's folder: a temporary one that goes with the demo, however it ends, or one that is kept.

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use wardline_client_core::api::{Failure, FailureKind};
use wardline_identity::SystemEntropy;

/// A folder, removed with all that is in it when dropped, unless it is to be kept.
pub(crate) struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// An empty folder: `keep`, made if need be, or a temporary one.
    ///
    /// # Errors
    /// [`Failure`] of kind `Exists` if something is in `keep`, else `Disk`.
    pub(crate) fn make(keep: Option<PathBuf>) -> Result<Self, Failure> {
        let kept = keep.is_some();
        let path = match keep {
            Some(path) => path,
            None => temporary()?,
        };
        let full = path.read_dir().is_ok_and(|mut entries| entries.next().is_some());
        if full {
            return Err(Failure::new(
                FailureKind::Exists,
                format!("{} is not empty.", path.display()),
                "The demo starts from nothing.",
                "Name another folder with --keep.",
            ));
        }
        make(&path)?;
        // The relay runs in a process of its own: what it is told must not depend on where that is.
        let path = path.canonicalize().map_err(|error| disk(&path, &error))?;
        Ok(Self { path, kept })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it stays, if it does.
    pub(crate) fn kept(&self) -> Option<&Path> {
        self.kept.then_some(self.path.as_path())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept && std::fs::remove_dir_all(&self.path).is_err() {
            // A file that was just being made when the folder was read: once more.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// A name that nobody can have foreseen, in the system's folder for temporary files.
fn temporary() -> Result<PathBuf, Failure> {
    let random: [u8; 8] =
        SystemEntropy.array().map_err(|_| Failure::defect("The system gave no randomness."))?;
    let name = format!("wardline-demo-{}", data_encoding::HEXLOWER.encode(&random));
    Ok(std::env::temp_dir().join(name))
}

/// Makes a folder for its owner only.
fn make(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(|error| disk(path, &error))
}

/// A file or folder of the demo could not be used.
pub(crate) fn disk(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        FailureKind::Disk,
        "The demo's folder cannot be used.",
        format!("{}: {error}.", path.display()),
        "Name one that can be written with --keep.",
    )
}

/// Copies the files of a folder (not what is in folders below it) into a new one.
///
/// # Errors
/// [`Failure`] of kind `Disk`.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    make(to)?;
    for file in files(from)? {
        let Some(name) = file.file_name() else { continue };
        std::fs::copy(&file, to.join(name)).map_err(|error| disk(&file, &error))?;
    }
    Ok(())
}

/// The regular files directly in a folder.
///
/// # Errors
/// [`Failure`] of kind `Disk`.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = folder.read_dir().map_err(|error| disk(folder, &error))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes_with_what_is_in_it() {
        let folder = Folder::make(None).unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("file"), "text").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_to_be_kept_is_kept_and_must_be_empty() {
        let outer = Folder::make(None).unwrap();
        let path = outer.path().join("kept");
        drop(Folder::make(Some(path.clone())).unwrap());
        assert!(path.exists());
        std::fs::write(path.join("file"), "text").unwrap();
        assert_eq!(Folder::make(Some(path)).err().map(|failure| failure.kind), Some(FailureKind::Exists));
    }
}
