//! Looking at conversations: finding one by what people call it, listing, showing, reading.

use std::collections::BTreeMap;

use wardline_proto::{ConversationId, EntryNumber, Suite};

use super::{core::Core, hold::Hold, roster::Roster};
use crate::{
    api::{
        ConversationDetail, ConversationSummary, Failure, FailureKind, Member, MemberDevice, Message, rfc3339,
    },
    error::CoreError,
    vault::{
        Transaction, VaultError,
        tables::{
            conversations::{self, ConversationRow, Standing},
            messages::{self, MessageRow},
        },
    },
};

/// How many messages one read answers at most; more are read from the last number on.
const READ_LIMIT: u32 = 10_000;

/// The conversation that people mean: its id, an unambiguous prefix of it (4 digits or more), or its name.
pub(crate) async fn find(core: &Core, text: &str) -> Result<ConversationRow, CoreError> {
    let mut tx = core.vault.begin("find_conversation").await?;
    let rows = conversations::list(&mut tx).await?;
    tx.commit().await?;
    let prefix = text.to_ascii_lowercase();
    let by_id =
        |row: &&ConversationRow| prefix.len() >= 4 && row.conversation.to_string().starts_with(&prefix);
    let open = |row: &&ConversationRow| !matches!(row.standing, Standing::Left | Standing::Removed);
    let named: Vec<&ConversationRow> = rows.iter().filter(|row| row.name == text).collect();
    // Among several of one name, the one that is open is meant.
    let candidates: Vec<&ConversationRow> = match named.len() {
        0 => rows.iter().filter(by_id).collect(),
        1 => named,
        _ if named.iter().filter(|row| open(row)).count() == 1 => named.into_iter().filter(open).collect(),
        _ => named,
    };
    match candidates.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::new(
            FailureKind::Unknown,
            format!("There is no conversation “{text}” on this device."),
            "",
            "List them: wardline conversation list.",
        )
        .into()),
        many => {
            let ids: Vec<String> = many.iter().map(|row| row.conversation.to_string()).collect();
            Err(Failure::new(
                FailureKind::Unknown,
                format!("“{text}” could be {} conversations.", many.len()),
                format!("Their ids: {}.", ids.join(", ")),
                "Name one by its id.",
            )
            .into())
        }
    }
}

/// All conversations, the newest first.
pub(crate) async fn list(core: &Core) -> Result<Vec<ConversationSummary>, CoreError> {
    let mut tx = core.vault.begin("list_conversations").await?;
    let mut summaries = Vec::new();
    for row in conversations::list(&mut tx).await? {
        summaries.push(summary(core, &mut tx, &row).await?);
    }
    tx.commit().await?;
    Ok(summaries)
}

/// One conversation in a list.
pub(crate) async fn summary(
    core: &Core,
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
) -> Result<ConversationSummary, CoreError> {
    Ok(ConversationSummary {
        conversation: row.conversation.to_string(),
        name: row.name.clone(),
        state: row.standing.as_str().to_owned(),
        unread: messages::count_unread(tx, &row.conversation, row.read, &core.device.id()).await?,
        last: (row.cursor > EntryNumber::ZERO).then(|| rfc3339(row.last)),
        held: row.held.as_deref().map(|held| Hold::parse(held).why()),
        fault: row.fault.map(EntryNumber::get),
    })
}

/// One conversation with its members.
pub(crate) async fn detail(core: &mut Core, row: &ConversationRow) -> Result<ConversationDetail, CoreError> {
    let mut tx = core.vault.begin("show_conversation").await?;
    let summary = summary(core, &mut tx, row).await?;
    tx.commit().await?;
    let (mut members, mut safety_code) = (Vec::new(), String::new());
    if core.load_group(&row.conversation).await?
        && let Some(group) = core.groups.get(&row.conversation)
    {
        let roster = Roster::read(&core.device.organisation, &group.roster());
        members = people(&roster, &group.settings().keepers);
        safety_code = roster.safety_code();
    }
    let protection = match row.suite {
        Suite::MlKem768X25519 => "post-quantum",
        Suite::X25519 => "classic",
    };
    Ok(ConversationDetail {
        summary,
        retention_seconds: row.retention_seconds,
        safety_code,
        protection: protection.to_owned(),
        number: row.cursor.get(),
        members,
    })
}

fn people(roster: &Roster, keepers: &[String]) -> Vec<Member> {
    let mut people: BTreeMap<String, Member> = BTreeMap::new();
    for member in &roster.members {
        let certificate = &member.certificate;
        let user = certificate.user().to_string();
        let person = people.entry(user.clone()).or_insert_with(|| Member {
            keeper: keepers.contains(&user),
            user,
            name: certificate.display_name().to_string(),
            role: certificate.role().as_str().to_owned(),
            devices: Vec::new(),
        });
        person.devices.push(MemberDevice {
            device: certificate.device().to_string(),
            name: certificate.device_name().to_string(),
        });
    }
    people.into_values().collect()
}

/// The messages after `after`; marks them as read if asked to.
pub(crate) async fn read(
    core: &Core,
    conversation: &ConversationId,
    after: EntryNumber,
    mark: bool,
) -> Result<Vec<Message>, CoreError> {
    let mut tx = core.vault.begin("read").await?;
    // What has passed its retention is not shown; it is deleted when a signed time agrees with this clock.
    let now = core.clock.now();
    let mut rows = messages::list(&mut tx, conversation, after, READ_LIMIT).await?;
    rows.retain(|row| row.expires.is_none_or(|expires| expires > now));
    tx.commit().await?;
    if let (true, Some(last)) = (mark, rows.last()) {
        match mark_read(core, conversation, last.number).await {
            // A full disk must not keep people from reading what they have.
            Ok(()) | Err(VaultError::Full | VaultError::ReadOnly) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(rows.iter().map(shown).collect())
}

async fn mark_read(
    core: &Core,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<(), VaultError> {
    let mut tx = core.vault.begin("mark_read").await?;
    if let Some(row) = conversations::load(&mut tx, conversation).await?
        && row.read < number
    {
        conversations::store(&mut tx, &ConversationRow { read: number, ..row }).await?;
    }
    tx.commit().await
}

fn shown(row: &MessageRow) -> Message {
    Message {
        number: row.number.get(),
        kind: row.kind.as_str().to_owned(),
        from: row.sender_user.clone(),
        name: row.sender_name.clone(),
        device: row.sender_device.to_string(),
        time: rfc3339(row.stamp),
        expires: row.expires.map(rfc3339),
        text: row.body.clone(),
    }
}
