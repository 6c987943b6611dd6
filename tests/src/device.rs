//! A device: a home folder with a vault, used through the real program.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use wardline_client_core::{
    api::closed_status,
    vault::{KdfCost, Passcode},
};

use crate::{Output, Owner, Programs, Running, process::run};

/// A home, its passcode and the program.
#[derive(Debug, Clone)]
pub struct Device {
    /// The person.
    pub user: String,
    /// The folder with the vault.
    pub home: PathBuf,
    /// The file with its passcode.
    pub passcode_file: PathBuf,
    program: PathBuf,
    /// The fault points that its programs always run with, and those they run with now.
    always: &'static [&'static str],
    armed: String,
}

impl Device {
    pub(crate) fn at(programs: &Programs, folder: &Path, user: &str, passcode: &str) -> Self {
        let passcode_file = folder.join(format!("{user}.passcode"));
        fs::write(&passcode_file, format!("{passcode}\n")).expect("a passcode file");
        Self {
            user: user.to_owned(),
            home: folder.join(user),
            passcode_file,
            program: programs.wardline.clone(),
            always: programs.always,
            armed: armed(programs.always),
        }
    }

    /// `wardline` on this home with these arguments, to be run by the caller.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--home").arg(&self.home).arg("--passcode-file").arg(&self.passcode_file).args(arguments);
        command.env("FAILPOINTS", &self.armed);
        command
    }

    /// What its vault is made with: the least that is taken.
    pub(crate) fn cost(&self) -> KdfCost {
        if self.always.is_empty() { KdfCost::floor() } else { KdfCost { memory_kib: 8, time: 1, lanes: 1 } }
    }

    /// The passcode in its file.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn passcode(&self) -> Passcode {
        let text = fs::read_to_string(&self.passcode_file).expect("a passcode file");
        Passcode::new(text.trim_end().to_owned()).expect("a passcode")
    }

    /// Its id, as its closed vault says it.
    ///
    /// # Panics
    /// If it has no vault, or one that was not opened yet.
    #[must_use]
    pub fn id(&self) -> String {
        closed_status(&self.home).expect("a vault").device
    }

    /// The same device in the hands of somebody whose passcode is in another file.
    #[must_use]
    pub fn in_hands(&self, passcode_file: &Path) -> Self {
        Self { passcode_file: passcode_file.to_owned(), ..self.clone() }
    }

    /// The same device, whose programs run with these fault points armed (`wardline_proto::fault`).
    #[must_use]
    pub fn armed(&self, points: &[&str]) -> Self {
        Self { armed: armed(&[self.always, points].concat()), ..self.clone() }
    }

    /// Runs `wardline` on this home.
    #[must_use]
    pub fn cli(&self, arguments: &[&str]) -> Output {
        run(&mut self.command(arguments), b"")
    }

    /// Runs `wardline` on this home with something on its standard input.
    #[must_use]
    pub fn cli_with_input(&self, arguments: &[&str], input: &str) -> Output {
        run(&mut self.command(arguments), input.as_bytes())
    }

    /// Runs `wardline --json` on this home; the one object it prints. It must succeed.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> Value {
        self.cli(&[arguments, &["--json"]].concat()).good().object()
    }

    /// Runs `wardline --json` on this home; the objects it prints. It must succeed.
    #[must_use]
    pub fn ask_all(&self, arguments: &[&str]) -> Vec<Value> {
        self.cli(&[arguments, &["--json"]].concat()).good().objects()
    }

    /// Starts `wardline` on this home; its standard error goes beside the home.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments), &self.home.with_extension("log"))
    }

    /// Starts `sync --follow`, which owns the home from now on.
    #[must_use]
    pub fn follow(&self) -> Owner {
        Owner::start(self)
    }

    /// A copy of the home as it is now, as a thief with the passcode takes it.
    ///
    /// # Errors
    /// If the folder cannot be copied.
    pub fn copy_to(&self, home: &Path) -> io::Result<Self> {
        fs::create_dir_all(home)?;
        for file in fs::read_dir(&self.home)? {
            let file = file?;
            if file.file_type()?.is_file() {
                fs::copy(file.path(), home.join(file.file_name()))?;
            }
        }
        Ok(Self { home: home.to_owned(), ..self.clone() })
    }
}

/// Fault points as the environment names them: always on, or as often as they say (`place=1*return`).
pub(crate) fn armed(points: &[&str]) -> String {
    let always =
        |point: &&str| if point.contains('=') { (*point).to_owned() } else { format!("{point}=return") };
    points.iter().map(always).collect::<Vec<_>>().join(";")
}
