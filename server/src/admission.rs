//! Who is let in: the certificates in force, held in memory so that a handshake waits for no disk.
//!
//! A certificate gets here only after it was checked against the organisation's root and written to the
//! database. What is here is looked up by the SHA-256 of the whole certificate: nothing a client sends is
//! parsed to decide. The same list answers the directory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use metrics::gauge;
use rustls::pki_types::CertificateDer;
use wardline_identity::{
    CertificateError, Clock, DateCheck, DeviceCertificate, Organisation, PublicKey, Standing, UserId,
};
use wardline_proto::{DeviceId, Digest, UtcMillis, fault};

use crate::revocations::Revocations;
use crate::transport::{Admission, Refusal};

/// The certificates in force.
#[derive(Debug)]
pub struct Devices {
    clock: Arc<dyn Clock>,
    revocations: Arc<Revocations>,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_fingerprint: HashMap<Digest, Arc<DeviceCertificate>>,
    /// In order of issue.
    by_user: BTreeMap<UserId, Vec<Arc<DeviceCertificate>>>,
    /// Certificates that were good until their issuer was struck, where they can be read.
    struck: HashMap<Digest, Option<Arc<DeviceCertificate>>>,
    /// Of which devices they are, and when they end, where that could be read.
    struck_ends: HashSet<(DeviceId, UtcMillis)>,
    /// The devices that have no other.
    struck_devices: HashSet<DeviceId>,
}

impl Devices {
    /// From what the database holds, in order of issue. A certificate that does not verify any more (its
    /// issuer was struck) is left out.
    #[must_use]
    pub fn load(
        organisation: &Organisation,
        clock: Arc<dyn Clock>,
        revocations: Arc<Revocations>,
        certificates: &[Vec<u8>],
    ) -> Self {
        let (mut known, mut struck) = (Known::default(), Vec::new());
        // As before anybody was struck: whose a certificate was.
        let before = organisation.as_of(0);
        for der in certificates {
            match organisation.verify_device(der, DateCheck::Skip) {
                Ok(certificate) => known.insert(Arc::new(certificate)),
                Err(error) => {
                    tracing::warn!(%error, "a stored certificate is not admitted any more");
                    if error == CertificateError::IssuerStruck {
                        let certificate = before.verify_device(der, DateCheck::Skip).ok().map(Arc::new);
                        known.struck.insert(Digest::of(der), certificate.clone());
                        struck.extend(certificate);
                    }
                }
            }
        }
        if !fault::planted("mutant.struck_forgotten") {
            known.note_struck(&struck);
        }
        let devices = Self { clock, revocations, known: RwLock::new(known) };
        devices.count();
        devices
    }

    /// Lets one more in, from the next handshake on.
    pub fn insert(&self, certificate: DeviceCertificate) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::new(certificate));
        self.count();
    }

    /// Judges all certificates by another issuers' list; gives the devices of which some are no longer good. From now on those
    /// open nothing.
    pub fn strike(&self, organisation: &Organisation) -> BTreeSet<DeviceId> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let is_struck = |certificate: &DeviceCertificate| {
            let judged = organisation.verify_device(certificate.der(), DateCheck::Skip);
            judged.is_err() && !fault::planted("mutant.struck_stay")
        };
        let struck: Vec<_> =
            known.by_fingerprint.values().filter(|certificate| is_struck(certificate)).cloned().collect();
        for certificate in &struck {
            known.remove(certificate);
        }
        drop(known);
        self.count();
        struck.iter().map(|certificate| certificate.device()).collect()
    }

    /// Whether this certificate was good until its issuer was struck.
    #[must_use]
    pub fn is_struck(&self, certificate: &Digest) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).struck.contains_key(certificate)
    }

    /// A device's certificate that was good until its issuer was struck.
    #[must_use]
    pub fn own_struck(&self, device: DeviceId, certificate: &Digest) -> Option<Arc<DeviceCertificate>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.struck.get(certificate)?.clone().filter(|one| one.device() == device)
    }

    /// Whether a device had a good certificate until its issuer was struck, and has no other.
    #[must_use]
    pub fn is_device_struck(&self, device: &DeviceId) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).struck_devices.contains(device)
    }

    /// Whether what a device published under a certificate that ends then is of one whose issuer was struck, also where the device has
    /// another by now.
    #[must_use]
    pub fn is_end_struck(&self, device: DeviceId, ends: UtcMillis) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.struck_ends.contains(&(device, ends))
            && !fault::planted("mutant.struck_by_device")
            && !known.by_fingerprint.values().any(|one| one.device() == device && one.not_after() == ends)
    }

    /// The newest time that an issuer signed: the beginning of the newest certificate.
    #[must_use]
    pub fn newest_signed_time(&self) -> Option<UtcMillis> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.by_fingerprint.values().map(|certificate| certificate.not_before()).max()
    }

    /// People with the certificates of their devices in force, one a device, in order of user id.
    #[must_use]
    pub fn people(&self, which: People<'_>) -> Vec<(UserId, Vec<Arc<DeviceCertificate>>)> {
        let now = self.clock.now();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<(&UserId, &Vec<Arc<DeviceCertificate>>)> = match which {
            People::All => known.by_user.iter().collect(),
            People::These(users) => {
                let mut users: Vec<&UserId> = users.iter().collect();
                users.sort();
                users.dedup();
                users.into_iter().filter_map(|user| known.by_user.get_key_value(user)).collect()
            }
        };
        found
            .into_iter()
            .map(|(user, certificates)| (user.clone(), newest_in_force(certificates, now)))
            .map(|(user, mut certificates)| {
                certificates.retain(|one| !self.revocations.standing(&one.device()).is_out());
                (user, certificates)
            })
            .filter(|(_, certificates)| !certificates.is_empty())
            .collect()
    }

    /// Each device's newest certificate, by device id, ascending; also of those that lapsed or are revoked.
    #[must_use]
    pub fn newest(&self, user: Option<&UserId>) -> BTreeMap<DeviceId, Arc<DeviceCertificate>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let of_user = |user| known.by_user.get(user).into_iter().flatten();
        let in_order: Box<dyn Iterator<Item = &Arc<DeviceCertificate>>> = match user {
            Some(user) => Box::new(of_user(user)),
            None => Box::new(known.by_user.values().flatten()),
        };
        newest_each(in_order).into_iter().map(|(device, newest)| (device, Arc::clone(newest))).collect()
    }

    /// The newest certificate of each of these devices, in their order; `None` if one of them is nobody's.
    #[must_use]
    pub fn newest_of(&self, devices: &[DeviceId]) -> Option<Vec<Arc<DeviceCertificate>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let asked = known.by_user.values().flatten().filter(|one| devices.contains(&one.device()));
        let newest = newest_each(asked);
        devices.iter().map(|device| newest.get(device).map(|one| Arc::clone(one))).collect()
    }

    /// A certificate of a device by its digest: its newest, or one before.
    #[must_use]
    pub fn own(&self, device: DeviceId, certificate: &Digest) -> Option<Arc<DeviceCertificate>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.by_fingerprint.get(certificate).filter(|one| one.device() == device).map(Arc::clone)
    }

    /// A device's certificate of this key.
    #[must_use]
    pub fn certified(&self, device: DeviceId, key: &PublicKey) -> Option<Arc<DeviceCertificate>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all = known.by_user.values().flatten();
        all.find(|one| one.device() == device && one.as_member() == Ok(*key)).map(Arc::clone)
    }

    fn count(&self) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        // Far below 2^52: exact.
        #[expect(clippy::cast_precision_loss, reason = "a number of devices")]
        gauge!("wardline_devices_in_force").set(known.by_fingerprint.len() as f64);
    }
}

impl Admission for Devices {
    fn admit(&self, chain: &[CertificateDer<'_>]) -> Result<Arc<DeviceCertificate>, Refusal> {
        let leaf = chain.first().ok_or(Refusal::CertificateInvalid)?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let fingerprint = Digest::of(leaf);
        if known.struck.contains_key(&fingerprint) {
            return Err(Refusal::CertificateStruck);
        }
        let certificate = known.by_fingerprint.get(&fingerprint).ok_or(Refusal::CertificateInvalid)?;
        match self.revocations.standing(&certificate.device()) {
            Standing::InForce => {}
            _ if fault::planted("mutant.admit_revoked") => {}
            Standing::Held { since, reason, .. } | Standing::Revoked { since, reason } => {
                return Err(Refusal::DeviceRevoked { reason, since });
            }
        }
        if in_force(certificate, self.clock.now()) {
            Ok(Arc::clone(certificate))
        } else {
            Err(Refusal::CertificateInvalid)
        }
    }
}

/// Whose devices.
#[derive(Debug, Clone, Copy)]
pub enum People<'a> {
    /// Everybody's.
    All,
    /// Exactly these users'.
    These(&'a [UserId]),
}

impl Known {
    fn insert(&mut self, certificate: Arc<DeviceCertificate>) {
        let fresh = self.by_fingerprint.insert(certificate.fingerprint(), Arc::clone(&certificate)).is_none();
        if fresh {
            self.struck_devices.remove(&certificate.device());
            self.by_user.entry(certificate.user().clone()).or_default().push(certificate);
        }
    }

    /// Some of these have no other certificate than one of a struck issuer.
    fn note_struck(&mut self, struck: &[Arc<DeviceCertificate>]) {
        let good: HashSet<DeviceId> = self.by_fingerprint.values().map(|one| one.device()).collect();
        self.struck_ends.extend(struck.iter().map(|one| (one.device(), one.not_after())));
        let devices = struck.iter().map(|one| one.device());
        self.struck_devices.extend(devices.filter(|device| !good.contains(device)));
    }

    fn remove(&mut self, certificate: &DeviceCertificate) {
        self.by_fingerprint.remove(&certificate.fingerprint());
        self.struck.insert(certificate.fingerprint(), Some(Arc::new(certificate.clone())));
        self.struck_ends.insert((certificate.device(), certificate.not_after()));
        let Some(of_user) = self.by_user.get_mut(certificate.user()) else { return };
        of_user.retain(|other| other.fingerprint() != certificate.fingerprint());
        if of_user.iter().all(|other| other.device() != certificate.device()) {
            self.struck_devices.insert(certificate.device());
        }
        if of_user.is_empty() {
            self.by_user.remove(certificate.user());
        }
    }
}

/// Whether a certificate follows another of the same device: it ends later. When the relay took it says less: its clock may have been
/// set back.
fn follows(certificate: &DeviceCertificate, other: &DeviceCertificate) -> bool {
    certificate.not_after() >= other.not_after() || fault::planted("mutant.last_is_newest")
}

/// The newest of each device.
fn newest_each<'a>(
    certificates: impl Iterator<Item = &'a Arc<DeviceCertificate>>,
) -> BTreeMap<DeviceId, &'a Arc<DeviceCertificate>> {
    let mut newest: BTreeMap<DeviceId, &Arc<DeviceCertificate>> = BTreeMap::new();
    for one in certificates {
        let known = newest.entry(one.device()).or_insert(one);
        if follows(one, known) {
            *known = one;
        }
    }
    newest
}

fn in_force(certificate: &DeviceCertificate, now: UtcMillis) -> bool {
    certificate.check_dates(now).is_ok()
}

/// One certificate a device: its newest; the devices in order of their first.
fn newest_in_force(certificates: &[Arc<DeviceCertificate>], now: UtcMillis) -> Vec<Arc<DeviceCertificate>> {
    let mut newest: Vec<Arc<DeviceCertificate>> = Vec::new();
    for certificate in certificates.iter().filter(|certificate| in_force(certificate, now)) {
        match newest.iter_mut().find(|other| other.device() == certificate.device()) {
            Some(other) if !follows(certificate, other) => {}
            Some(other) => *other = Arc::clone(certificate),
            None => newest.push(Arc::clone(certificate)),
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use wardline_identity::{DeviceKey, Role, SystemEntropy};
    use wardline_proto::in_place::{arm, disarm};

    use super::*;
    use crate::founded::{Founded, Installation};

    /// Whether a device's newest certificate is shown that the relay, by its clock, has taken before the one that it follows.
    async fn shows_newest(guard: &'static str) -> bool {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let organisation = founded.organisation();
        let phone = Installation::certified(&founded.issuer, &founded.entropy, "doctor-a", Role::Clinician);
        let before = organisation.verify_device(&phone.certificate, DateCheck::Skip).unwrap();
        founded.clock.advance_seconds(86_400);
        let (subject, key) = (before.subject(), DeviceKey::Ed25519(phone.key.public()));
        let after =
            founded.issuer.certify_device(subject, &key, &SystemEntropy, founded.clock_now()).unwrap();
        let after = organisation.verify_device(&after, DateCheck::Skip).unwrap();
        for one in [&after, &before] {
            relay.devices.insert(one.clone());
        }
        arm(guard);
        let shown = relay.devices.newest(None).remove(&phone.device).unwrap();
        let people = relay.devices.people(People::All);
        let same = relay.devices.newest_of(&[phone.device]).unwrap().remove(0);
        disarm(guard);
        let of_person = people.iter().flat_map(|(_, all)| all).find(|one| one.device() == phone.device);
        assert_eq!((&shown, of_person), (&same, Some(&shown)));
        *shown == after
    }

    #[tokio::test]
    async fn the_newest_certificate_is_the_one_that_ends_last() {
        assert!(shows_newest("").await);
        assert!(!shows_newest("mutant.last_is_newest").await, "the guard taken away");
    }
}
