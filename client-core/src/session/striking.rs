//! Striking lost issuers: on top of the list of revoked devices that is in force and that this device has judged.
//!
//! What a lost issuer signs before its strike the relay may have taken, and clients go by it: so it is read, judged like every list,
//! and named. What it signs after that counts for nobody. Who may take long is the person who is asked: what was read before they
//! answered is read again, while the relay stands still.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wardline_identity::{IssuerCertificate, RevocationAct, StandingList};
use wardline_proto::fault;

use super::{
    Session,
    certified::{Certified, KeptShown, RecordSeen},
    lost_issuers::{lost, strikes},
    restore::Lost,
    revocation,
    root_door::{Due, InForce},
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    relay::Relay,
    vault::tables::revocation as acts,
};

/// Who strikes whom.
pub(super) struct Striking<'a> {
    /// The session of the administrator's device.
    pub session: &'a Session,
    /// The relay.
    pub relay: &'a Arc<dyn Relay>,
    /// The issuer that is not lost.
    pub own: &'a IssuerCertificate,
    /// Those that are.
    pub lost: &'a Lost,
    /// Asks whether to do it.
    pub agree: Agree<'a>,
    /// What was agreed to.
    pub agreed: Mutex<Option<StrikePlan>>,
    /// What was read of the record up to this head, and of what the relay lists beside it.
    pub seen: Mutex<Option<(Bytes, Arc<Certified>)>>,
}

/// Whether a strike is to be made that keeps so much; why not, else.
pub(super) type Agree<'a> = &'a (dyn Fn(&StrikePlan) -> Result<(), Failure> + Sync);

/// What a strike is to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrikePlan {
    /// What the relay has shown of its record.
    pub record: RecordSeen,
    /// The issuers that are to be struck.
    pub issuers: Vec<KeptShown>,
}

/// What a lost issuer did to a device before it was struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneMeanwhile {
    /// The device.
    pub device: String,
    /// "revoked", "held" or "reinstated".
    pub act: String,
}

impl From<&RevocationAct> for DoneMeanwhile {
    fn from(act: &RevocationAct) -> Self {
        Self { device: act.device.to_string(), act: act.kind.to_string() }
    }
}

impl Striking<'_> {
    /// Whether somebody has agreed: what is left is to sign, on top of what stands still.
    pub(super) fn is_agreed(&self) -> bool {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Whether nobody is to be struck any more.
    pub(super) fn is_done(&self, now: &InForce) -> Result<bool, CoreError> {
        Ok(lost(now, self.own, self.lost)?.is_empty())
    }

    /// Whether these are all who are to be struck.
    pub(super) fn is_about(&self, now: &InForce, struck: &[IssuerCertificate]) -> bool {
        let lost = lost(now, self.own, self.lost).unwrap_or_default();
        lost.len() == struck.len() && lost.iter().all(|one| struck.contains(one))
    }

    /// The next list without the issuers that are lost, keeping what they made; none if none is to be struck.
    pub(super) async fn next(&self, now: &InForce) -> Result<Due, CoreError> {
        let lost = lost(now, self.own, self.lost)?;
        if lost.is_empty() {
            return Ok(Due::Nothing);
        }
        judged(self.session, self.relay).await?;
        let list = self.session.core().await.revocations.list().map(StandingList::from);
        let certified = self.certified(now).await?;
        fault::crash("crash.restore_read");
        let plan = StrikePlan {
            record: certified.record.unwrap_or(RecordSeen::Nothing),
            issuers: lost.iter().map(|one| certified.shown(one)).collect(),
        };
        // Asked again only if it has become another. While somebody thinks it over devices are certified: it is read again then.
        let agreed = self.agreed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if agreed.as_ref() != Some(&plan) {
            (self.agree)(&plan)?;
            *self.agreed.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
            if !fault::planted("mutant.agreed_unread") {
                return Ok(Due::Again);
            }
        }
        let mut next = strikes(now, &lost, list, &certified);
        certified.make_room(&mut next.struck, self.session.clock.now());
        Ok(Due::Sign(next))
    }

    /// What is certified: read anew only where the record has moved.
    async fn certified(&self, now: &InForce) -> Result<Arc<Certified>, CoreError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, certified)) = seen.filter(|(head, _)| !head.is_empty() && *head == now.record_head) {
            return Ok(certified);
        }
        let certified = Arc::new(Certified::read(self.session, self.relay, now).await?);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((now.record_head.clone(), Arc::clone(&certified)));
        Ok(certified)
    }
}

/// Takes in the relay's list of revoked devices with all its acts.
pub(super) async fn judged(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    match revocation::fetch(session, relay).await {
        Ok(_) => Ok(()),
        Err(CoreError::Revocation(error)) => Err(Failure::new(
            FailureKind::Untrusted,
            "The relay's list of revoked devices cannot be checked.",
            format!("{error}."),
            "Nobody was struck. Ask whoever runs the relay what happened to it, and run the command again: it goes on where it \
             stopped.",
        )
        .into()),
        Err(error) => Err(error),
    }
}

/// What was done to devices after so many acts by issuers that are struck now.
pub(super) async fn meanwhile(session: &Session, after: u64) -> Result<Vec<RevocationAct>, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_acts").await?;
    let mut acts = acts::acts_after(&mut tx, after).await?;
    tx.commit().await?;
    let struck = core.device.organisation.struck();
    acts.retain(|act| struck.iter().any(|one| *one.certificate().fingerprint() == act.issuer));
    Ok(acts)
}
