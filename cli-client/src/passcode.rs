//! The passcode: from a file's first line, or asked for on the terminal. Never from the command line.

use std::{
    io::{IsTerminal as _, Read as _},
    path::Path,
};

use wardline_client_core::{
    api::{Failure, FailureKind},
    vault::Passcode,
};
use zeroize::Zeroizing;

/// Whether the passcode is chosen now or was chosen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// For a new vault: asked twice.
    New,
    /// For a vault there is.
    Known,
}

/// The longest passcode file that is read.
const FILE_BYTES_MAX: u64 = 4_096;

/// Reads the passcode as text, for the process that opens the vault with it.
pub(crate) fn text(file: Option<&Path>, asking: Asking) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(file) => from_file(file),
        None => ask(asking),
    }
}

/// Reads the passcode.
pub(crate) fn read(file: Option<&Path>, asking: Asking) -> Result<Passcode, Failure> {
    let text = text(file, asking)?;
    Passcode::new(std::mem::take(&mut *Zeroizing::new(text.to_string()))).map_err(|error| {
        Failure::new(FailureKind::Input, "This passcode cannot be used.", format!("{error}."), "")
    })
}

/// Reads the recovery code of the root's file.
pub(crate) fn recovery_code(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    if let Some(file) = file {
        return from_file(file);
    }
    let silent = || {
        Failure::new(
            FailureKind::Input,
            "There is no terminal to ask for the recovery code on.",
            "",
            "Name a file with --recovery-code-file.",
        )
    };
    if !std::io::stdin().is_terminal() {
        return Err(silent());
    }
    rpassword::prompt_password("Recovery code: ").map(Zeroizing::new).map_err(|_| silent())
}

fn from_file(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |why: String| {
        Failure::new(
            FailureKind::Input,
            "The passcode or code file cannot be read.",
            why,
            "Name a text file whose first line is the passcode or code.",
        )
    };
    let file = std::fs::File::open(file).map_err(|error| unreadable(format!("{error}.")))?;
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| unreadable(format!("{error}.")))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn ask(asking: Asking) -> Result<Zeroizing<String>, Failure> {
    let silent = || {
        Failure::new(
            FailureKind::Input,
            "There is no terminal to ask for the passcode on.",
            "",
            "Name a file with --passcode-file.",
        )
    };
    if !std::io::stdin().is_terminal() {
        return Err(silent());
    }
    let prompt = |text: &str| rpassword::prompt_password(text).map(Zeroizing::new).map_err(|_| silent());
    match asking {
        Asking::Known => prompt("Passcode: "),
        Asking::New => {
            let first = prompt("Choose a passcode for this device: ")?;
            let second = prompt("Again: ")?;
            if first != second {
                return Err(Failure::new(
                    FailureKind::Input,
                    "The two passcodes differ.",
                    "",
                    "Run the command again.",
                ));
            }
            Ok(first)
        }
    }
}
