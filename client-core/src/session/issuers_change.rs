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
    administrators::{code_of, digits},
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
    /// An issuer of this person comes whose device shows this code, and whose list was signed before and may not have been sent;
    /// nothing if there is none.
    Sends(&'a UserId, &'a str),
    /// Issuers are struck.
    Strikes(&'a Striking<'a>),
}

impl Change<'_> {
    /// Where a test has it die: signed, and not sent.
    pub(super) fn is_signed(&self) {
        match self {
            Self::Lists(_) | Self::Appoints(..) | Self::Sends(..) => fault::crash("crash.issuers_signed"),
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
            Self::Sends(..) => Ok(true),
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
            Self::Sends(user, said) => {
                let theirs = |one: &IssuerCertificate| one.user() == Some(*user);
                let coded = |one: &IssuerCertificate| {
                    digits(&code_of(one.key())) == digits(said)
                        || fault::planted("mutant.signed_for_any_code")
                };
                let new = added_by(now, &next);
                struck.is_empty() && !new.is_empty() && new.iter().all(|one| theirs(one) && coded(one))
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
            Self::Sends(..) => Ok(Due::Nothing),
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

/// Another change was signed before: what it does, and the command that goes on with it. `own`: whose home it is; none of a home that
/// is being made.
pub(super) fn under_way(now: &InForce, before: &PublishIssuersListRequest, own: Option<&UserId>) -> Failure {
    let list = before.list.clone().unwrap_or_default();
    let next = now.organisation.succeeded_by(&list).ok().flatten();
    let (added, struck) = next.map(|next| (added_by(now, &next), strikes_of(now, &next))).unwrap_or_default();
    let does = added.iter().map(|one| format!("lets in {}", one.label()));
    let does: Vec<String> = does.chain(struck.iter().map(|one| format!("strikes {}", one.label()))).collect();
    let restores = || "wardline admin root restore, as before".to_owned();
    let command = match (added.as_slice(), own) {
        ([one], Some(_)) if struck.is_empty() => one.user().map_or_else(restores, |user| {
            format!("wardline admin administrator add {user} --code '{}'", code_of(one.key()))
        }),
        ([], Some(own)) => all_of_one(now, &struck)
            .filter(|user| user != own)
            .map_or_else(restores, |user| format!("wardline admin administrator remove {user}")),
        _ => restores(),
    };
    Failure::new(
        FailureKind::Refused,
        "Another change of the issuers is under way.",
        format!(
            "The root has signed one on this machine that {}, and the relay has not confirmed it: nothing else is signed in its place.",
            does.join(" and ")
        ),
        format!("Run that first: {command}. It goes on where it stopped."),
    )
}

/// The one person whose issuers in force these are, all of them.
fn all_of_one(now: &InForce, struck: &[IssuerCertificate]) -> Option<UserId> {
    let user = struck.first().and_then(IssuerCertificate::user)?;
    let theirs = now.organisation.issuers().iter().filter(|one| one.user() == Some(user)).count();
    let all = struck.iter().all(|one| one.user() == Some(user)) && theirs == struck.len();
    all.then(|| user.clone())
}
