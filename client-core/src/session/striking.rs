//! Striking lost issuers: on top of the list of revoked devices that is in force and that this device has judged.
//!
//! What a lost issuer signs before its strike the relay may have taken, and clients go by it: so it is read, judged like every list,
//! and named. What it signs after that counts for nobody. Who may take long is the person who is asked: what was read before they
//! answered is read again. Only then the relay stands still, for as long as signing takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wardline_identity::{IssuerCertificate, RevocationAct, StandingList};
use wardline_proto::fault;

use super::{
    Session,
    certified::{Certified, KeptShown, RecordSeen},
    issuers_change::Due,
    lost_issuers::{lost, strikes},
    restore::Lost,
    revocation,
    root_door::InForce,
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    relay::Relay,
    vault::tables::revocation as acts,
};

/// How often somebody is asked at most: who has a lost issuer's key certifies for as long as it takes.
const QUESTIONS_MAX: usize = 3;

/// Who strikes whom.
pub(super) struct Striking<'a> {
    /// The session of the administrator's device.
    session: &'a Session,
    /// The relay.
    relay: &'a Arc<dyn Relay>,
    /// The issuer that is not lost.
    own: &'a IssuerCertificate,
    /// Those that are.
    lost: &'a Lost,
    /// Asks whether to do it.
    agree: Agree<'a>,
    /// What was agreed to.
    agreed: Mutex<Option<Agreed>>,
    /// What was read of the record up to this head, and of what the relay lists beside it.
    seen: Mutex<Option<(Bytes, Arc<Certified>)>>,
}

/// What somebody has agreed to.
#[derive(Clone)]
struct Agreed {
    /// As it was shown.
    plan: StrikePlan,
    /// What is kept.
    certified: Arc<Certified>,
    /// How often they were asked.
    questions: usize,
    /// Whether they are asked no more: it was read again since, and has stayed so or gone on growing.
    settled: bool,
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

impl StrikePlan {
    /// Whether these are the issuers that it strikes.
    fn is_about(&self, lost: &[IssuerCertificate]) -> bool {
        let same = |(shown, one): (&KeptShown, &IssuerCertificate)| {
            shown.fingerprint == one.fingerprint().to_string()
        };
        self.issuers.len() == lost.len() && self.issuers.iter().zip(lost).all(same)
    }
}

impl From<&RevocationAct> for DoneMeanwhile {
    fn from(act: &RevocationAct) -> Self {
        Self { device: act.device.to_string(), act: act.kind.to_string() }
    }
}

impl<'a> Striking<'a> {
    /// Nobody was asked yet.
    pub(super) fn new(
        (session, relay): (&'a Session, &'a Arc<dyn Relay>),
        (own, lost): (&'a IssuerCertificate, &'a Lost),
        agree: Agree<'a>,
    ) -> Self {
        Self { session, relay, own, lost, agree, agreed: Mutex::default(), seen: Mutex::default() }
    }

    /// Whether nobody is asked any more: what is left is to sign, on top of what stands still.
    pub(super) fn is_settled(&self) -> bool {
        self.agreed().as_ref().is_some_and(|agreed| agreed.settled)
    }

    fn agreed(&self) -> MutexGuard<'_, Option<Agreed>> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
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
    ///
    /// Nobody is asked, and nothing long is read, while the relay stands still: what is signed then keeps what was agreed to. What was
    /// certified after the last question is not kept, and its device asks for an invitation again.
    pub(super) async fn next(&self, now: &InForce) -> Result<Due, CoreError> {
        let lost = lost(now, self.own, self.lost)?;
        if lost.is_empty() {
            return Ok(Due::Nothing);
        }
        let agreed = self.agreed().clone().filter(|agreed| agreed.plan.is_about(&lost));
        let Some(agreed) = agreed.filter(|agreed| agreed.settled) else {
            return self.settle(now, &lost).await;
        };
        judged(self.session, self.relay).await?;
        let list = self.session.core().await.revocations.list().map(StandingList::from);
        let mut next = strikes(now, &lost, list, &agreed.certified);
        agreed.certified.make_room(&mut next.struck, self.session.clock.now());
        Ok(Due::Sign(next))
    }

    /// Shows what stays good, and asks: again only if it has become more since, and not for ever.
    async fn settle(&self, now: &InForce, lost: &[IssuerCertificate]) -> Result<Due, CoreError> {
        let certified = self.certified(now).await?;
        fault::crash("crash.restore_read");
        let plan = StrikePlan {
            record: certified.record.unwrap_or(RecordSeen::Nothing),
            issuers: lost.iter().map(|one| certified.shown(one)).collect(),
        };
        let before = self.agreed().clone().filter(|agreed| agreed.plan.is_about(lost));
        let questions = before.as_ref().map_or(0, |agreed| agreed.questions);
        let enough = questions >= QUESTIONS_MAX && !fault::planted("mutant.asked_for_ever");
        let agreed = match before {
            Some(agreed) if agreed.plan == plan || enough => Agreed { settled: true, ..agreed },
            _ => {
                (self.agree)(&plan)?;
                let settled = fault::planted("mutant.agreed_unread");
                Agreed { plan, certified, questions: questions + 1, settled }
            }
        };
        *self.agreed() = Some(agreed);
        Ok(Due::Again)
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
