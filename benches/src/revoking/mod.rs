//! How long a lost device goes on: from the order to the relay's answer, from there to the last conversation that it is out of; how
//! long a person's removal takes by the size of the conversation; what looking at the list costs a sender.

mod acknowledged;
mod listed;
mod removed;

use std::time::Duration;

use anyhow::{Result, bail};
use wardline_client_core::api::{Answer, Client, Command, Reach};

use crate::{Place, figure::Finding, scale::Scale};

/// How long what happens by itself may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the question.
///
/// # Errors
/// The product or the machine did not do its part; no figure is an error.
pub async fn run(scale: Scale, place: &Place) -> Result<Finding> {
    let mut figures = acknowledged::run(scale, place).await?;
    figures.extend(removed::run(scale, place).await?);
    figures.extend(listed::run(scale)?);
    Ok(Finding { name: "Revoking", method: METHOD.to_owned(), figures })
}

const METHOD: &str = "Relay in a process of its own, all clients in another, one file system. Acknowledged: one device in so many \
    conversations of ten people, of whom one is connected besides it; from the administrator's command to the relay's signed answer, \
    which names the instant; everything durable on the way is in it: the signed list in the administrator's vault before it leaves, the relay's \
    transaction over all conversations, the answer in the vault. The bound is one row in one transaction with the relay's settings, its median \
    over the same minute. Closed: from that instant to the last of the changes that put it out, as the administrator sees it, within a tenth. Removed: from a \
    keeper's command to the event at another connected member that shows it, among so many enrolled people in one conversation, the others offline. \
    Listed: whether each of ten members' devices is out, by registers with so many devices revoked, in process.";

/// Makes a change; the conversation's id.
async fn changed(client: &Client, command: Command) -> Result<String> {
    match client.execute(command, Reach::Online).await? {
        Answer::Changed(changed) => Ok(changed.conversation),
        _ => bail!("a change became something else"),
    }
}
