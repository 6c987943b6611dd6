//! Following the log: one stream for all conversations, taken in entry by entry.

use std::sync::Arc;

use futures::StreamExt as _;
use wardline_identity::Organisation;
use wardline_proto::relay::{
    AckRequest, Cursor, GetOrganisationRequest, SubscribeRequest, SubscribeResponse,
    subscribe_response::Event as Incoming,
};

use super::{Link, Session, greet, key_packages};
use crate::{
    conversation::{self, encode},
    error::CoreError,
    relay::Relay,
    vault::tables::{conversations, device},
};

/// Opens the stream and takes in what comes until it ends.
pub(crate) async fn follow(
    session: &Session,
    relay: &Arc<dyn Relay>,
    transport: &'static str,
    mut on_caught_up: impl FnMut(),
) -> Result<(), CoreError> {
    let issuers_number = session.core().await.device.organisation.issuers_number();
    let cursors = cursors(session).await?;
    let request = SubscribeRequest { greeting: Some(greet::greeting(issuers_number)), cursors };
    let mut stream = relay.subscribe(request).await?;
    while let Some(incoming) = stream.next().await {
        let SubscribeResponse { event: Some(event) } = incoming? else { continue };
        match event {
            Incoming::Greeting(greeting) => {
                let now = session.clock.now();
                let greeted = greet::verify(&session.core().await.device.organisation, &greeting, now)?;
                if greeted.time.get().abs_diff(now.get()) > 300_000 {
                    tracing::warn!("this device's clock differs from the relay's by more than five minutes");
                }
                refresh_organisation(session, relay, greeted.issuers_list_number).await?;
                session.relinked(Link::Online { relay: relay.clone(), transport, caught_up: false });
                key_packages::top_up(session, relay).await?;
            }
            Incoming::Entry(entry) => {
                let effects = conversation::receive(&mut *session.core().await, &entry).await?;
                session.stepped(&effects);
                session.moved.notify_one();
            }
            Incoming::Welcome(welcome) => {
                let effects = conversation::join(&mut *session.core().await, &welcome).await?;
                session.stepped(&effects);
            }
            Incoming::CaughtUp(_) => {
                on_caught_up();
                session.relinked(Link::Online { relay: relay.clone(), transport, caught_up: true });
                session.wake.notify_one();
                session.moved.notify_one();
            }
            Incoming::Removed(removed) => {
                let out = conversation::removed(&*session.core().await, &removed).await?;
                if let Some(number) = out {
                    let conversation_id = removed.conversation_id;
                    let cursor = Cursor { conversation_id, number: number.get(), epoch: 0 };
                    relay.ack(AckRequest { cursors: vec![cursor] }).await?;
                }
            }
            Incoming::KeyPackagesLow(_) => key_packages::top_up(session, relay).await?,
        }
    }
    Ok(())
}

/// Where this device stands in each conversation it reads.
pub(crate) async fn cursors(session: &Session) -> Result<Vec<Cursor>, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("cursors").await?;
    let rows = conversations::list(&mut tx).await?;
    tx.commit().await?;
    let reads = |row: &conversations::ConversationRow| {
        matches!(row.standing, conversations::Standing::Active | conversations::Standing::Left)
    };
    Ok(rows
        .iter()
        .filter(|row| reads(row))
        .map(|row| Cursor { conversation_id: row.conversation.to_wire(), number: row.cursor.get(), epoch: 0 })
        .collect())
}

/// A higher issuers' list than one's own is fetched before anything else (design 4.2).
async fn refresh_organisation(
    session: &Session,
    relay: &Arc<dyn Relay>,
    number: u64,
) -> Result<(), CoreError> {
    let known = session.core().await.device.organisation.issuers_number();
    if number <= known {
        return Ok(());
    }
    let answer = relay.get_organisation(GetOrganisationRequest {}).await?;
    let wire = answer.organisation.ok_or(CoreError::Protocol("has no organisation"))?;
    let mut core = session.core().await;
    let root = core.device.organisation.root_fingerprint();
    let newer = Organisation::verify(&wire, &root, session.clock.now())
        .map_err(|_| CoreError::Protocol("sent issuers that the root did not sign"))?;
    if newer.issuers_number() < number {
        return Err(CoreError::Protocol("announced issuers that it does not have"));
    }
    let mut tx = core.vault.begin("store_organisation").await?;
    device::store_organisation(&mut tx, &encode(&wire)).await?;
    tx.commit().await?;
    core.device.organisation = newer;
    Ok(())
}
