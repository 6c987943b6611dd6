//! `wardline admin log`, `wardline admin device record` and `wardline admin verify`: what was done, and proof of it.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use tokio::sync::broadcast::{Receiver, error::RecvError};
use wardline_client_core::api::{
    Answer, Command, Event, Failure, FailureKind, RecordFilter, verify_removal_record,
};
use wardline_identity::{Clock as _, SystemClock};

use super::once;
use crate::{
    args::{Globals, LogArgs, RecordArgs, Since, VerifyArgs},
    home::{self, Home},
    print,
};

/// How often it is said how much was read.
const SAY: Duration = Duration::from_secs(1);

/// The longest record that is read: one of 500 conversations has some 3 MB.
const RECORD_BYTES_MAX: u64 = 256 << 20;

/// Reads the relay's record.
pub(crate) async fn log(globals: &Globals, args: LogArgs) -> Result<ExitCode, Failure> {
    let since_ms = args.since.map(|since| match since {
        Since::Day(day) => print::midnight_ms(day),
        Since::Ago(seconds) => SystemClock.now().get().saturating_sub(seconds.saturating_mul(1_000)),
    });
    let filter = RecordFilter { since_ms, user: args.user, device: args.device, verify: args.verify };
    let mut open = home::open(globals).await?;
    let progress = match &open {
        Home::Own { client, .. } if args.verify => {
            Some(tokio::spawn(progress(client.events(), globals.json)))
        }
        _ => None,
    };
    let outcome = open.execute(Command::AdminLog { filter }, home::reach(globals)).await;
    if let Some(progress) = progress {
        progress.abort();
    }
    open.close().await?;
    let answer = outcome?;
    print::answer(&answer, globals.json);
    Ok(once::status_of(&answer))
}

/// Says how much of it was read, while that takes long.
async fn progress(mut events: Receiver<Event>, json: bool) {
    let mut said = tokio::time::Instant::now();
    loop {
        match events.recv().await {
            Ok(Event::RecordRead { have, of }) if said.elapsed() >= SAY => {
                print::note(&format!("{have} of {of} entries read"), json);
                said = tokio::time::Instant::now();
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Writes the removal record of a device.
pub(crate) async fn device(globals: &Globals, args: RecordArgs) -> Result<ExitCode, Failure> {
    // Before anything is asked: nothing is written over by a slip.
    if args.out.exists() && !args.force {
        return Err(there_already(&args.out));
    }
    let mut open = home::open(globals).await?;
    let outcome =
        open.execute(Command::AdminDeviceRecord { device: args.device }, home::reach(globals)).await;
    open.close().await?;
    match outcome? {
        Answer::RemovalRecord(record) => {
            write(&args.out, record.to_text().as_bytes(), args.force)?;
            print::record_written(&record.says, &args.out, globals.json);
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(Failure::defect("The answer to a removal record is none.")),
    }
}

/// Checks a removal record. Needs no home and no connection.
pub(crate) fn verify(globals: &Globals, args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let text = read(&args.record).map_err(|error| {
        Failure::new(
            FailureKind::Input,
            "The removal record cannot be read.",
            format!("{}: {error}.", args.record.display()),
            "",
        )
    })?;
    let proven = verify_removal_record(&text, args.root.as_deref())?;
    print::proven(&proven, globals.json);
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> std::io::Result<String> {
    if path.metadata()?.len() > RECORD_BYTES_MAX {
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, "it is too long for a removal record"));
    }
    std::fs::read_to_string(path)
}

/// Writes it whole or not at all, and over nothing that came meanwhile.
fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let put = || -> std::io::Result<()> {
        if !force {
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(bytes)?;
            return file.sync_all();
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    put().map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => there_already(path),
        _ => Failure::new(
            FailureKind::Disk,
            "The removal record could not be written.",
            format!("{}: {error}.", path.display()),
            "",
        ),
    })
}

fn there_already(path: &Path) -> Failure {
    Failure::new(
        FailureKind::Exists,
        format!("{} is there already.", path.display()),
        "Nothing is written over by itself.",
        "Choose another --out, or add --force.",
    )
}
