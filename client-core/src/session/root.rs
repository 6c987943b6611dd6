//! What the root's holder does with the recovery file alone: look at it, and copy it under a new code.

use std::path::Path;

use wardline_identity::Entropy;
use zeroize::Zeroizing;

use super::recovery_file;
use crate::error::CoreError;

/// What a recovery file is of. No secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownRoot {
    /// The organisation's id.
    pub organisation: String,
    /// Its name.
    pub name: String,
    /// SHA-256 of its root certificate: what devices pin.
    pub root: String,
}

/// A copy of a recovery file.
pub struct BackedUpRoot {
    /// What it is of.
    pub shown: ShownRoot,
    /// Opens the copy; shown once, kept nowhere.
    pub recovery_code: Zeroizing<String>,
}

/// Looks at a recovery file.
pub(crate) fn show_root(file: &Path, code: &str) -> Result<ShownRoot, CoreError> {
    let root = recovery_file::open(file, code)?;
    Ok(ShownRoot {
        organisation: root.organisation().to_string(),
        name: root.name().to_string(),
        root: root.fingerprint().to_string(),
    })
}

/// Writes a copy of a recovery file that opens, under a code of its own.
pub(crate) fn back_up_root(
    (file, code): (&Path, &str),
    out: &Path,
    entropy: &dyn Entropy,
) -> Result<BackedUpRoot, CoreError> {
    let shown = show_root(file, code)?;
    let root = recovery_file::open(file, code)?;
    let recovery_code = recovery_file::code(entropy)?;
    recovery_file::write(out, &root, &recovery_code)?;
    // Nobody finds out in five years that the copy does not open.
    recovery_file::open(out, &recovery_code)?;
    Ok(BackedUpRoot { shown, recovery_code })
}
