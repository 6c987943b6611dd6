//! Revocation lists as an issuer signs them one after another, and how they reach a device.

use wardline_identity::{
    Adoption, Clock as _, DateCheck, Organisation, Policy, RevocationAct, RevocationKind, RevocationReason,
    RevocationRegister, SigningKey, SystemEntropy, UserId, certificate_request,
};
use wardline_proto::{
    DeviceId,
    relay::{self as pb, GetRevocationListResponse, SignedStatement},
};

use super::{house::House, ward::Phone};
use crate::{conversation::Core, error::CoreError, session::revocation::take_in};

/// What an issuer has put in force so far.
pub(crate) struct Lists {
    register: RevocationRegister,
    acts: Vec<RevocationAct>,
    statement: Option<SignedStatement>,
    /// The holds that stand beside the newest.
    pub holds: Vec<pb::PendingHold>,
}

impl Lists {
    /// None yet.
    pub(crate) fn none(house: &House) -> Self {
        Self {
            register: RevocationRegister::new(house.organisation.id()),
            acts: Vec::new(),
            statement: None,
            holds: Vec::new(),
        }
    }

    /// The next list, by which these devices are lost.
    pub(crate) fn revoke(&mut self, house: &House, devices: &[DeviceId]) {
        self.act(house, RevocationKind::Revoked, devices);
    }

    /// The next list, by which this is done to these devices.
    pub(crate) fn act(&mut self, house: &House, kind: RevocationKind, devices: &[DeviceId]) {
        let (issuer, at) = (*house.issuer.certificate().fingerprint(), house.clock.now());
        let act = |device: &DeviceId| RevocationAct {
            device: *device,
            kind,
            reason: RevocationReason::Lost,
            at,
            issuer,
        };
        let acts: Vec<RevocationAct> = devices.iter().map(act).collect();
        let signed = self.register.sign_next(&house.issuer, &house.organisation, &acts, at).unwrap();
        assert_eq!(self.put(house, signed, &acts), Adoption::Newer);
        self.acts.extend(acts);
    }

    /// The next list, which names these users as responders.
    pub(crate) fn respond(&mut self, house: &House, users: &[&str]) {
        let users: Vec<UserId> = users.iter().map(|user| UserId::parse(user).unwrap()).collect();
        let (next, at) = ((&[][..], users.as_slice()), house.clock.now());
        let signed = self.register.sign_next_with(&house.issuer, &house.organisation, next, at).unwrap();
        assert_eq!(self.put(house, signed, &[]), Adoption::Newer);
    }

    /// The next list, with this policy.
    pub(crate) fn policy(&mut self, house: &House, policy: &Policy) {
        let (next, at) = ((&[][..], policy), house.clock.now());
        let signed = self.register.sign_next_policy(&house.issuer, &house.organisation, next, at).unwrap();
        assert_eq!(self.put(house, signed, &[]), Adoption::Newer);
    }

    /// The same list, signed again.
    pub(crate) fn sign_again(&mut self, house: &House) {
        let signed = self.register.sign_again(&house.issuer, &house.organisation, house.clock.now()).unwrap();
        assert_eq!(self.put(house, signed, &[]), Adoption::Refreshed);
    }

    fn put(&mut self, house: &House, signed: SignedStatement, acts: &[RevocationAct]) -> Adoption {
        let list = house.organisation.verify_revocation_list(&signed, DateCheck::Skip).unwrap();
        self.statement = Some(signed);
        self.register.adopt(list, acts).unwrap()
    }

    /// Lists that are signed from now on name this head of the record.
    pub(crate) fn name_record(&mut self, head: &[u8]) {
        self.register.name_record(head);
    }

    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.register.number()
    }

    /// The newest, as it was signed.
    pub(crate) fn signed(&self) -> SignedStatement {
        self.statement.clone().unwrap()
    }

    /// It comes to a device.
    pub(crate) async fn reaches(&self, phone: &mut Phone) {
        self.comes_to(&mut phone.core).await.unwrap();
    }

    /// The same, and what comes of it.
    pub(crate) async fn comes_to(&self, core: &mut Core) -> Result<Adoption, CoreError> {
        take_in(core, &self.signed(), &self.acts).await
    }

    /// What a relay answers that has it, to a device that has so many acts.
    pub(crate) fn after(&self, acts: u64) -> GetRevocationListResponse {
        let acts = self
            .acts
            .iter()
            .skip(usize::try_from(acts).unwrap_or(usize::MAX))
            .map(RevocationAct::to_wire)
            .collect();
        GetRevocationListResponse { list: self.statement.clone(), acts, holds: self.holds.clone() }
    }

    /// A copy, from which another list may go on.
    pub(crate) fn copy(&self) -> Self {
        Self {
            register: self.register.clone(),
            acts: self.acts.clone(),
            statement: self.statement.clone(),
            holds: self.holds.clone(),
        }
    }
}

impl House {
    /// A relay's key and certificate.
    pub(crate) fn relay(&self) -> (SigningKey, Vec<u8>) {
        let key = SigningKey::generate(&SystemEntropy).unwrap();
        let (request, addresses) = (certificate_request(&key).unwrap(), ["relay.example.org:443".to_owned()]);
        let now = self.clock.now();
        let der = self.issuer.certify_relay(&request, &addresses, &SystemEntropy, now).unwrap();
        (key, der)
    }

    /// The organisation.
    pub(crate) fn organisation(&self) -> &Organisation {
        &self.organisation
    }
}
