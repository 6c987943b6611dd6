//! From a plan to a commit: the devices whose packages a wish needs, and the change that brings them in.

use wardline_identity::DeviceCertificate;
use wardline_proto::{
    ConversationId, DeviceId,
    fault::planted,
    relay::{RemovalGround, SignedStatement, removal_ground::Ground},
};

use super::{
    add_anew::add_anew,
    commit::Change,
    core::Core,
    correct::{correction, unmended, wrongs},
    grounds::{approves, confirms},
    receive::decode,
    revoked::is_out,
    roster::{Member, Roster},
    said_anew::said_anew,
};
use crate::{
    error::CoreError,
    mls::VerifiedKeyPackage,
    vault::tables::{
        conversations::{self, ConversationRow},
        intents::Wish,
    },
};

/// A package, and the certificate that it was checked against.
type Add = (VerifiedKeyPackage, DeviceCertificate);

/// The devices whose packages a wish needs, of these people's.
pub(crate) async fn missing(
    core: &mut Core,
    conversation: &ConversationId,
    wish: &Wish,
    people: Vec<DeviceCertificate>,
) -> Result<Vec<DeviceCertificate>, CoreError> {
    let wish = &said_anew(core, conversation, wish).await?;
    let anew = anew(core, conversation, wish).await?;
    let mut tx = core.vault.begin("look_who_was_wronged").await?;
    let unmended = unmended(&mut tx, conversation).await?;
    tx.commit().await?;
    let Some(group) = core.groups.get(conversation) else { return Ok(Vec::new()) };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let own = core.device.user();
    let revoked =
        |one: &DeviceCertificate| is_out(&core.revocations, &one.device()) && !planted("mutant.add_revoked");
    let wanted = |certificate: &DeviceCertificate| {
        let device = certificate.device();
        let out = roster.device(&device).is_none();
        let member = || Member { index: u32::MAX, certificate: certificate.clone() };
        match wish {
            Wish::AddOwnDevice { device: wanted, .. } => out && device.to_string() == *wanted,
            Wish::AddDevice { approval, .. } => {
                out && decode(approval).is_some_and(|one| approves(&roster, &one, &member()))
            }
            Wish::LetBack { confirmation, .. } => {
                out && decode(confirmation).is_some_and(|one| confirms(&roster, &one, &member()).is_some())
            }
            Wish::Mend { devices, .. } | Wish::AddBack { devices, .. } => {
                out && devices.contains(&device.to_string())
            }
            Wish::Restore { members } => {
                out && members.contains(&(certificate.user().to_string(), device.to_string()))
            }
            Wish::Correct | Wish::AddAnew { .. } => {
                anew.iter().any(|(member, _)| member.certificate.device() == device)
            }
            // A further device of somebody who is in comes by its own person's approval, not by being added.
            _ => {
                let user = certificate.user();
                let further = user != own && roster.has_user(user);
                let wronged = unmended.iter().find(|(one, _)| one == user.as_str());
                let other = wronged.is_some_and(|(_, devices)| !devices.contains(&device.to_string()));
                out && (!further && !other || planted("member.add_unapproved"))
            }
        }
    };
    Ok(people.into_iter().filter(|one| wanted(one) && !revoked(one) && one.as_member().is_ok()).collect())
}

/// The members that a wish takes out and in again.
async fn anew(
    core: &mut Core,
    conversation: &ConversationId,
    wish: &Wish,
) -> Result<Vec<(Member, RemovalGround)>, CoreError> {
    match wish {
        Wish::AddAnew { reports } => add_anew(core, conversation, reports).await,
        Wish::Correct => {
            let Some(row) = load(core, conversation).await? else { return Ok(Vec::new()) };
            let undeclared = wrongs(core, &row).await?.map_or_else(Vec::new, |(wrongs, _)| wrongs.undeclared);
            Ok(undeclared.into_iter().map(|member| (member, RemovalGround::default())).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// What a wish comes to, once packages are there.
pub(crate) enum Completed {
    /// It needs nothing now.
    Nothing,
    /// None of the packages is one by which it may be granted.
    Unready,
    /// A commit.
    Commit(Box<Change>),
}

impl Completed {
    fn of(change: Option<Change>) -> Self {
        change.map_or(Self::Nothing, |change| Self::Commit(Box::new(change)))
    }
}

/// The packages by which a wish may be granted: where somebody's statement lets a device in, those of the very certificate that it
/// names. The relay may hand out one of the certificate before, and whoever brought that in would be at fault for it.
fn agreed(core: &Core, conversation: &ConversationId, wish: &Wish, mut adds: Vec<Add>) -> Vec<Add> {
    let Some(group) = core.groups.get(conversation).filter(|_| !planted("mutant.agreed_by_device")) else {
        return adds;
    };
    let roster = Roster::read(&core.device.organisation, &group.roster());
    let lets_in = |certificate: &DeviceCertificate| {
        let member = Member { index: u32::MAX, certificate: certificate.clone() };
        match wish {
            Wish::AddDevice { approval, .. } => {
                decode(approval).is_some_and(|one| approves(&roster, &one, &member))
            }
            Wish::LetBack { confirmation, .. } => {
                decode(confirmation).is_some_and(|one| confirms(&roster, &one, &member).is_some())
            }
            _ => true,
        }
    };
    adds.retain(|(_, certificate)| lets_in(certificate));
    adds
}

/// What a wish comes to with these packages.
pub(crate) async fn complete(
    core: &mut Core,
    conversation: &ConversationId,
    wish: &Wish,
    adds: Vec<Add>,
) -> Result<Completed, CoreError> {
    let wish = &said_anew(core, conversation, wish).await?;
    if *wish == Wish::Correct {
        let Some(row) = load(core, conversation).await? else { return Ok(Completed::Nothing) };
        let wrongs = wrongs(core, &row).await?;
        return Ok(Completed::of(wrongs.map(|(wrongs, _)| correction(&core.revocations, wrongs, adds))));
    }
    let adds = agreed(core, conversation, wish, adds);
    if adds.is_empty() {
        return Ok(Completed::Unready);
    }
    let added = |device: DeviceId| adds.iter().any(|(_, certificate)| certificate.device() == device);
    let mut change = Change::default();
    match wish {
        Wish::AddOwnDevice { approval, .. } | Wish::AddDevice { approval, .. } => {
            change.approvals = decode(approval).into_iter().collect();
        }
        Wish::AddAnew { reports } => {
            let anew = add_anew(core, conversation, reports).await?;
            change.removes = anew.into_iter().filter(|(one, _)| added(one.certificate.device())).collect();
        }
        Wish::LetBack { confirmation, replaces, .. } => {
            let Some(group) = core.groups.get(conversation) else { return Ok(Completed::Nothing) };
            let roster = Roster::read(&core.device.organisation, &group.roster());
            let replaced =
                roster.members.iter().find(|one| one.certificate.device().to_string() == *replaces);
            let (Some(statement), Some(replaced)) = (decode::<SignedStatement>(confirmation), replaced)
            else {
                return Ok(Completed::Nothing);
            };
            let ground = RemovalGround { ground: Some(Ground::Replaced(statement.clone())) };
            change.removes = vec![(replaced.clone(), ground)];
            change.confirmations = vec![statement];
        }
        _ => {}
    }
    change.adds = adds;
    Ok(Completed::of(Some(change)))
}

async fn load(core: &Core, conversation: &ConversationId) -> Result<Option<ConversationRow>, CoreError> {
    let mut tx = core.vault.begin("plan").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    tx.commit().await?;
    Ok(row)
}
