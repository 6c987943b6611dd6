//! `wardline admin registrar`: checks and certifies the devices that wait, and keeps the list of revoked devices fresh.

use std::{process::ExitCode, time::Duration};

use tokio::sync::broadcast::error::RecvError;
use wardline_client_core::{
    api::{Answer, Client, Command, Event, Failure, FailureKind, Reach},
    owner::listen,
};

use crate::{
    args::Globals,
    home::{self, Home},
    print,
};

/// How long one pass waits for a request, in seconds.
const WAIT_SECONDS: u32 = 20;
/// The pause after a pass that failed for want of a connection.
const PAUSE: Duration = Duration::from_secs(2);

/// Judges what waits: once, or until interrupted.
pub(crate) async fn run(globals: &Globals, once: bool) -> Result<ExitCode, Failure> {
    let mut open = home::open(globals).await?;
    if once {
        let kept = open.execute(Command::KeepList, Reach::Online).await;
        let outcome = open.execute(Command::RegistrarPass { wait_seconds: 0 }, Reach::Online).await;
        open.close().await?;
        print::answer(&outcome?, globals.json);
        return kept.map(|_| ExitCode::SUCCESS);
    }
    let Home::Own { ownership, client } = open else {
        // Another process owns the home: the passes go through it.
        let mut said = None;
        loop {
            kept(globals, open.execute_by_itself(Command::KeepList, Reach::Online).await, &mut said);
            let command = Command::RegistrarPass { wait_seconds: 5 };
            let judged = open.execute_by_itself(command, Reach::Online).await;
            pass(globals, judged).await?;
        }
    };
    print::note("Checking requests until interrupted.", globals.json);
    tokio::select! {
        ended = listen(&ownership, client.clone()) => ended?,
        ended = passes(globals, &client) => ended?,
        ended = takes_up(globals, &client) => ended?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Has the next list name whom other devices have put on hold, as soon as that is heard of.
async fn takes_up(globals: &Globals, client: &Client) -> Result<(), Failure> {
    let (mut events, mut said) = (client.events(), None);
    loop {
        match events.recv().await {
            // Some were missed: there may be one among them.
            Ok(Event::HoldsPending) | Err(RecvError::Lagged(_)) => {
                kept(globals, client.execute(Command::KeepList, Reach::Online).await, &mut said);
            }
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Pass after pass; ends only with a failure.
async fn passes(globals: &Globals, client: &Client) -> Result<(), Failure> {
    let mut said = None;
    loop {
        // Costs nothing while the list is fresh but a look at the relay's.
        kept(globals, client.execute(Command::KeepList, Reach::Online).await, &mut said);
        let command = Command::RegistrarPass { wait_seconds: WAIT_SECONDS };
        pass(globals, client.execute(command, Reach::Online).await).await?;
    }
}

/// Says why the list could not be kept fresh, once; devices are certified all the same.
fn kept(globals: &Globals, outcome: Result<Answer, Failure>, said: &mut Option<Failure>) {
    let failure = outcome.err().filter(|failure| failure.kind != FailureKind::Unavailable);
    if let Some(failure) = failure.as_ref().filter(|failure| said.as_ref() != Some(failure)) {
        print::failure(failure, globals.json);
    }
    *said = failure;
}

/// Prints what a pass did; a lost connection only pauses.
async fn pass(globals: &Globals, outcome: Result<Answer, Failure>) -> Result<(), Failure> {
    match outcome {
        Ok(Answer::Judged(judged)) if judged.is_empty() => Ok(()),
        Ok(answer) => {
            print::answer(&answer, globals.json);
            Ok(())
        }
        Err(failure) if failure.kind == FailureKind::Unavailable => {
            tokio::time::sleep(PAUSE).await;
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}
