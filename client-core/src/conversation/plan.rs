//! From a wish to a change: what is still missing between what is wanted and what the roster shows.
//!
//! A plan is made from the newest roster each time, so that a wish whose commit lost its epoch asks only for what is
//! still missing.

use wardline_identity::{DeviceCertificate, UserId};
use wardline_proto::{
    ConversationId,
    content::ConversationSettings,
    relay::{KeeperRight, RemovalGround, SignedStatement, removal_ground::Ground},
};

use super::{
    commit::Change,
    core::Core,
    judge::keeps,
    receive::decode,
    roster::{Member, Roster},
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    vault::tables::{
        conversations::{self, Standing},
        intents::Wish,
    },
};

/// What a wish needs now.
pub(crate) enum Plan {
    /// Nothing: it has come true.
    Nothing,
    /// The devices of these users, from the directory; then [`missing`].
    People(Vec<UserId>),
    /// A commit.
    Commit(Box<Change>),
    /// It cannot come true.
    Impossible(Failure),
}

/// What a wish needs, by the newest roster.
pub(crate) async fn plan(
    core: &mut Core,
    conversation: &ConversationId,
    wish: &Wish,
) -> Result<Plan, CoreError> {
    let mut tx = core.vault.begin("plan").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    tx.commit().await?;
    let active = row.is_some_and(|row| row.standing == Standing::Active);
    if !active || !core.load_group(conversation).await? {
        return Ok(Plan::Impossible(closed()));
    }
    let Some(group) = core.groups.get(conversation) else { return Ok(Plan::Impossible(closed())) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let settings = group.settings();
    Ok(match wish {
        Wish::Add { users } => {
            let mut wanted: Vec<UserId> = Vec::with_capacity(users.len());
            for user in users {
                match UserId::parse(user) {
                    Ok(user) => wanted.push(user),
                    Err(_) => return Ok(Plan::Impossible(nobody(user))),
                }
            }
            Plan::People(wanted)
        }
        Wish::AddOwnDevice { .. } => Plan::People(vec![core.device.user().clone()]),
        Wish::Remove { user } => remove(core, &roster, &settings, user),
        Wish::LetGo { user, leave } => let_go(&roster, user, leave),
        Wish::Renew => Plan::Commit(Box::default()),
        Wish::Rename { name } => rename(core, &roster, settings, name),
    })
}

/// The devices that a wish to add still lacks in the roster.
pub(crate) fn missing(
    core: &Core,
    conversation: &ConversationId,
    wish: &Wish,
    people: Vec<DeviceCertificate>,
) -> Vec<DeviceCertificate> {
    let Some(group) = core.groups.get(conversation) else { return Vec::new() };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    // A further device of somebody who is in comes by its own person's approval, not by being added.
    let wanted = |certificate: &DeviceCertificate| match wish {
        Wish::AddOwnDevice { device, .. } => certificate.device().to_string() == *device,
        _ => certificate.user() == core.device.user() || !roster.has_user(certificate.user()),
    };
    people
        .into_iter()
        .filter(|certificate| {
            wanted(certificate)
                && roster.device(&certificate.device()).is_none()
                && certificate.as_member().is_ok()
        })
        .collect()
}

/// The approvals that go with a wish.
pub(crate) fn approvals(wish: &Wish) -> Vec<SignedStatement> {
    match wish {
        Wish::AddOwnDevice { approval, .. } => decode(approval).into_iter().collect(),
        _ => Vec::new(),
    }
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
    if !keeps(roster, settings, core.device.user()) {
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
    if settings.name == name {
        return Plan::Nothing;
    }
    if !keeps(roster, &settings, core.device.user()) {
        return Plan::Impossible(not_keeper("rename it"));
    }
    let settings = ConversationSettings { name: name.to_owned(), number: settings.number + 1, ..settings };
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

fn closed() -> Failure {
    Failure::new(
        FailureKind::Closed,
        "This conversation is not open on this device.",
        "",
        "Ask a member to add you again.",
    )
}
