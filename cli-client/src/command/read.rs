//! `wardline read`: one line a message, and on until interrupted with `--follow`.

use std::{process::ExitCode, sync::Arc};

use wardline_client_core::{
    api::{Answer, Client, Command, Event, Failure, Reach},
    owner::{Caller, Entered, enter, listen},
};

use super::once::status_of;
use crate::{
    args::Globals,
    home::{self, Events, Home},
    print,
};

/// What to read.
pub(crate) struct Reading {
    pub conversation: String,
    pub follow: bool,
    pub since: Option<u64>,
    pub new: bool,
}

/// Prints messages.
pub(crate) async fn run(globals: &Globals, reading: Reading) -> Result<ExitCode, Failure> {
    let mut open = home::open(globals).await?;
    let command =
        Command::Read { conversation: reading.conversation.clone(), since: reading.since, new: reading.new };
    let outcome = open.execute(command, home::reach(globals)).await;
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => {
            open.close().await?;
            return Err(failure);
        }
    };
    print::answer(&answer, globals.json);
    let status = status_of(&answer);
    let Answer::Messages(messages) = answer else { return Ok(status) };
    if !reading.follow {
        open.close().await?;
        return Ok(status);
    }
    let last = messages.messages.last().map(|message| message.number);
    let from = last.or(reading.since).unwrap_or(0);
    let told = messages.relay_faults.len();
    follow(globals, open, (messages.conversation, from, told)).await
}

/// Keeps printing what comes, as the owner (others are served meanwhile) or through it.
async fn follow(
    globals: &Globals,
    open: Home,
    (conversation, from, told): (String, u64, usize),
) -> Result<ExitCode, Failure> {
    match open {
        Home::Own { ownership, client } => {
            let events = Events::Own(client.events());
            let asked = Asked::Own(client.clone());
            tokio::select! {
                ended = listen(&ownership, client.clone()) => ended?,
                ended = show(globals, asked, events, (conversation, from, told)) => ended?,
            }
        }
        Home::Through(caller) => {
            let Entered::Caller(mut listening) = enter(&home::folder(globals)?).await? else {
                // The owner has just gone, and its socket with it.
                return Ok(ExitCode::SUCCESS);
            };
            listening.follow().await?;
            let events = Events::Through(listening);
            show(globals, Asked::Through(caller), events, (conversation, from, told)).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Who is asked for what is new.
enum Asked {
    Own(Arc<Client>),
    Through(Caller),
}

/// Prints what is new now, and again at every event of the conversation.
async fn show(
    globals: &Globals,
    mut asked: Asked,
    mut events: Events,
    (conversation, mut from, mut told): (String, u64, usize),
) -> Result<(), Failure> {
    loop {
        let command = Command::Read { conversation: conversation.clone(), since: Some(from), new: false };
        let mut answer = match &mut asked {
            Asked::Own(client) => client.execute(command, Reach::Offline).await?,
            Asked::Through(caller) => caller.execute_by_itself(command, Reach::Offline).await?,
        };
        if let Answer::Messages(messages) = &mut answer {
            from = messages.messages.last().map_or(from, |message| message.number);
            // What the relay was caught doing is told once.
            let known = told.min(messages.relay_faults.len());
            told = messages.relay_faults.len();
            messages.relay_faults.drain(..known);
            print::answer(&answer, globals.json);
        }
        loop {
            match events.next().await? {
                None => {
                    print::note("The vault was closed: nothing more comes.", globals.json);
                    return Ok(());
                }
                Some(Event::PutOut { failure }) => return Err(failure),
                Some(Event::Readable { conversation: changed, .. })
                    if changed.is_empty() || changed == conversation =>
                {
                    break;
                }
                Some(_) => {}
            }
        }
    }
}
