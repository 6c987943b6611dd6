//! `wardline send` and `recall`: sent, queued (exit status 75) or refused (78).

use std::{io::Read as _, process::ExitCode};

use wardline_client_core::api::{Answer, Command, Failure, FailureKind};

use crate::{args::Globals, home, print};

/// The longest text that is read from standard input: one more byte than can be sent, so that it is refused.
const STDIN_BYTES_MAX: u64 = 65_537;

/// Sends a text.
pub(crate) async fn run(
    globals: &Globals,
    (conversation, text, expires_seconds): (String, String, Option<u32>),
) -> Result<ExitCode, Failure> {
    let text = if text == "-" { from_stdin()? } else { text };
    deliver(globals, Command::Send { conversation, text, expires_seconds }).await
}

/// Takes a message back.
pub(crate) async fn recall(
    globals: &Globals,
    conversation: String,
    number: u64,
) -> Result<ExitCode, Failure> {
    deliver(globals, Command::Recall { conversation, number }).await
}

async fn deliver(globals: &Globals, command: Command) -> Result<ExitCode, Failure> {
    let mut open = home::open(globals).await?;
    let outcome = open.execute(command, home::reach(globals)).await;
    open.close().await?;
    let answer = outcome?;
    print::answer(&answer, globals.json);
    Ok(match answer {
        Answer::Sent(sent) if sent.state == "queued" => ExitCode::from(FailureKind::Queued.exit_status()),
        Answer::Sent(sent) if sent.state == "refused" => ExitCode::from(FailureKind::Refused.exit_status()),
        _ => ExitCode::SUCCESS,
    })
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().take(STDIN_BYTES_MAX).read_to_string(&mut text).map_err(|error| {
        Failure::new(
            FailureKind::Input,
            "Standard input is not a text.",
            format!("{error}."),
            "Send UTF-8 of at most 65,536 bytes.",
        )
    })?;
    // The last line's end belongs to the pipe, not to the message.
    Ok(text.strip_suffix('\n').map_or(text.clone(), str::to_owned))
}
