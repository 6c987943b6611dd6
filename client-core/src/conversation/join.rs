//! Joining by a Welcome: parse, check every member, check the place in the log, and only then keep it.

use wardline_identity::Organisation;
use wardline_proto::{
    ChainHash, ConversationId, Digest, EntryNumber, Suite, UtcMillis, relay::WelcomeDelivery,
};

use super::{
    core::Core,
    receive::Effect,
    receive_commit::shown_name,
    roster::{Member, Roster, verify_leaf},
};
use crate::{
    error::CoreError,
    mls::{JoinError, JoinView, MlsError, group},
    vault::{
        Transaction,
        mls_rows::Scope,
        tables::{
            chain,
            conversations::{self, ConversationRow, Standing},
            messages::{self, MessageKind, MessageRow},
            pending_commits,
        },
    },
};

/// What a Welcome that passed the checks says.
struct Checked {
    name: String,
    retention_seconds: u32,
    before: ChainHash,
    adder: Option<Member>,
    suite: Suite,
}

/// Joins the conversation of a Welcome. One that was used before changes nothing; one that does not open or is not
/// what it should be is left unused, and the conversation stays unknown here.
pub(crate) async fn join(core: &mut Core, delivery: &WelcomeDelivery) -> Result<Vec<Effect>, CoreError> {
    let malformed = |_| CoreError::Protocol("sent a malformed Welcome");
    let conversation = ConversationId::try_from(&delivery.conversation_id).map_err(malformed)?;
    let number = EntryNumber::new(delivery.number);
    let promised = ChainHash::from_digest(Digest::try_from(&delivery.chain_hash).map_err(malformed)?);
    let outcome = join_step(core, delivery, conversation, number, promised).await;
    if !matches!(&outcome, Ok(effects) if !effects.is_empty()) {
        core.forget(&conversation);
    }
    outcome
}

async fn join_step(
    core: &mut Core,
    delivery: &WelcomeDelivery,
    conversation: ConversationId,
    number: EntryNumber,
    promised: ChainHash,
) -> Result<Vec<Effect>, CoreError> {
    core.groups.remove(&conversation);
    core.store.load(&core.vault, Scope::Conversation(conversation)).await?;
    core.store.load(&core.vault, Scope::Device).await?;
    let mut tx = core.vault.begin("join").await?;
    let known = conversations::load(&mut tx, &conversation).await?;
    if known.as_ref().is_some_and(|row| row.joined >= number || row.standing == Standing::Active) {
        return Ok(Vec::new());
    }
    // What is left of an earlier membership goes first: it cannot read on.
    if let Some(old) = group::load(&core.store, conversation)? {
        old.delete(&core.store)?;
    }
    let organisation = &core.device.organisation;
    let joined = group::join(&core.store, conversation, &delivery.welcome, |view| {
        check(organisation, view, &conversation, number)
    });
    let (group, view) = match joined {
        Ok(joined) => joined,
        Err(JoinError::Mls(error)) if !from_peer(&error) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "a Welcome was not used");
            return Ok(Vec::new());
        }
    };
    let checked = Checked {
        name: shown_name(&view.settings.name),
        retention_seconds: view.settings.retention_seconds,
        before: view.position.chain_hash,
        adder: verify_leaf(organisation, &view.adder),
        suite: view.suite,
    };
    let row = joined_row(conversation, number, UtcMillis::new(delivery.stamp_ms), &checked, known);
    pending_commits::delete(&mut tx, &conversation).await?;
    store_joined(&mut tx, &row, &checked, promised, UtcMillis::new(delivery.stamp_ms), core).await?;
    Core::finish(&core.store, tx).await?;
    core.groups.insert(conversation, group);
    Ok(vec![Effect::Joined(conversation), Effect::Readable(conversation, number)])
}

/// Why a Welcome is not used.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("a member of it is not one of the organisation's devices")]
    Stranger,
    #[error("it leads to another conversation or place than announced")]
    Elsewhere,
}

/// Every member chains to the root with their own key, the group is the one announced, and its GroupInfo carries
/// the entry before the commit.
fn check(
    organisation: &Organisation,
    view: &JoinView,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<(), Refusal> {
    if !Roster::read(organisation, &view.members).strangers.is_empty() {
        return Err(Refusal::Stranger);
    }
    if view.conversation != *conversation || view.position.number.next() != number {
        return Err(Refusal::Elsewhere);
    }
    Ok(())
}

/// Whether an error depends on what others sent, rather than on this device.
fn from_peer(error: &MlsError) -> bool {
    matches!(
        error,
        MlsError::Malformed | MlsError::WelcomeInvalid | MlsError::NoKeyPackage | MlsError::SuiteUnknown
    )
}

fn joined_row(
    conversation: ConversationId,
    number: EntryNumber,
    stamp: UtcMillis,
    checked: &Checked,
    known: Option<ConversationRow>,
) -> ConversationRow {
    let before = EntryNumber::new(number.get() - 1);
    ConversationRow {
        conversation,
        suite: checked.suite,
        name: checked.name.clone(),
        retention_seconds: checked.retention_seconds,
        standing: Standing::Active,
        held: None,
        fault: known.as_ref().and_then(|row| row.fault),
        joined: number,
        cursor: before,
        chain: checked.before,
        read: known.map_or(before, |row| row.read),
        last: stamp,
    }
}

async fn store_joined(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    checked: &Checked,
    promised: ChainHash,
    stamp: UtcMillis,
    core: &Core,
) -> Result<(), CoreError> {
    chain::clear(tx, &row.conversation).await?;
    chain::insert(tx, &row.conversation, row.cursor, &checked.before).await?;
    // The joining entry must lead there: compared when it comes.
    chain::insert(tx, &row.conversation, row.joined, &promised).await?;
    conversations::store(tx, row).await?;
    let (user, name, device) = match &checked.adder {
        Some(adder) => (
            adder.certificate.user().to_string(),
            adder.certificate.display_name().to_string(),
            adder.certificate.device(),
        ),
        None => (String::new(), "Someone".to_owned(), core.device.id()),
    };
    let event = MessageRow {
        conversation: row.conversation,
        number: row.joined,
        kind: MessageKind::Event,
        body: format!("{name} added you to “{}”", row.name),
        sender_user: user,
        sender_name: name,
        sender_device: device,
        message: None,
        stamp,
        expires: None,
    };
    messages::insert(tx, &event).await?;
    Ok(())
}
