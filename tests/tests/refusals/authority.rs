//! An organisation in a test's hands: it certifies and invites whom it likes, and founds the relay.

use std::{fs, path::Path};

use prost::Message as _;
use wardline_client_core::{mls::Identity, relay::ClientIdentity};
use wardline_identity::{
    Clock as _, DateCheck, DeviceCertificate, DeviceKey, DeviceName, DeviceSubject, DisplayName, Invitation,
    InvitationSubject, IssuerAuthority, Organisation, OrganisationId, Role, RootAuthority, SigningKey,
    SystemClock, SystemEntropy, UserId, device_id_new,
};
use wardline_proto::{
    DeviceId, UtcMillis,
    relay::{self as pb, SignedStatement},
};

/// The organisation is older than certificates last, so that one can have expired.
const AGE_DAYS: u64 = 200;
/// Seconds.
pub(crate) const DAY: u64 = 86_400;

/// A device as this test made it.
#[derive(Clone)]
pub(crate) struct Installation {
    /// Its key; `None` for a P-256 one.
    pub(crate) key: Option<SigningKey>,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) identity: ClientIdentity,
}

impl Installation {
    pub(crate) fn key(&self) -> &SigningKey {
        self.key.as_ref().expect("an Ed25519 key")
    }

    pub(crate) fn device(&self) -> DeviceId {
        self.certificate.device()
    }

    pub(crate) fn mls(&self) -> Identity<'_> {
        Identity { key: self.key(), certificate_der: self.certificate.der() }
    }
}

/// An organisation in this test's hands.
pub(crate) struct Authority {
    pub(crate) root: RootAuthority,
    pub(crate) issuer: IssuerAuthority,
    pub(crate) organisation: Organisation,
}

impl Authority {
    pub(crate) fn found(name: &str) -> Self {
        let founded = now_minus_days(AGE_DAYS);
        let display = DisplayName::parse(name).expect("a name");
        let id = OrganisationId::from_name(name).expect("an id");
        let root = RootAuthority::found(&display, id, &SystemEntropy, founded).expect("a root");
        let issuer = root.found_issuer(&display, &SystemEntropy, founded).expect("an issuer");
        let wire = pb::Organisation {
            organisation_id: root.organisation().to_string(),
            name: name.to_owned(),
            root_certificate: root.certificate_der().to_vec().into(),
            issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()]).expect("a list")),
        };
        let organisation = Organisation::verify(&wire, &root.fingerprint(), SystemClock.now());
        Self { root, issuer, organisation: organisation.expect("an organisation") }
    }

    /// Certifies a device without any enrolment.
    pub(crate) fn certify(&self, user: &str, role: Role, at: UtcMillis) -> Installation {
        let key = SigningKey::generate(&SystemEntropy).expect("a key");
        let subject = DeviceSubject {
            organisation: self.organisation.id().clone(),
            user: UserId::parse(user).expect("a user"),
            device: device_id_new(&SystemEntropy).expect("an id"),
            display_name: DisplayName::parse(user).expect("a name"),
            device_name: DeviceName::parse("laptop").expect("a name"),
            role,
        };
        let public = DeviceKey::Ed25519(key.public());
        let der = self.issuer.certify_device(&subject, &public, &SystemEntropy, at).expect("a certificate");
        let identity = ClientIdentity { key: key.to_pkcs8_v1(), chain: self.chain(&der) };
        Installation { certificate: self.read(&der), key: Some(key), identity }
    }

    /// What a device with this certificate shows in TLS.
    pub(crate) fn chain(&self, der: &[u8]) -> Vec<Vec<u8>> {
        vec![der.to_vec(), self.issuer.certificate_der().to_vec()]
    }

    pub(crate) fn read(&self, der: &[u8]) -> DeviceCertificate {
        self.organisation.verify_device(der, DateCheck::Skip).expect("a certificate")
    }

    /// What the relay is handed at its founding.
    pub(crate) fn bundle(&self, relay: &Path, address: &str, founder: &Installation) -> Vec<u8> {
        let request = fs::read(relay.join("relay.request")).expect("a request");
        let request = pb::RelayRequest::decode(request.as_slice()).expect("a request");
        let certify = |request: &[u8]| {
            let addresses = [address.to_owned()];
            let certified = self.issuer.certify_relay(request, &addresses, &SystemEntropy, SystemClock.now());
            bytes::Bytes::from(certified.expect("a certificate"))
        };
        let bundle = pb::RelayBundle {
            organisation: Some(self.organisation.to_wire()),
            relay_certificate_ed25519: certify(&request.request_ed25519),
            relay_certificate_p256: certify(&request.request_p256),
            relay_issuer: self.issuer.certificate_der().to_vec().into(),
            founder_certificate: founder.certificate.der().to_vec().into(),
        };
        bundle.encode_to_vec()
    }

    /// An invitation, not published yet.
    pub(crate) fn invite(&self, user: &str, role: Role, until: UtcMillis) -> (Invitation, SignedStatement) {
        let subject = InvitationSubject {
            user: UserId::parse(user).expect("a user"),
            display_name: DisplayName::parse(user).expect("a name"),
            role,
        };
        Invitation::create(&self.issuer, &subject, until, &SystemEntropy).expect("an invitation")
    }
}

/// So many days ago.
pub(crate) fn now_minus_days(days: u64) -> UtcMillis {
    UtcMillis::new(SystemClock.now().get() - days * DAY * 1_000)
}
