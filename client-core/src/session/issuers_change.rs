//! A change of the issuers' list that whoever holds the root wants: what the next list has then, and whether one that was signed
//! before is that change.
//!
//! What the root has signed may be on its way, so nothing else is signed under its number: the command that has made it sends it
//! again, and every other one names that command.

use wardline_identity::{
    IssuerCertificate, IssuerRequest, Organisation, StandingList, Strike, StruckIssuer, UserId,
};
use wardline_proto::{fault, relay::PublishIssuersListRequest};

use super::{
    lost_issuers::{joined, lists},
    root_door::InForce,
    striking::Striking,
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
};

/// What the next list is to have, of the one in force.
pub(super) struct Next {
    /// The issuers on it, DER.
    pub issuers: Vec<Vec<u8>>,
    /// Those that are struck, and those that were.
    pub struck: Vec<Strike>,
    /// Of their revocation lists the one that stays good.
    pub standing: Option<StandingList>,
}

impl Next {
    /// What there is.
    pub(super) fn after(organisation: &Organisation) -> Self {
        Self {
            issuers: organisation.issuers().iter().map(|issuer| issuer.der().to_vec()).collect(),
            struck: organisation.struck().iter().map(Strike::from).collect(),
            standing: organisation.standing(),
        }
    }
}

/// What a change comes to.
pub(super) enum Due {
    /// What is in force is so already.
    Nothing,
    /// What is in force is to be looked at again, for time has passed.
    Again,
    /// This list is signed.
    Sign(Next),
}

impl From<Option<Next>> for Due {
    fn from(next: Option<Next>) -> Self {
        next.map_or(Self::Nothing, Self::Sign)
    }
}

/// What is to be changed.
pub(super) enum Change<'a> {
    /// This issuer comes.
    Lists(&'a IssuerCertificate),
    /// The issuer of a device that has asked comes: its request, and what the root has certified for it, DER.
    Appoints(&'a IssuerRequest, &'a [u8]),
    /// An issuer of this person comes, whose list was signed before and may not have been sent; nothing if there is none.
    Sends(&'a UserId),
    /// Issuers are struck.
    Strikes(&'a Striking<'a>),
}

impl Change<'_> {
    /// Where a test has it die: signed, and not sent.
    pub(super) fn is_signed(&self) {
        match self {
            Self::Lists(_) | Self::Appoints(..) | Self::Sends(_) => fault::crash("crash.issuers_signed"),
            Self::Strikes(_) => fault::crash("crash.strike_signed"),
        }
    }

    /// Whether the relay is to stand still for it.
    pub(super) fn needs_stillness(&self) -> bool {
        matches!(self, Self::Strikes(striking) if striking.is_settled())
    }

    /// Whether what is in force is so already.
    pub(super) fn is_done(&self, now: &InForce) -> Result<bool, CoreError> {
        match self {
            Self::Lists(own) => Ok(lists(now, own)?.is_none()),
            Self::Appoints(request, certificate) => Ok(joined(now, request, certificate).is_none()),
            Self::Sends(_) => Ok(true),
            Self::Strikes(striking) => striking.is_done(now),
        }
    }

    /// Whether a list that was signed before is this change, and no other: nobody has asked for that again.
    pub(super) fn is_made_by(&self, now: &InForce, before: &PublishIssuersListRequest) -> bool {
        if fault::planted("mutant.kept_for_any_change") {
            return true;
        }
        let list = before.list.clone().unwrap_or_default();
        let Ok(Some(next)) = now.organisation.succeeded_by(&list) else { return true };
        let struck: Vec<IssuerCertificate> = strikes_of(now, &next);
        match self {
            Self::Sends(user) => {
                let mut new = added_by(now, &next).into_iter().peekable();
                struck.is_empty() && new.peek().is_some() && new.all(|one| one.user() == Some(*user))
            }
            Self::Lists(own) => struck.is_empty() && next.issuers().contains(*own),
            Self::Appoints(request, _) => {
                struck.is_empty() && next.issuers().iter().any(|one| one.key() == request.key())
            }
            Self::Strikes(striking) => striking.is_about(now, &struck),
        }
    }

    /// The next list, on top of what is in force.
    pub(super) async fn next(&self, now: &InForce) -> Result<Due, CoreError> {
        match self {
            Self::Lists(own) => lists(now, own).map(Due::from),
            Self::Appoints(request, certificate) => Ok(joined(now, request, certificate).into()),
            Self::Sends(_) => Ok(Due::Nothing),
            Self::Strikes(striking) => striking.next(now).await,
        }
    }
}

/// Whom a list strikes that is not struck yet.
fn strikes_of(now: &InForce, next: &Organisation) -> Vec<IssuerCertificate> {
    let before = now.organisation.struck();
    let new = |one: &IssuerCertificate| before.iter().all(|struck| struck.certificate() != one);
    next.struck().iter().map(StruckIssuer::certificate).filter(|one| new(one)).cloned().collect()
}

/// Whom a list lets in that is not in yet.
fn added_by(now: &InForce, next: &Organisation) -> Vec<IssuerCertificate> {
    let before = now.organisation.issuers();
    next.issuers().iter().filter(|one| !before.contains(one)).cloned().collect()
}

/// Another change was signed before: what it does, and the command that goes on with it.
pub(super) fn under_way(now: &InForce, before: &PublishIssuersListRequest) -> Failure {
    let list = before.list.clone().unwrap_or_default();
    let (mut does, mut commands) = (Vec::new(), Vec::new());
    let mut say = |done: &str, one: &IssuerCertificate, command: &str| {
        does.push(format!("{done} {}", one.label()));
        let restores = || "wardline admin root restore, as before".to_owned();
        commands.push(one.user().map_or_else(restores, |user| command.replace("USER", user.as_str())));
    };
    if let Ok(Some(next)) = now.organisation.succeeded_by(&list) {
        for one in &added_by(now, &next) {
            say("lets in", one, "wardline admin administrator add USER --code CODE");
        }
        for one in &strikes_of(now, &next) {
            say("strikes", one, "wardline admin administrator remove USER");
        }
    }
    commands.dedup();
    Failure::new(
        FailureKind::Refused,
        "Another change of the issuers is under way.",
        format!(
            "The root has signed one on this machine that {}, and the relay has not confirmed it: nothing else is signed in its place.",
            does.join(" and ")
        ),
        format!("Run that first: {}. It goes on where it stopped.", commands.join("; ")),
    )
}
