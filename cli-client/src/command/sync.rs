//! `wardline sync --follow`: stays connected and serves the other commands on this home, until this device is out.

use std::process::ExitCode;

use wardline_client_core::{
    api::{Event, Failure},
    owner::{Closed, listen},
};

use crate::{
    args::Globals,
    home::{self, Home},
    print,
};

/// Follows until interrupted.
pub(crate) async fn run(globals: &Globals) -> Result<ExitCode, Failure> {
    let Home::Own { ownership, client } = home::open(globals).await? else {
        print::note("Another process keeps this home connected already.", globals.json);
        return Ok(ExitCode::SUCCESS);
    };
    let mut events = home::Events::Own(client.events());
    client.connect().await;
    let tell = async {
        while let Some(event) = events.next().await? {
            if let Event::PutOut { failure } = event {
                return Err(failure);
            }
            if !matches!(&event, Event::Readable { conversation, .. } if conversation.is_empty()) {
                print::event(&event, globals.json);
            }
        }
        Ok::<(), Failure>(())
    };
    tokio::select! {
        ended = listen(&ownership, client.clone()) => {
            ended?;
            print::closed(&Closed::ByHand, globals.json);
        }
        ended = tell => ended?,
    }
    Ok(ExitCode::SUCCESS)
}
