//! What relay and client know of revocation: the newest list, and what was done last to each device.

use std::collections::{BTreeMap, HashMap};

use prost::bytes::Bytes;
use wardline_proto::{DeviceId, Digest, UtcMillis, fault, relay as pb};

use super::{
    LIST_LIFE_SECONDS, PendingHold, RevocationAct, RevocationKind, RevocationList, RevocationReason,
    act::genesis,
};
use crate::{
    IssuerAuthority, Organisation, OrganisationId, Policy, RevocationError, StatementLabel, UserId,
    policy::UNSET,
};

/// The newest list with its acts. Only what goes on from it is taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct RevocationRegister {
    pub(super) list: Option<RevocationList>,
    acts: u64,
    chain: Digest,
    /// What was done last to each device that was ever named.
    pub(super) devices: HashMap<DeviceId, RevocationAct>,
    /// The holds that the list does not name yet, in the order in which they came.
    pub(super) holds: Vec<PendingHold>,
    /// What they do to each device that stands on hold by them alone.
    pub(super) held: BTreeMap<DeviceId, RevocationAct>,
    /// The checkpoint of the record that lists signed here name; empty if none is known.
    record_head: Bytes,
}

/// Where a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has revoked it.
    InForce,
    /// On hold.
    Held {
        /// Since when.
        since: UtcMillis,
        /// It counts as revoked from then on.
        until: UtcMillis,
        /// Why.
        reason: RevocationReason,
    },
    /// For good.
    Revoked {
        /// Since when: the act, or the end of a hold.
        since: UtcMillis,
        /// Why.
        reason: RevocationReason,
    },
}

/// What taking in a list has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adoption {
    /// Nothing: it was known.
    Known,
    /// It is the same list, signed again: it lives longer.
    Refreshed,
    /// It is a newer list.
    Newer,
}

impl Standing {
    /// Whether nothing may be encrypted to it and it may do nothing.
    #[must_use]
    pub const fn is_out(&self) -> bool {
        !matches!(self, Self::InForce)
    }
}

impl RevocationRegister {
    /// That of an organisation with no list yet.
    #[must_use]
    pub fn new(organisation: &OrganisationId) -> Self {
        Self {
            list: None,
            acts: 0,
            chain: genesis(organisation),
            devices: HashMap::new(),
            holds: Vec::new(),
            held: BTreeMap::new(),
            record_head: Bytes::new(),
        }
    }

    /// As it was, from a list that was taken in before and what was done last to the devices that matter: what is not given
    /// counts as never named.
    #[must_use]
    pub fn restore(list: RevocationList, last: impl IntoIterator<Item = RevocationAct>) -> Self {
        let devices = last.into_iter().map(|act| (act.device, act)).collect();
        Self {
            acts: list.acts(),
            chain: *list.chain(),
            devices,
            list: Some(list),
            holds: Vec::new(),
            held: BTreeMap::new(),
            record_head: Bytes::new(),
        }
    }

    /// Lists that are signed here from now on name this checkpoint of the record: the newest that their signer knows.
    pub fn name_record(&mut self, head: &[u8]) {
        self.record_head = Bytes::copy_from_slice(head);
    }

    /// The newest list.
    #[must_use]
    pub const fn list(&self) -> Option<&RevocationList> {
        self.list.as_ref()
    }

    /// Its number; 0 before the first.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.list.as_ref().map_or(0, RevocationList::number)
    }

    /// How many acts there are.
    #[must_use]
    pub const fn acts(&self) -> u64 {
        self.acts
    }

    /// The policy of the newest list; what holds without one before the first.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.list.as_ref().map_or(&UNSET, RevocationList::policy)
    }

    /// Where a device stands at an instant.
    #[must_use]
    pub fn standing(&self, device: &DeviceId, now: UtcMillis) -> Standing {
        self.last_act(device).map_or(Standing::InForce, |act| standing(act, now))
    }

    /// What was done last to a device: by a hold that no list names yet, or by the list.
    #[must_use]
    pub fn last_act(&self, device: &DeviceId) -> Option<&RevocationAct> {
        self.held.get(device).or_else(|| self.devices.get(device))
    }

    /// What a list has done last to a device.
    #[must_use]
    pub fn listed_act(&self, device: &DeviceId) -> Option<&RevocationAct> {
        self.devices.get(device)
    }

    /// The devices that are revoked or on hold at an instant, in no order.
    pub fn out(&self, now: UtcMillis) -> impl Iterator<Item = (DeviceId, Standing)> {
        let listed = self.devices.iter().filter(|(device, _)| !self.held.contains_key(device));
        let each = listed.chain(&self.held).map(move |(device, act)| (*device, standing(act, now)));
        each.filter(|(_, standing)| standing.is_out())
    }

    /// What taking in a list would change, whose signature was checked, with the acts after those at hand. Changes nothing, and
    /// costs the same however many devices were ever named.
    ///
    /// # Errors
    /// [`RevocationError::OtherIssuers`], [`RevocationError::Older`], [`RevocationError::Gap`], [`RevocationError::Fork`],
    /// [`RevocationError::Act`].
    pub fn outcome(
        &self,
        list: &RevocationList,
        acts: &[RevocationAct],
    ) -> Result<Adoption, RevocationError> {
        let current = self.number();
        // 1. The list at hand, or an older one.
        if let Some(have) = &self.list {
            let number = have.issuers_number();
            let other = list.issuers_number() == number && list.issuers_digest() != have.issuers_digest();
            if other && !fault::planted("mutant.other_issuers_named") {
                return Err(RevocationError::OtherIssuers { number });
            }
            if list.number() < current {
                return Err(RevocationError::Older { current });
            }
            if list.number() == current {
                let same = (list.acts(), list.chain(), list.responders(), list.policy())
                    == (have.acts(), have.chain(), have.responders(), have.policy());
                return match list.signed_at() > have.signed_at() {
                    _ if !same => Err(RevocationError::Fork { current }),
                    true => Ok(Adoption::Refreshed),
                    false => Ok(Adoption::Known),
                };
            }
            let older = list.policy().number < have.policy().number && !fault::planted("mutant.policy_falls");
            let other = list.policy().number == have.policy().number && list.policy() != have.policy();
            let other = other && !fault::planted("mutant.policy_without_number");
            if older || other || list.issuers_number() < have.issuers_number() {
                return Err(RevocationError::Fork { current });
            }
        }
        // 2. A newer one goes on from all that is at hand.
        if list.acts() < self.acts {
            return Err(RevocationError::Fork { current });
        }
        if list.acts() - self.acts > acts.len() as u64 {
            return Err(RevocationError::Gap { have: self.acts });
        }
        let chain = self.follow(acts)?;
        if list.acts() - self.acts != acts.len() as u64 || chain != *list.chain() {
            return Err(RevocationError::Fork { current });
        }
        Ok(Adoption::Newer)
    }

    /// Takes it in. On an error nothing has changed.
    ///
    /// # Errors
    /// As [`Self::outcome`].
    pub fn adopt(
        &mut self,
        list: RevocationList,
        acts: &[RevocationAct],
    ) -> Result<Adoption, RevocationError> {
        let adoption = self.outcome(&list, acts)?;
        if adoption == Adoption::Newer {
            (self.acts, self.chain) = (list.acts(), *list.chain());
            self.devices.extend(acts.iter().map(|act| (act.device, *act)));
        }
        if adoption != Adoption::Known {
            self.list = Some(list);
            self.forget_holds();
        }
        Ok(adoption)
    }

    /// When the next list is signed and its acts are done, by this clock: never before the list at hand was signed. By a clock
    /// that is days behind a list would be outlived, and a hold over, before anybody has it.
    #[must_use]
    pub fn next_at(&self, now: UtcMillis) -> UtcMillis {
        self.list.as_ref().map_or(now, |list| list.signed_at().max(now))
    }

    /// The next list: this one with more acts, signed. What is pending beside it ([`Self::taken_up`]) belongs among them.
    ///
    /// # Errors
    /// [`RevocationError::Act`] for one that cannot follow what was done to its device.
    pub fn sign_next(
        &self,
        issuer: &IssuerAuthority,
        organisation: &Organisation,
        acts: &[RevocationAct],
        now: UtcMillis,
    ) -> Result<pb::SignedStatement, RevocationError> {
        self.sign_next_with(issuer, organisation, (acts, self.responders()), now)
    }

    /// The same, with other responders.
    ///
    /// # Errors
    /// As [`Self::sign_next`].
    pub fn sign_next_with(
        &self,
        issuer: &IssuerAuthority,
        organisation: &Organisation,
        (acts, responders): (&[RevocationAct], &[UserId]),
        now: UtcMillis,
    ) -> Result<pb::SignedStatement, RevocationError> {
        self.sign_next_whole(issuer, organisation, (acts, responders, self.policy()), now)
    }

    /// The same, with another policy, whose number is higher.
    ///
    /// # Errors
    /// As [`Self::sign_next`].
    pub fn sign_next_policy(
        &self,
        issuer: &IssuerAuthority,
        organisation: &Organisation,
        (acts, policy): (&[RevocationAct], &Policy),
        now: UtcMillis,
    ) -> Result<pb::SignedStatement, RevocationError> {
        self.sign_next_whole(issuer, organisation, (acts, self.responders(), policy), now)
    }

    fn sign_next_whole(
        &self,
        issuer: &IssuerAuthority,
        organisation: &Organisation,
        (acts, responders, policy): (&[RevocationAct], &[UserId], &Policy),
        now: UtcMillis,
    ) -> Result<pb::SignedStatement, RevocationError> {
        let next = Next {
            number: self.number().saturating_add(1),
            acts: self.acts.saturating_add(acts.len() as u64),
            chain: self.follow(acts)?,
            responders,
            policy,
        };
        Ok(self.sign(&next, issuer, organisation, now))
    }

    /// The list at hand, signed again so that it lives on; `None` before the first.
    #[must_use]
    pub fn sign_again(
        &self,
        issuer: &IssuerAuthority,
        organisation: &Organisation,
        now: UtcMillis,
    ) -> Option<pb::SignedStatement> {
        let list = self.list.as_ref()?;
        let same = Next {
            number: list.number(),
            acts: self.acts,
            chain: self.chain,
            responders: list.responders(),
            policy: list.policy(),
        };
        Some(self.sign(&same, issuer, organisation, now))
    }

    fn sign(
        &self,
        next: &Next<'_>,
        issuer: &IssuerAuthority,
        organisation: &Organisation,
        now: UtcMillis,
    ) -> pb::SignedStatement {
        let list = pb::RevocationList {
            number: next.number,
            signed_at: Some(now.into()),
            life_seconds: LIST_LIFE_SECONDS,
            acts: next.acts,
            chain_hash: next.chain.to_wire(),
            issuers_list_number: organisation.issuers_number(),
            issuers_list_sha256: organisation.issuers_digest().to_wire(),
            record_head: self.record_head.clone(),
            responders: next.responders.iter().map(ToString::to_string).collect(),
            policy: next.policy.to_wire(),
        };
        issuer.sign(StatementLabel::RevocationList, &list)
    }

    /// The chain after more acts, if each can follow what was done to its device.
    fn follow(&self, acts: &[RevocationAct]) -> Result<Digest, RevocationError> {
        let mut chain = self.chain;
        let mut last: HashMap<DeviceId, &RevocationAct> = HashMap::with_capacity(acts.len());
        for (number, act) in (self.acts.saturating_add(1)..).zip(acts) {
            let before = last.get(&act.device).copied().or_else(|| self.devices.get(&act.device));
            if !act.may_follow(before) {
                return Err(RevocationError::Act { number });
            }
            chain = act.chain(number, &chain);
            last.insert(act.device, act);
        }
        Ok(chain)
    }
}

/// What a list stands for that is about to be signed.
struct Next<'a> {
    number: u64,
    acts: u64,
    chain: Digest,
    responders: &'a [UserId],
    policy: &'a Policy,
}

fn standing(act: &RevocationAct, now: UtcMillis) -> Standing {
    let (since, reason) = (act.at, act.reason);
    match act.kind {
        RevocationKind::Revoked => Standing::Revoked { since, reason },
        RevocationKind::Held if now < act.ends_at() => Standing::Held { since, until: act.ends_at(), reason },
        RevocationKind::Held => Standing::Revoked { since: act.ends_at(), reason },
        RevocationKind::Reinstated => Standing::InForce,
    }
}
