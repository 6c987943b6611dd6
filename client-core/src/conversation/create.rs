//! Making a conversation: the group, its row and the wish to add people, in one step.

use wardline_proto::{ChainHash, ConversationId, EntryNumber, Suite, content::ConversationSettings};

use super::{
    core::{Core, random},
    permitted::policy,
};
use crate::{
    error::CoreError,
    mls::group,
    vault::{
        mls_rows::Scope,
        tables::{
            conversations::{self, ConversationRow, Line, Standing},
            intents::{self, Wish},
        },
    },
};

/// Makes a conversation with this name and wishes for the people; answers its id and the wish's place.
///
/// The relay hears of it when the outbox runs: the group exists in the vault first.
pub(crate) async fn create(
    core: &mut Core,
    name: &str,
    users: Vec<String>,
    suite: Suite,
) -> Result<(ConversationId, i64), CoreError> {
    let conversation = ConversationId::from_bytes(random(&*core.entropy)?);
    let outcome = create_step(core, conversation, name, users, suite).await;
    if outcome.is_err() {
        core.forget(&conversation);
    }
    outcome.map(|intent| (conversation, intent))
}

async fn create_step(
    core: &mut Core,
    conversation: ConversationId,
    name: &str,
    users: Vec<String>,
    suite: Suite,
) -> Result<i64, CoreError> {
    let settings = ConversationSettings {
        name: name.to_owned(),
        retention_seconds: policy(core).rules.life_seconds_default,
        keepers: vec![core.device.user().to_string()],
        number: 1,
        predecessor: None,
    };
    let now = core.clock.now();
    let request = random(&*core.entropy)?;
    core.store.load(&core.vault, Scope::Conversation(conversation)).await?;
    let mut tx = core.vault.begin("create").await?;
    let group = group::create(&core.store, &core.device.newest().identity(), suite, conversation, &settings)?;
    let row = ConversationRow {
        conversation,
        suite,
        name: settings.name,
        retention_seconds: settings.retention_seconds,
        standing: Standing::Creating,
        held: None,
        joined: EntryNumber::ZERO,
        cursor: EntryNumber::ZERO,
        chain: ChainHash::genesis(&conversation),
        read: EntryNumber::ZERO,
        last: now,
        line: Line::alone(conversation),
    };
    conversations::store(&mut tx, &row).await?;
    let intent = intents::insert(&mut tx, &conversation, &Wish::Add { users }, &request, now, now).await?;
    Core::finish(&core.store, tx).await?;
    core.groups.insert(conversation, group);
    Ok(intent)
}
