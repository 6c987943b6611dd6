//! The organisation that samples are of: the same in every run, its keys known, so that what was changed can be signed
//! anew.

use std::sync::LazyLock;

use wardline_identity::{
    DateCheck, DeviceCertificate, DeviceKey, DeviceName, DeviceSubject, DisplayName, IssuerAuthority,
    Organisation, OrganisationId, Role, RootAuthority, RootFingerprint, SeededEntropy, SigningKey, UserId,
};
use wardline_proto::{DeviceId, UtcMillis, relay as pb};

/// The time of every sample.
pub(crate) const NOW: UtcMillis = UtcMillis::new(1_790_000_000_000);

/// An organisation with one issuer, an administrator's device and a doctor's.
pub(crate) struct World {
    pub(crate) root: RootAuthority,
    pub(crate) issuer: IssuerAuthority,
    pub(crate) issuer_key: SigningKey,
    pub(crate) wire: pb::Organisation,
    pub(crate) organisation: Organisation,
    pub(crate) office: Person,
    pub(crate) doctor: Person,
    /// The key of the invitation that samples are of.
    pub(crate) invitation: SigningKey,
}

/// A device and its key.
pub(crate) struct Person {
    pub(crate) key: SigningKey,
    pub(crate) certificate: DeviceCertificate,
}

/// The one world.
pub(crate) static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let entropy = SeededEntropy::new(1);
        let name = DisplayName::parse("St. Example").expect("a name");
        let id = OrganisationId::parse("st-example").expect("an id");
        let root = RootAuthority::found(&name, id, &entropy, NOW).expect("a root");
        let issuer_key = SigningKey::from_seed([1; 32]);
        let label = DisplayName::parse("Office").expect("a name");
        let issuer = root.certify_issuer(&issuer_key.public(), &label, &entropy, NOW).expect("an issuer");
        let issuer = IssuerAuthority::new(issuer_key.clone(), &issuer).expect("an issuer");
        let wire = pb::Organisation {
            organisation_id: "st-example".to_owned(),
            name: "St. Example".to_owned(),
            root_certificate: root.certificate_der().to_vec().into(),
            issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()]).expect("a list")),
        };
        let organisation = Organisation::verify(&wire, &root.fingerprint(), NOW).expect("an organisation");
        let person = |user: &str, role, byte: u8| {
            let key = SigningKey::from_seed([byte; 32]);
            let entropy = SeededEntropy::new(byte.into());
            let subject = subject(user, role, byte);
            let der = issuer.certify_device(&subject, &DeviceKey::Ed25519(key.public()), &entropy, NOW);
            let certificate = organisation.verify_device(&der.expect("a certificate"), DateCheck::At(NOW));
            Person { key, certificate: certificate.expect("a certificate") }
        };
        let (office, doctor) =
            (person("office", Role::Administrator, 2), person("doctor-a", Role::Clinician, 3));
        let invitation = SigningKey::from_seed([4; 32]);
        Self { root, issuer, issuer_key, wire, organisation, office, doctor, invitation }
    }

    /// What devices pin.
    pub(crate) fn fingerprint(&self) -> RootFingerprint {
        self.root.fingerprint()
    }
}

/// A device's subject.
pub(crate) fn subject(user: &str, role: Role, byte: u8) -> DeviceSubject {
    // The bits of a version 4 UUID.
    let mut device = [byte; 16];
    (device[6], device[8]) = (0x40 | byte & 0x0f, 0x80 | byte & 0x3f);
    DeviceSubject {
        organisation: OrganisationId::parse("st-example").expect("an id"),
        user: UserId::parse(user).expect("a user"),
        device: DeviceId::from_bytes(device),
        display_name: DisplayName::parse(&format!("Name of {user}")).expect("a name"),
        device_name: DeviceName::parse("phone").expect("a name"),
        role,
    }
}
