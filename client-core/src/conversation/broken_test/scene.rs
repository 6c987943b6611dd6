//! What happens again and again in these claims: a commit that others take in, a device that is added anew, bytes that do not come
//! as they are.

use wardline_identity::DeviceCertificate;
use wardline_proto::{
    ConversationId, Digest,
    relay::{Entry, EntryKind, RemovalGround, removal_ground::Ground},
};

use super::ward::{Log, Phone};
use crate::{
    conversation::{
        Change, Completed,
        add_anew::add_anew,
        code_of, complete, encode, report,
        roster::{Member, Roster},
    },
    mls::VerifiedKeyPackage,
    vault::tables::intents::{self, Wish},
};

/// A commit that these take in; its Welcome.
pub(crate) async fn commit(
    log: &mut Log,
    by: &mut Phone,
    change: Change,
    others: &mut [&mut Phone],
) -> Vec<u8> {
    let pending = by.stages(&log.conversation, change).await;
    let welcome = pending.welcome.clone().unwrap_or_default();
    log.commit(by, pending);
    log.deliver(by).await;
    for other in others {
        log.deliver(other).await;
    }
    welcome
}

/// The change that a wish comes to with these packages.
pub(super) async fn completes(
    by: &mut Phone,
    conversation: &ConversationId,
    wish: &Wish,
    adds: Vec<(VerifiedKeyPackage, DeviceCertificate)>,
) -> Change {
    match complete(&mut by.core, conversation, wish, adds).await.unwrap() {
        Completed::Commit(change) => *change,
        Completed::Nothing | Completed::Unready => panic!("it comes to a commit"),
    }
}

/// A change that takes a member out by this ground.
pub(super) fn removal(member: Member, ground: Ground) -> Change {
    Change { removes: vec![(member, RemovalGround { ground: Some(ground) })], ..Change::default() }
}

/// A member of a group, as another sees it.
pub(crate) async fn member(phone: &mut Phone, log: &Log, of: &Phone) -> Member {
    phone.core.load_group(&log.conversation).await.unwrap();
    let leaves = phone.core.groups[&log.conversation].roster();
    let roster = Roster::read(&phone.core.device.organisation, &leaves);
    roster.device(&of.core.device.id()).expect("it is in").clone()
}

/// `by` adds a device anew by its report; answers whether it could.
pub(super) async fn anew(
    log: &mut Log,
    by: &mut Phone,
    device: &mut Phone,
    others: &mut [&mut Phone],
) -> bool {
    match lets_back(log, by, device, others).await {
        Some(welcome) => log.welcome(device, &welcome).await,
        None => false,
    }
}

/// The same, and the Welcome is still to come.
pub(crate) async fn lets_back(
    log: &mut Log,
    by: &mut Phone,
    device: &Phone,
    others: &mut [&mut Phone],
) -> Option<Vec<u8>> {
    let (_, report) = report(&device.core, &log.conversation).await.unwrap()?;
    let removes = add_anew(&mut by.core, &log.conversation, &[encode(&report)]).await.unwrap();
    if removes.is_empty() {
        return None;
    }
    let change = Change { adds: vec![device.package().await], removes, ..Change::default() };
    Some(commit(log, by, change, others).await)
}

/// The relay has what it says of a commit, and not its bytes.
pub(crate) fn without_commits(entry: &mut Entry) {
    if entry.kind() == EntryKind::Commit {
        entry.message.clear();
    }
}

/// The relay has other bytes.
pub(super) fn noise(entry: &mut Entry) {
    let bytes: Vec<u8> = entry.message.iter().map(|byte| byte ^ 1).collect();
    (entry.message_sha256, entry.message) = (Digest::of(&bytes).to_wire(), bytes.into());
}

/// What a device wishes for.
pub(super) async fn wishes(phone: &Phone) -> Vec<Wish> {
    let mut tx = phone.core.vault.begin("wishes").await.unwrap();
    intents::open(&mut tx).await.unwrap().into_iter().map(|open| open.wish).collect()
}

/// Everybody's safety code of a group: the same if they are in one state.
pub(super) async fn code(phone: &mut Phone, conversation: &ConversationId) -> String {
    phone.core.load_group(conversation).await.unwrap();
    let group = &phone.core.groups[conversation];
    let leaves: Vec<u8> = group.roster().into_iter().flat_map(|leaf| leaf.certificate_der).collect();
    format!("{} {}", group.epoch(), code_of(&Digest::of(&leaves)))
}
