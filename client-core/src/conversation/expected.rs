//! What a successor has to be: the people, devices and settings of the state before the commit that could not be followed,
//! as this device kept it.

use std::collections::BTreeSet;

use wardline_proto::{
    DeviceId,
    content::{ConversationSettings, Predecessor},
};

use super::{former::Former, line::line, roster::Member};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            commits,
            conversations::{Closure, ConversationRow},
            intents::{self, Wish},
        },
    },
};

/// Within this span a second log closed because of the same device goes on without it, in milliseconds: 30 days.
const AGAIN_WITHIN_MS: u64 = 30 * 86_400_000;

/// What a successor has to be.
pub(crate) struct Expected {
    /// The state that it goes on from.
    pub former: Former,
    /// Its settings.
    pub settings: ConversationSettings,
    /// The number of the closed log's last entry, as people see it.
    pub head: u64,
    /// The device whose commit it was, if one signed for it.
    author: Option<DeviceId>,
    /// The device that its maker leaves out: the second log in a row closed because of it. Whoever judges a successor does not
    /// look for that: not everybody was there the first time.
    left_out: Option<DeviceId>,
}

impl Expected {
    /// Everybody's devices but this one, as "user device", without those who left.
    pub(crate) fn members(&self, own: DeviceId, leavers: &BTreeSet<String>) -> Vec<(String, String)> {
        let (own, out) = (own.to_string(), self.left_out.map(|device| device.to_string()));
        self.former
            .going_on()
            .filter(|seat| seat.device != own && out.as_ref() != Some(&seat.device))
            .filter(|seat| !leavers.contains(&seat.user))
            .map(|seat| (seat.user.clone(), seat.device.clone()))
            .collect()
    }

    /// Whether this device goes on: who was removed by that commit with a right to does not, and makes nothing.
    pub(crate) fn has(&self, own: &DeviceId) -> bool {
        self.former.going_on().any(|seat| seat.device == own.to_string())
    }

    /// Whether the log was closed at a commit of this device.
    pub(crate) fn is_after(&self, device: &DeviceId) -> bool {
        self.author.as_ref() == Some(device)
    }

    /// The people whose word counts that it goes on rightly, for one whom `adder` let in: not hers, not the breaker's.
    pub(crate) fn witnesses(&self, own: &str, adder: Option<&Member>) -> Vec<String> {
        let author = self.author.map(|device| device.to_string());
        let broke = self.former.going_on().find(|seat| author.as_ref() == Some(&seat.device));
        let broke = broke.map(|seat| seat.user.clone());
        let users: BTreeSet<String> = self.former.going_on().map(|seat| seat.user.clone()).collect();
        witnesses(users.into_iter().filter(|user| Some(user) != broke.as_ref()), own, adder)
    }
}

/// Of these people, those who can tell this device that a successor goes on rightly: anybody but who let it in, or she
/// where there is nobody else.
pub(crate) fn witnesses(
    users: impl Iterator<Item = String>,
    own: &str,
    adder: Option<&Member>,
) -> Vec<String> {
    let adder = adder.map(|adder| adder.certificate.user().to_string());
    let users: Vec<String> = users.filter(|user| user != own).collect();
    let others: Vec<String> = users.iter().filter(|user| Some(*user) != adder.as_ref()).cloned().collect();
    if others.is_empty() { users } else { others }
}

/// What the successor of a closed log has to be; `None` if this device does not know.
pub(crate) async fn expected(
    tx: &mut Transaction<'_>,
    old: &ConversationRow,
    closure: Closure,
) -> Result<Option<Expected>, CoreError> {
    let Some(commit) = commits::find(tx, &old.conversation, closure.number).await? else { return Ok(None) };
    let Some(former) = commit.before.as_deref().and_then(Former::parse) else { return Ok(None) };
    let Some(settings) = former.settings() else { return Ok(None) };
    let mut left_out = None;
    for log in line(tx, old).await?.iter().filter(|log| log.conversation != old.conversation) {
        let Some(closed) = log.line.closed else { continue };
        let earlier = commits::find(tx, &log.conversation, closed.number).await?;
        left_out = earlier
            .filter(|earlier| earlier.author == commit.author)
            .filter(|earlier| commit.stamp.get().saturating_sub(earlier.stamp.get()) <= AGAIN_WITHIN_MS)
            .and_then(|earlier| earlier.author)
            .or(left_out);
    }
    let head = old.shown(closure.head).get();
    let predecessor = Predecessor {
        conversation_id: old.conversation.as_bytes().to_vec(),
        number: closure.number.get(),
        head,
    };
    let settings = ConversationSettings { predecessor: Some(predecessor), ..settings };
    Ok(Some(Expected { former, settings, head, author: commit.author, left_out }))
}

/// Users who said that they leave and have not been let go.
pub(crate) async fn leavers(
    tx: &mut Transaction<'_>,
    conversation: &wardline_proto::ConversationId,
) -> Result<BTreeSet<String>, CoreError> {
    let wishes = intents::open_in(tx, conversation).await?;
    Ok(wishes
        .into_iter()
        .filter_map(|wish| match wish.wish {
            Wish::LetGo { user, .. } => Some(user),
            _ => None,
        })
        .collect())
}
