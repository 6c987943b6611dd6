//! `wardline unlock` and `lock`: a process of its own, the agent, keeps the vault open for the other commands, until it is told to close
//! it or has to.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitCode, Stdio},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use wardline_client_core::{
    api::{Client, Failure, FailureKind, Options},
    owner::{self, Closed, Entered, OpenFor, Ownership, Socket, enter, keep_open},
    vault::Passcode,
};
use wardline_proto::fault::planted;
use zeroize::Zeroizing;

use crate::{
    args::{Globals, UnlockArgs},
    home,
    passcode::{self, Asking},
    print::{self, Opened},
};

/// The most that an agent reads of its standard input.
const PASSCODE_BYTES_MAX: usize = 4_096;

/// What an agent says when it is ready, on one line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// How long it stays open, and how many wrong passcodes were tried before.
    Open(OpenFor, u32),
    Failed(Failure),
}

/// Opens the vault and keeps it open, in a process of its own or in this one.
pub(crate) async fn unlock(globals: &Globals, args: UnlockArgs) -> Result<ExitCode, Failure> {
    let folder =
        std::path::absolute(home::folder(globals)?).map_err(|error| no_agent(&format!("{error}.")))?;
    if !folder.join("vault.header").exists() {
        return Err(home::no_vault(&folder));
    }
    if globals.offline {
        return Err(Failure::new(
            FailureKind::Input,
            "An open vault stays connected.",
            "--offline was given with unlock.",
            "Leave it out, or give it to the commands that follow.",
        ));
    }
    let Entered::Owner(ownership) = enter(&folder).await? else {
        print::opened(&Opened::already(), globals.json);
        return Ok(ExitCode::SUCCESS);
    };
    let asked = args.open_for();
    if args.foreground {
        let client = open_here(globals, &folder).await?;
        let socket = Socket::bind(&ownership)?;
        let (open_for, wrong) = (client.open_for(asked).await, client.wrong_tries().await);
        print::opened(&Opened::now(open_for, std::process::id(), wrong), globals.json);
        return closed(&keep(socket, client, asked).await?, globals.json);
    }
    // The agent takes it.
    drop(ownership);
    let typed = passcode::text(globals.passcode_file.as_deref(), Asking::Known)?;
    let (said, process) = tokio::task::block_in_place(|| start(&folder, &typed, asked))?;
    match said {
        Said::Open(open_for, wrong) => print::opened(&Opened::now(open_for, process, wrong), globals.json),
        Said::Failed(failure) => return Err(failure),
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the vault in this process. The passcode is gone when it is open.
async fn open_here(globals: &Globals, folder: &Path) -> Result<Client, Failure> {
    let passcode = passcode::read(globals.passcode_file.as_deref(), Asking::Known)?;
    Client::open(folder, &passcode, Options::default()).await
}

/// Starts the agent, gives it the passcode, and hears whether the vault is open.
fn start(folder: &Path, passcode: &Zeroizing<String>, asked: OpenFor) -> Result<(Said, u32), Failure> {
    let failed = |error: std::io::Error| no_agent(&format!("{error}."));
    let program = std::env::current_exe().map_err(failed)?;
    let mut agent = std::process::Command::new(program)
        .arg("--home")
        .arg(folder)
        .arg("agent")
        .arg(asked.auto_lock_seconds.to_string())
        .arg(asked.max_open_seconds.to_string())
        // It outlives the folder that this command runs in.
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = agent.stdin.take() {
        // One that ended before it read says so on its standard output, or by its status.
        let _ = input.write_all(passcode.as_bytes());
    }
    let mut line = String::new();
    if let Some(output) = agent.stdout.take() {
        BufReader::new(output).read_line(&mut line).map_err(failed)?;
    }
    if let Ok(said) = serde_json::from_str(&line) {
        return Ok((said, agent.id()));
    }
    let status = agent.wait().map_err(failed)?;
    let signal = status.signal().map(|signal| format!("signal {signal}"));
    Err(no_agent(&format!("It ended with {}.", signal.unwrap_or_else(|| status.to_string()))))
}

/// The agent: reads the passcode from its standard input, says on its standard output whether the vault is open, and keeps it open.
pub(crate) async fn agent(globals: &Globals, asked: OpenFor) -> Result<ExitCode, Failure> {
    // Out of the terminal's reach: it ends neither with its window nor by its Ctrl-C.
    let _ = rustix::process::setsid();
    let folder = home::folder(globals)?;
    let opened = open(&folder).await;
    let said = match &opened {
        Ok((_, _, client)) => Said::Open(client.open_for(asked).await, client.wrong_tries().await),
        Err(failure) => Said::Failed(failure.clone()),
    };
    let line = serde_json::to_string(&said).map_err(|_| no_agent("Its answer cannot be written."))?;
    let heard = writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush());
    let Ok((ownership, socket, client)) = opened else { return Ok(ExitCode::FAILURE) };
    if heard.is_err() && !planted("mutant.unheard_stays_open") {
        // Whoever asked for it is gone: nobody would know that it is open.
        client.close().await?;
        return Ok(ExitCode::FAILURE);
    }
    keep(socket, client, asked).await?;
    // Nobody enters the home before this process and its memory are gone.
    std::mem::forget(ownership);
    Ok(ExitCode::SUCCESS)
}

/// Opens the vault with the passcode that comes in on standard input.
async fn open(folder: &Path) -> Result<(Ownership, Socket, Client), Failure> {
    let passcode = Passcode::new(read_input()?).map_err(|error| no_agent(&format!("{error}.")))?;
    if planted("mutant.passcode_kept") {
        std::mem::forget(passcode.clone());
    }
    match enter(folder).await? {
        Entered::Owner(ownership) => {
            let client = Client::open(folder, &passcode, Options::default()).await?;
            // Bound before anybody hears that it is open.
            let socket = Socket::bind(&ownership)?;
            Ok((ownership, socket, client))
        }
        Entered::Caller(_) => Err(Failure::new(
            FailureKind::Busy,
            "Another Wardline process has opened this vault meanwhile.",
            "Only one has it open.",
            "Use it as it is, or lock it first: wardline lock.",
        )),
    }
}

/// All of the standard input. Past the standard library, whose buffer is never wiped.
fn read_input() -> Result<String, Failure> {
    let mut typed = Zeroizing::new([0; PASSCODE_BYTES_MAX]);
    let mut end = 0;
    loop {
        let read = rustix::io::read(rustix::stdio::stdin(), &mut typed[end..])
            .map_err(|error| no_agent(&format!("{error}.")))?;
        if read == 0 {
            break;
        }
        end += read;
    }
    let text = std::str::from_utf8(&typed[..end]);
    Ok(text.map_err(|_| no_agent("The passcode is no text."))?.to_owned())
}

/// Keeps it open until it is closed; a signal that ends processes closes it.
async fn keep(socket: Socket, client: Client, asked: OpenFor) -> Result<Closed, Failure> {
    let mut ended = signal(SignalKind::terminate()).map_err(|error| no_agent(&format!("{error}.")))?;
    let ended = async move {
        if planted("mutant.signals_unheard") {
            std::future::pending::<()>().await;
        }
        ended.recv().await;
    };
    keep_open(socket, Arc::new(client), asked, ended).await
}

/// What `--foreground` ends with.
fn closed(closed: &Closed, json: bool) -> Result<ExitCode, Failure> {
    print::closed(closed, json);
    match closed {
        Closed::PutOut(failure) => Err(failure.clone()),
        Closed::ByHand | Closed::Unattended | Closed::Unreached => Ok(ExitCode::SUCCESS),
    }
}

/// Closes the vault, whichever process keeps it open.
pub(crate) async fn lock(globals: &Globals) -> Result<ExitCode, Failure> {
    let folder = home::folder(globals)?;
    if !folder.join("vault.header").exists() {
        return Err(home::no_vault(&folder));
    }
    let was_open = owner::lock(&folder).await?;
    print::locked(was_open, globals.json);
    Ok(ExitCode::SUCCESS)
}

fn no_agent(why: &str) -> Failure {
    Failure::new(
        FailureKind::Disk,
        "The vault cannot be kept open.",
        why,
        "Try wardline unlock --foreground, which shows more with --log debug.",
    )
}
