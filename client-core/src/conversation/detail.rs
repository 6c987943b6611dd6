//! Looking at conversations: finding one by what people call it, listing, showing, reading.

use std::collections::{BTreeMap, HashMap};

use wardline_proto::{ConversationId, EntryNumber, Suite};

use super::{
    core::Core,
    hold::Hold,
    line::{heads, line},
    permitted::{longest_life, policy},
    recall::Target,
    roster::Roster,
    suspicion, waits,
};
use crate::{
    api::{
        ConversationDetail, ConversationSummary, Failure, FailureKind, Member, MemberDevice, Message,
        member_faults, rfc3339, waiting_devices,
    },
    error::CoreError,
    vault::{
        Transaction, VaultError,
        tables::{
            conversations::{self, ConversationRow, Standing},
            messages::{self, MessageKind, MessageRow},
        },
    },
};

/// How many messages one read answers at most; more are read from the last number on.
const READ_LIMIT: u32 = 10_000;

/// The conversation that people mean: its id, an unambiguous prefix of it (4 digits or more), or its name.
pub(crate) async fn find(core: &Core, text: &str) -> Result<ConversationRow, CoreError> {
    let mut tx = core.vault.begin("find_conversation").await?;
    let rows = heads(&mut tx).await?;
    let mut ids: HashMap<ConversationId, Vec<String>> = HashMap::new();
    for row in &rows {
        // Any of its logs' ids names a conversation.
        let logs = line(&mut tx, row).await?;
        let of_line = logs.iter().map(|log| log.conversation.to_string()).chain([row.line.first.to_string()]);
        ids.insert(row.conversation, of_line.collect());
    }
    tx.commit().await?;
    let prefix = text.to_ascii_lowercase();
    let named_so = |id: &String| id.starts_with(&prefix);
    let by_id = |row: &&ConversationRow| prefix.len() >= 4 && ids[&row.conversation].iter().any(named_so);
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
            let ids: Vec<String> = many.iter().map(|row| row.line.first.to_string()).collect();
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
    for row in heads(&mut tx).await? {
        summaries.push(summary(core, &mut tx, &row).await?);
    }
    summaries.extend(waits::summaries(&mut tx, core.clock.now()).await?);
    tx.commit().await?;
    Ok(summaries)
}

/// One conversation in a list.
pub(crate) async fn summary(
    core: &Core,
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
) -> Result<ConversationSummary, CoreError> {
    let (mut unread, mut missed) = (0, 0);
    for log in line(tx, row).await? {
        unread += messages::count_unread(tx, &log.conversation, log.read, &core.device.id()).await?;
        missed += messages::count_missed(tx, &log.conversation, log.read).await?;
    }
    Ok(ConversationSummary {
        conversation: row.line.first.to_string(),
        name: row.name.clone(),
        state: row.standing.as_str().to_owned(),
        unread,
        missed,
        last: (row.shown(row.cursor) > EntryNumber::ZERO).then(|| rfc3339(row.last)),
        held: row.held.as_deref().map(|held| Hold::parse(held).why()),
        fault: suspicion::first(tx, row).await?,
    })
}

/// One conversation with its members.
pub(crate) async fn detail(core: &mut Core, row: &ConversationRow) -> Result<ConversationDetail, CoreError> {
    let mut tx = core.vault.begin("show_conversation").await?;
    let summary = summary(core, &mut tx, row).await?;
    let relay_faults = suspicion::shown(&mut tx, row).await?;
    tx.commit().await?;
    let (mut members, mut safety_code) = (Vec::new(), String::new());
    if core.load_group(&row.conversation).await?
        && let Some(group) = core.groups.get(&row.conversation)
    {
        let roster = Roster::read(&core.device.organisation, &group.roster());
        members = people(&roster, &group.settings().keepers);
        safety_code = roster.safety_code();
    }
    let member_faults = member_faults(core, row).await?;
    let waiting = waiting_devices(core, Some(&row.conversation)).await?;
    let protection = match row.suite {
        Suite::MlKem768X25519 => "post-quantum",
        Suite::X25519 => "classic",
    };
    Ok(ConversationDetail {
        summary,
        retention_seconds: longest_life(policy(core), row),
        safety_code,
        protection: protection.to_owned(),
        number: row.shown(row.cursor).get(),
        members,
        member_faults,
        waiting,
        relay_faults,
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

/// The messages after the number that people see, or what was not read if none is given; marks them as read if asked to.
/// The logs of a conversation that broke and went on are read as one.
pub(crate) async fn read(
    core: &Core,
    row: &ConversationRow,
    after: Option<EntryNumber>,
    mark: bool,
) -> Result<Vec<Message>, CoreError> {
    let mut tx = core.vault.begin("read").await?;
    // What has passed its retention is not shown, also where deleting it failed.
    let now = core.retention_now();
    let (mut read, mut last) = (Vec::new(), Vec::new());
    for log in line(&mut tx, row).await? {
        let from = match after {
            Some(after) => EntryNumber::new(after.get().saturating_sub(log.line.offset)),
            None => log.read,
        };
        let left = READ_LIMIT.saturating_sub(u32::try_from(read.len()).unwrap_or(u32::MAX));
        let mut rows = messages::list(&mut tx, &log.conversation, from, left).await?;
        rows.retain(|row| row.expires.is_none_or(|expires| expires > now));
        last.extend(rows.last().map(|row| (log.conversation, row.number)));
        read.extend(rows.iter().map(|row| shown(row, &log)));
    }
    tx.commit().await?;
    for (log, number) in last.iter().filter(|_| mark) {
        match mark_read(core, log, *number).await {
            // A full disk must not keep people from reading what they have.
            Ok(()) | Err(VaultError::Full | VaultError::ReadOnly) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
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

fn shown(row: &MessageRow, log: &ConversationRow) -> Message {
    let (kind, text) = match row.kind {
        MessageKind::Recall => (MessageKind::Event, recall_text(row)),
        kind => (kind, row.body.clone()),
    };
    Message {
        number: log.shown(row.number).get(),
        kind: kind.as_str().to_owned(),
        from: row.sender_user.clone(),
        name: row.sender_name.clone(),
        device: row.sender_device.to_string(),
        time: rfc3339(row.stamp),
        expires: row.expires.map(rfc3339),
        text,
    }
}

/// Who took which message back.
fn recall_text(row: &MessageRow) -> String {
    match Target::of_row(row) {
        Some((_, shown)) if shown > 0 => format!("{} took number {shown} back", row.sender_name),
        _ => format!("{} took a message back", row.sender_name),
    }
}
