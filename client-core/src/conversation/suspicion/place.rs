//! The relay's own word of where its log stands at this device's cursor.
//!
//! A relay that came back from an older copy and went on has other entries under the numbers that this device has, or none.
//! Members' words would tell, but only those of members who had seen the entries before: this tells at once.

use serde_json::json;
use wardline_proto::{ConversationId, Digest, EntryNumber, fault, relay::LogPlace};

use super::{Suspicion, is_uninvited};
use crate::{
    conversation::{core::Core, receive::Effect},
    error::CoreError,
    vault::tables::{
        chain,
        conversations::{self, Standing},
        relay_faults::RelayFaultKind,
    },
};

/// How the relay's log compares.
pub(crate) enum Compared {
    /// It is the one that this device has.
    Same(ConversationId),
    /// It is another; there is this to read.
    Other(ConversationId, Effect),
    /// There is nothing to compare it with.
    Unknown,
}

/// Compares the relay's place with this device's at the cursor that it named. A relay that has less than that is another at once;
/// which entries they are, this device has only others' word for before the entry that let it in.
pub(crate) async fn place(core: &Core, place: &LogPlace, named: EntryNumber) -> Result<Compared, CoreError> {
    let malformed = |_| CoreError::Protocol("sent a malformed place");
    let conversation = ConversationId::try_from(&place.conversation_id).map_err(malformed)?;
    let theirs = Digest::try_from(&place.chain_hash).map_err(malformed)?;
    let number = EntryNumber::new(place.number);
    let mut tx = core.vault.begin("look_at_place").await?;
    let row = conversations::load(&mut tx, &conversation).await?;
    let ours = chain::find(&mut tx, &conversation, named).await?;
    tx.commit().await?;
    let reads = |standing| matches!(standing, Standing::Active | Standing::Left | Standing::OutOfStep);
    let Some(row) = row.filter(|row| reads(row.standing) && !is_uninvited(row)) else {
        return Ok(Compared::Unknown);
    };
    let followed = named >= row.joined;
    let ours = ours.filter(|_| followed);
    let less = number < named && (followed || !fault::planted("mutant.less_before_joined"));
    if number > named || !less && ours.is_none() || fault::planted("mutant.rewound") {
        return Ok(Compared::Unknown);
    }
    if !less && ours.as_ref().is_some_and(|ours| theirs == *ours.digest()) {
        return Ok(Compared::Same(conversation));
    }
    let evidence = json!({
        "relay_number": number.get(),
        "relay_hash": theirs.to_string(),
        "ours": ours.map(|ours| ours.digest().to_string()),
    });
    let (about, kind) = ("", RelayFaultKind::Rewound);
    let suspicion =
        Suspicion { conversation: Some(conversation), kind, number: named.get(), about, evidence };
    suspicion.note_alone(core).await?;
    Ok(Compared::Other(conversation, Effect::Readable(row.line.first, row.shown(named))))
}
