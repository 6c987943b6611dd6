//! One arm a command: hand it to the file that knows it, answer.

use std::sync::Arc;

use wardline_identity::UserId;
use wardline_proto::fault;

use super::{
    Answer, Command, Conversations, Failure, FailureKind, People, Person, Reach, Status, Synced,
    admin_status, administrators, change, devices, freshness, inventory, membership, outbox, policy,
    record_log, removal_record, revoke, rfc3339, talk,
};
use crate::{
    conversation,
    error::CoreError,
    relay::Relay,
    session::{Link, Session, ask_people, invite, list_invitations, registrar_pass, verify_vault},
    vault::tables::{conversations::Standing, intents::Wish},
};

/// Carries out a command.
pub(crate) async fn execute(session: &Session, command: Command, reach: Reach) -> Result<Answer, CoreError> {
    if reach == Reach::Online {
        // Sync first: what a command acts on is what the log shows.
        session.connected().await;
        // Whoever is out learns that, whatever was asked; what the vault holds is there offline.
        if let Some(failure) = session.is_out() {
            return Err(failure.into());
        }
        if !fault::planted("mutant.looks_in") {
            session.goes_on().await?;
        }
    }
    // What is over is gone before anything is shown.
    session.sweep_due().await;
    carry_out(session, command).await
}

async fn carry_out(session: &Session, command: Command) -> Result<Answer, CoreError> {
    match command {
        Command::Status { seen } => status(session, seen).await,
        Command::Sync => sync(session).await,
        Command::VaultVerify => Ok(Answer::VaultVerified(verify_vault(session).await?)),
        Command::People { word } => people(session, word).await,
        Command::ConversationCreate { name, with, suite } => {
            change::create(session, &name, with, suite).await
        }
        Command::ConversationList => conversations(session).await,
        Command::ConversationShow { conversation } => {
            let mut core = session.core().await;
            let row = conversation::find(&core, &conversation).await?;
            Ok(Answer::Conversation(Box::new(conversation::detail(&mut core, &row).await?)))
        }
        Command::ConversationAdd { conversation, users } => change::add(session, &conversation, &users).await,
        Command::ConversationRemove { conversation, user } => {
            let user = user_id(&user)?;
            change::require_member(session, &conversation, &user).await?;
            let wish = Wish::Remove { user: user.to_string() };
            change::change(session, &conversation, wish, "removed", vec![user.to_string()]).await
        }
        Command::ConversationRename { conversation, name } => {
            let name = change::conversation_name(&name)?;
            change::change(session, &conversation, Wish::Rename { name }, "renamed", Vec::new()).await
        }
        Command::ConversationRetain { conversation, seconds } => {
            change::retain(session, &conversation, seconds).await
        }
        Command::ConversationConfirm { conversation, user } => {
            membership::confirm(session, &conversation, &user_id(&user)?).await
        }
        Command::ConversationLeave { conversation } => change::leave(session, &conversation).await,
        Command::Send { conversation, text, expires_seconds } => {
            talk::send(session, &conversation, text, expires_seconds).await
        }
        Command::Recall { conversation, number } => talk::recall(session, &conversation, number).await,
        Command::Read { conversation, since, new } => talk::read(session, &conversation, since, new).await,
        Command::OutboxList => outbox::list(session).await,
        Command::OutboxRetry { message } => outbox::change(session, &message, true).await,
        Command::OutboxDiscard { message } => outbox::change(session, &message, false).await,
        Command::Administrators { what } => administrators::administrators(session, what).await,
        online_only => ask_relay(session, &online(session).await?, online_only).await,
    }
}

/// What only the relay can answer, or take.
async fn ask_relay(session: &Session, relay: &Arc<dyn Relay>, command: Command) -> Result<Answer, CoreError> {
    match command {
        Command::DeviceList => devices::list(session, relay).await,
        Command::DeviceApprove { device } => devices::approve(session, relay, &device).await,
        Command::Holds { what } => revoke::holds(session, relay, what).await,
        Command::Invite { people, valid_seconds } => {
            Ok(Answer::Invited(invite(session, relay, &people, valid_seconds).await?))
        }
        Command::InvitationList => Ok(Answer::Invitations(list_invitations(session, relay, None).await?)),
        Command::InvitationCancel { invitation } => {
            Ok(Answer::Invitations(list_invitations(session, relay, Some(&invitation)).await?))
        }
        Command::RegistrarPass { wait_seconds } => {
            Ok(Answer::Judged(registrar_pass(session, relay, wait_seconds).await?))
        }
        Command::KeepList => revoke::keep(session, relay).await,
        Command::AdminDeviceList { user } => inventory::list(session, relay, user.as_deref()).await,
        Command::AdminDeviceAct { devices, act } => revoke::devices(session, relay, devices, &act).await,
        Command::AdminUserAct { user, act } => revoke::user(session, relay, &user, &act).await,
        Command::AdminDeviceStatus { device } => inventory::status(session, relay, &device).await,
        Command::AdminDeviceRecord { device } => removal_record::make(session, relay, &device).await,
        Command::Policy { what } => policy::policy(session, relay, what).await,
        Command::AdminStatus => admin_status::admin_status(session, relay).await,
        Command::AdminLog { filter } => record_log::log(session, relay, filter).await,
        // The rest was done before it came to this.
        _ => Err(Failure::defect("A command was taken for another.").into()),
    }
}

async fn conversations(session: &Session) -> Result<Answer, CoreError> {
    let conversations = conversation::list(&*session.core().await).await?;
    Ok(Answer::Conversations(Conversations { conversations }))
}

/// The connection, which the relay has just answered over, or why there is none.
pub(super) async fn online(session: &Session) -> Result<Arc<dyn Relay>, CoreError> {
    session.is_answered().await;
    match &*session.link.borrow() {
        Link::Online { relay, .. } => Ok(relay.clone()),
        Link::Offline(failure) => Err(failure.clone().into()),
        Link::Connecting => Err(Failure::new(
            FailureKind::Unavailable,
            "This needs a connection to the relay.",
            "",
            "Run it without --offline.",
        )
        .into()),
    }
}

async fn status(session: &Session, seen: bool) -> Result<Answer, CoreError> {
    let connection = match &*session.link.borrow() {
        Link::Online { transport, .. } => *transport,
        _ => "offline",
    };
    let mut core = session.core().await;
    if seen {
        conversation::see_relay_faults(&core).await?;
    }
    let waiting = membership::waiting_devices(&mut core, None).await?;
    let conversations = conversation::list(&core).await?;
    let mut warnings: Vec<String> = wrong_tries(core.wrong_tries).into_iter().collect();
    warnings.extend(freshness::warnings(&core, session.clock.now()).await?);
    let device = &core.device;
    let certificate = &device.certificate;
    Ok(Answer::Status(Box::new(Status {
        organisation: device.organisation.name().to_string(),
        root: device.organisation.root_fingerprint().to_string(),
        user: certificate.user().to_string(),
        name: certificate.display_name().to_string(),
        role: certificate.role().as_str().to_owned(),
        device: certificate.device().to_string(),
        device_name: certificate.device_name().to_string(),
        certificate_until: Some(rfc3339(certificate.not_after())),
        relay: device.addresses.clone(),
        connection: connection.to_owned(),
        conversations: conversations.iter().filter(|one| one.state == Standing::Active.as_str()).count(),
        queued: outbox::queued(&core).await?,
        waiting,
        relay_faults: conversation::relay_fault_count(&core).await?,
        list: freshness::list_state(&core),
        warnings,
    })))
}

/// Somebody has tried passcodes at this vault.
fn wrong_tries(tries: u32) -> Option<String> {
    (tries > 0).then(|| {
        format!("Before this vault was opened, a wrong passcode was tried at it (tries: {tries}). If that was not you, tell your administrator.")
    })
}

async fn sync(session: &Session) -> Result<Answer, CoreError> {
    // A connection that died without a word brings nothing.
    session.is_answered().await;
    let transport = match session.connected().await {
        Link::Online { transport, .. } => transport,
        Link::Offline(failure) => return Err(failure.into()),
        Link::Connecting => return Err(CoreError::Protocol("did not finish the sync")),
    };
    session.drained().await?;
    session.proven().await;
    let core = session.core().await;
    let conversations = conversation::list(&core).await?;
    Ok(Answer::Synced(Synced {
        connection: transport.to_owned(),
        unread: conversations.iter().map(|one| one.unread).sum(),
        missed: conversations.iter().map(|one| one.missed).sum(),
        queued: outbox::queued(&core).await?,
        relay_faults: conversation::relay_fault_count(&core).await?,
    }))
}

async fn people(session: &Session, word: Option<String>) -> Result<Answer, CoreError> {
    let listed = ask_people(&online(session).await?, &[]).await?;
    let word = word.unwrap_or_default().to_lowercase();
    let fits = |person: &&wardline_proto::relay::Person| {
        person.user_id.to_lowercase().contains(&word) || person.display_name.to_lowercase().contains(&word)
    };
    let people = listed
        .iter()
        .filter(fits)
        .map(|person| Person {
            user: person.user_id.clone(),
            name: person.display_name.clone(),
            role: wardline_identity::Role::try_from(person.role)
                .map_or_else(|_| String::new(), |role| role.as_str().to_owned()),
            devices: person.devices.len(),
        })
        .collect();
    Ok(Answer::People(People { people }))
}

/// A user id; what cannot be one is nobody's.
pub(crate) fn user_id(text: &str) -> Result<UserId, CoreError> {
    UserId::parse(text).map_err(|_| conversation::nobody(text).into())
}
