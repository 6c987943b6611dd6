//! From a wish to a change: what is still missing between what is wanted and what the roster shows.
//!
//! A plan is made from the newest roster each time, so that a wish whose commit lost its epoch asks only for what is
//! still missing.

use wardline_identity::UserId;
use wardline_proto::{
    ConversationId,
    content::ConversationSettings,
    fault::planted,
    relay::{KeeperRight, RemovalGround, SignedStatement, removal_ground::Ground},
};

use super::{
    add_anew::add_anew,
    commit::Change,
    core::Core,
    correct::{correction, wrongs},
    grounds::{approval as approval_of, confirmation as confirmation_of},
    judge::keeps,
    permitted::{life_refusal, policy},
    receive::decode,
    revoked::{is_itself_out, is_named, out, outlived, removals, wish_for_removal},
    roster::{Member, Roster},
    said_anew::said_anew,
    standing::{go_on, stands},
    successor::is_incomplete,
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    mls::Group,
    vault::tables::{
        conversations::{self, ConversationRow},
        intents::{self, IntentRow, Wish},
    },
};

/// What a wish needs now.
pub(crate) enum Plan {
    /// Nothing: it has come true.
    Nothing,
    /// The devices of these users, from the directory; then `missing` and `complete` ([`super::complete`]).
    People(Vec<UserId>),
    /// A commit.
    Commit(Box<Change>),
    /// Not now: something has to be put right first.
    Later,
    /// It cannot come true.
    Impossible(Failure),
}

/// What a wish needs, by the newest roster.
pub(crate) async fn plan(
    core: &mut Core,
    conversation: &ConversationId,
    wish: &Wish,
) -> Result<Plan, CoreError> {
    let wish = &said_anew(core, conversation, wish).await?;
    let mut tx = core.vault.begin("plan").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    let now = core.clock.now();
    // Who must not be in waits for a correction that is made now, which takes them out too; for a later one it does not.
    let waits = |open: &IntentRow| *wish != Wish::RemoveRevoked || open.is_due(now);
    let open = intents::open_in(&mut tx, conversation).await?;
    let correcting = open.iter().any(|open| open.wish == Wish::Correct && waits(open));
    tx.commit().await?;
    if let Wish::Succeed { number, .. } = wish {
        return go_on(core, conversation, *number).await;
    }
    let row = match stands(row) {
        Ok(row) => row,
        Err(plan) => return Ok(plan),
    };
    if !core.load_group(conversation).await? {
        return Ok(Plan::Impossible(closed()));
    }
    if is_itself_out(core) || outlived(core).is_some() {
        return Ok(Plan::Later);
    }
    match wish {
        Wish::Correct => return correct(core, &row).await,
        // Whatever else is wished for is planned by what is right.
        _ if correcting => return Ok(Plan::Later),
        _ if goes_first(core, conversation, wish).await? => return Ok(Plan::Later),
        Wish::AddAnew { reports } => {
            let anew = add_anew(core, conversation, reports).await?;
            return Ok(people(anew.iter().map(|(member, _)| member)));
        }
        _ => {}
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(Plan::Impossible(closed())) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let mut tx = core.vault.begin("look_who_is_missing").await?;
    let incomplete = is_incomplete(&mut tx, &row, (&roster, &core.revocations, core.clock.now())).await?;
    tx.commit().await?;
    if incomplete && !matches!(wish, Wish::Restore { .. } | Wish::RemoveRevoked) {
        return Ok(Plan::Later);
    }
    Ok(match wish {
        Wish::Add { users } => add(users),
        Wish::AddOwnDevice { .. } => Plan::People(vec![core.device.user().clone()]),
        Wish::Remove { user } => remove(core, &roster, &group.settings(), user),
        Wish::LetGo { user, leave } => let_go(&roster, user, leave),
        Wish::Renew => Plan::Commit(Box::default()),
        Wish::RenewLeaf => renew_leaf(core, group),
        Wish::Rename { name } => rename(core, &roster, group.settings(), name),
        Wish::Retain { seconds } => retain(core, &roster, group.settings(), *seconds),
        Wish::Mend { user, devices, .. } => mend(core, &roster, user, devices),
        Wish::Restore { members } => restore(core, &roster, members),
        Wish::AddBack { user, .. } => add_back(&roster, user),
        Wish::RemoveRevoked => remove_revoked(core, &roster),
        Wish::AddDevice { user, approval, .. } => {
            let approved = decode(approval).is_some_and(|one| approval_of(&roster, &one).is_some());
            UserId::parse(user)
                .ok()
                .filter(|_| approved)
                .map_or(Plan::Nothing, |user| Plan::People(vec![user]))
        }
        Wish::LetBack { user, confirmation, .. } => {
            let confirmed = decode(confirmation).is_some_and(|one| confirmation_of(&roster, &one).is_some());
            let user = UserId::parse(user).ok().filter(|_| confirmed);
            user.map_or(Plan::Nothing, |user| Plan::People(vec![user]))
        }
        Wish::Correct | Wish::AddAnew { .. } | Wish::Succeed { .. } => Plan::Nothing,
    })
}

/// Every commit of this device takes its leaf along.
fn renew_leaf(core: &Core, group: &Group) -> Plan {
    core.device.next_voice(group).map_or(Plan::Nothing, |_| Plan::Commit(Box::default()))
}

/// Whether somebody must leave before anything else is changed: that is wished for, at once.
async fn goes_first(core: &Core, conversation: &ConversationId, wish: &Wish) -> Result<bool, CoreError> {
    let Some(group) = core.groups.get(conversation) else { return Ok(false) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let nobody = out(&core.revocations, &roster).is_empty();
    if *wish == Wish::RemoveRevoked || nobody || planted("mutant.commit_to_revoked") {
        return Ok(false);
    }
    let now = core.clock.now();
    let mut tx = core.vault.begin("wish_for_removal").await?;
    wish_for_removal(&mut tx, conversation, &*core.entropy, (now, now)).await?;
    tx.commit().await?;
    Ok(true)
}

/// All devices that the list names go out by one commit.
fn remove_revoked(core: &Core, roster: &Roster) -> Plan {
    let removes = removals(&core.revocations, out(&core.revocations, roster));
    if removes.is_empty() {
        return Plan::Nothing;
    }
    Plan::Commit(Box::new(Change { removes, ..Change::default() }))
}

fn add(users: &[String]) -> Plan {
    let mut wanted: Vec<UserId> = Vec::with_capacity(users.len());
    for user in users {
        match UserId::parse(user) {
            Ok(user) => wanted.push(user),
            Err(_) => return Plan::Impossible(nobody(user)),
        }
    }
    Plan::People(wanted)
}

/// The people behind some members, each once; nothing if there are none.
fn people<'a>(members: impl Iterator<Item = &'a Member>) -> Plan {
    let mut users: Vec<UserId> = members.map(|member| member.certificate.user().clone()).collect();
    users.sort_unstable();
    users.dedup();
    if users.is_empty() { Plan::Nothing } else { Plan::People(users) }
}

async fn correct(core: &mut Core, row: &ConversationRow) -> Result<Plan, CoreError> {
    Ok(match wrongs(core, row).await? {
        None => Plan::Nothing,
        Some((wrongs, _)) if wrongs.undeclared.is_empty() || wrongs.fenced => {
            Plan::Commit(Box::new(correction(&core.revocations, wrongs, Vec::new())))
        }
        Some((wrongs, _)) => Plan::People(wrongs.users()),
    })
}

/// Who was removed beyond rights is added as any member may add them: a person who is out by anybody, a further device of
/// one who is in by that person.
fn mend(core: &Core, roster: &Roster, user: &str, devices: &[String]) -> Plan {
    let Ok(user) = UserId::parse(user) else { return Plan::Nothing };
    let back =
        |device: &String| roster.of_user(&user).any(|one| one.certificate.device().to_string() == *device);
    let in_again =
        if planted("mutant.mend_by_user") { roster.has_user(&user) } else { devices.iter().any(back) };
    if devices.iter().all(back) || in_again && user != *core.device.user() {
        return Plan::Nothing;
    }
    Plan::People(vec![user])
}

/// Nobody's device comes back past a person who is in.
fn add_back(roster: &Roster, user: &str) -> Plan {
    let user = UserId::parse(user).ok().filter(|user| !roster.has_user(user));
    user.map_or(Plan::Nothing, |user| Plan::People(vec![user]))
}

/// Who was in the log that this conversation goes on from is in it, but for devices that were revoked since.
fn restore(core: &Core, roster: &Roster, members: &[(String, String)]) -> Plan {
    let here = |device: &str| roster.members.iter().any(|one| one.certificate.device().to_string() == device);
    let out = |device: &str| !here(device) && !is_named(&core.revocations, device);
    let missing = members.iter().filter(|(_, device)| out(device));
    let mut users: Vec<UserId> = missing.filter_map(|(user, _)| UserId::parse(user).ok()).collect();
    users.sort_unstable();
    users.dedup();
    if users.is_empty() { Plan::Nothing } else { Plan::People(users) }
}

fn remove(core: &Core, roster: &Roster, settings: &ConversationSettings, user: &str) -> Plan {
    let Ok(user) = UserId::parse(user) else { return Plan::Impossible(nobody(user)) };
    if user == *core.device.user() {
        return Plan::Impossible(Failure::new(
            FailureKind::Input,
            "You cannot remove yourself.",
            "",
            "Leave instead: wardline conversation leave CONVERSATION.",
        ));
    }
    if !keeps(roster, settings, core.device.user()) && !planted("member.remove_beyond_rights") {
        return Plan::Impossible(not_keeper("remove people"));
    }
    let ground = RemovalGround { ground: Some(Ground::Keeper(KeeperRight {})) };
    removal(roster.of_user(&user).cloned().collect(), &ground)
}

fn let_go(roster: &Roster, user: &str, leave: &[u8]) -> Plan {
    let (Ok(user), Some(statement)) = (UserId::parse(user), decode::<SignedStatement>(leave)) else {
        return Plan::Nothing;
    };
    let ground = RemovalGround { ground: Some(Ground::Leave(statement)) };
    removal(roster.of_user(&user).cloned().collect(), &ground)
}

fn removal(members: Vec<Member>, ground: &RemovalGround) -> Plan {
    if members.is_empty() {
        return Plan::Nothing;
    }
    let removes = members.into_iter().map(|member| (member, ground.clone())).collect();
    Plan::Commit(Box::new(Change { removes, ..Change::default() }))
}

fn rename(core: &Core, roster: &Roster, settings: ConversationSettings, name: &str) -> Plan {
    if settings.name == name && !planted("member.commit_loop") {
        return Plan::Nothing;
    }
    if !keeps(roster, &settings, core.device.user()) && !planted("member.steal_settings") {
        return Plan::Impossible(not_keeper("rename it"));
    }
    let mut settings =
        ConversationSettings { name: name.to_owned(), number: settings.number + 1, ..settings };
    if planted("member.steal_settings") {
        settings.keepers = vec![core.device.user().to_string()];
    }
    Plan::Commit(Box::new(Change { settings: Some(settings), ..Change::default() }))
}

fn retain(core: &Core, roster: &Roster, settings: ConversationSettings, seconds: u32) -> Plan {
    if settings.retention_seconds == seconds {
        return Plan::Nothing;
    }
    if !keeps(roster, &settings, core.device.user()) {
        return Plan::Impossible(not_keeper("change how long messages are kept"));
    }
    if let Some(failure) = life_refusal(policy(core), seconds) {
        return Plan::Impossible(failure);
    }
    let settings =
        ConversationSettings { retention_seconds: seconds, number: settings.number + 1, ..settings };
    Plan::Commit(Box::new(Change { settings: Some(settings), ..Change::default() }))
}

/// No such person.
pub(crate) fn nobody(user: &str) -> Failure {
    Failure::new(
        FailureKind::Unknown,
        format!("There is no “{user}” in your organisation."),
        "",
        "Look the person up: wardline people WORD.",
    )
}

fn not_keeper(what: &str) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!("You may not {what} in this conversation."),
        "Only its keepers may.",
        "Ask one of them: wardline conversation show CONVERSATION names them.",
    )
}

pub(super) fn closed() -> Failure {
    Failure::new(
        FailureKind::Closed,
        "This conversation is not open on this device.",
        "",
        "Ask a member to add you again.",
    )
}
