//! An organisation, and the devices that it certifies.

use std::{collections::HashMap, sync::Arc};

use prost::Message as _;
use wardline_identity::{
    Clock, DateCheck, DeviceCertificate, DeviceKey, DeviceName, DeviceSubject, DisplayName, Invitation,
    InvitationSubject, IssuerAuthority, ManualClock, Organisation, OrganisationId, PublicKey,
    RevocationRegister, Role, RootAuthority, SigningKey, SystemEntropy, UserId, device_id_new,
};
use wardline_proto::{
    DeviceId, UtcMillis,
    relay::{self, SignedStatement},
};

use super::ward::{NOW, Phone};
use crate::{
    conversation::{Core, Device, KnownList, RetentionTime},
    mls::MlsStore,
    session::load_device,
    vault::{
        KdfCost, Passcode, Vault,
        tables::{
            device::{self, DeviceRow},
            device_keys,
        },
    },
};

/// An organisation that certifies whoever a test needs.
pub(crate) struct House {
    pub(crate) issuer: IssuerAuthority,
    pub(crate) organisation: Organisation,
    /// The root in its holder's hands.
    pub(crate) holder: RootAuthority,
    wire: relay::Organisation,
    root: wardline_identity::RootFingerprint,
    pub clock: Arc<ManualClock>,
}

impl House {
    pub(crate) fn found() -> Self {
        let name = DisplayName::parse("St. Example").unwrap();
        let id = OrganisationId::from_name("St. Example").unwrap();
        let root = RootAuthority::found(&name, id.clone(), &SystemEntropy, NOW).unwrap();
        let issuer = root.found_issuer(&name, &SystemEntropy, NOW).unwrap();
        let wire = relay::Organisation {
            organisation_id: id.to_string(),
            name: name.to_string(),
            root_certificate: root.certificate_der().to_vec().into(),
            issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()]).unwrap()),
        };
        let organisation = Organisation::verify(&wire, &root.fingerprint(), NOW).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        Self { issuer, organisation, wire, root: root.fingerprint(), holder: root, clock }
    }

    /// The signed record of an invitation for a device, in place of another or of none.
    pub(crate) fn invites(&self, user: &str, replaces: Option<DeviceId>) -> SignedStatement {
        let subject = InvitationSubject {
            user: UserId::parse(user).unwrap(),
            display_name: DisplayName::parse(user).unwrap(),
            role: Role::Clinician,
        };
        let until = NOW.plus_seconds(86_400);
        let (issuer, entropy) = (&self.issuer, &SystemEntropy);
        let made = match replaces {
            Some(device) => Invitation::create_replacing(issuer, &subject, device, until, entropy),
            None => Invitation::create(issuer, &subject, until, entropy),
        };
        made.unwrap().1
    }

    pub(crate) async fn phone(&self, user: &str) -> Phone {
        let key = SigningKey::generate(&SystemEntropy).unwrap();
        let subject = DeviceSubject {
            organisation: self.organisation.id().clone(),
            user: UserId::parse(user).unwrap(),
            device: device_id_new(&SystemEntropy).unwrap(),
            display_name: DisplayName::parse(&format!("Name of {user}")).unwrap(),
            device_name: DeviceName::parse("phone").unwrap(),
            role: Role::Clinician,
        };
        let public = DeviceKey::Ed25519(key.public());
        let der = self.issuer.certify_device(&subject, &public, &SystemEntropy, NOW).unwrap();
        let certificate = self.organisation.verify_device(&der, DateCheck::At(NOW)).unwrap();
        let (home, passcode) = (tempfile::tempdir().unwrap(), Passcode::new("right".to_owned()).unwrap());
        let vault = Vault::create(home.path(), &passcode, &SystemEntropy, KdfCost::floor()).await.unwrap();
        let organisation = Organisation::verify(&self.wire, &self.root, NOW).unwrap();
        let device = Device {
            key,
            certificate,
            earlier: Vec::new(),
            organisation,
            addresses: Vec::new(),
            issuer: None,
        };
        in_its_vault(&vault, &device, &self.wire, self.root).await;
        let mut retention = RetentionTime::load(None, &*self.clock);
        // As of the list that there always is.
        retention.hear_issuer(self.clock_now(), &*self.clock);
        let core = Core {
            vault,
            store: MlsStore::new(),
            groups: HashMap::new(),
            revocations: RevocationRegister::new(device.organisation.id()),
            list: KnownList::default(),
            wrong_tries: 0,
            retention,
            device,
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
        };
        Phone::new(core, home)
    }

    pub(crate) fn clock_now(&self) -> UtcMillis {
        Clock::now(&*self.clock)
    }

    /// The next certificate of a device, for this key.
    pub(crate) fn certifies_next(&self, of: &DeviceCertificate, key: &PublicKey) -> Vec<u8> {
        let key = DeviceKey::Ed25519(*key);
        self.issuer.certify_device(of.subject(), &key, &SystemEntropy, Clock::now(&*self.clock)).unwrap()
    }

    /// A phone gets its next certificate, as by a renewal, and goes on as it was.
    pub(crate) async fn renews(&self, phone: &mut Phone) {
        let next = SigningKey::generate(&SystemEntropy).unwrap();
        let (core, now) = (&mut phone.core, self.clock_now());
        let der = self.certifies_next(&core.device.certificate, &next.public());
        let mut tx = core.vault.begin("renewed").await.unwrap();
        device_keys::insert_next(&mut tx, &next.seed(), now).await.unwrap();
        device_keys::follow(&mut tx, &der, now).await.unwrap();
        tx.commit().await.unwrap();
        core.device = load_device(&core.vault, &*core.clock).await.unwrap();
    }

    /// A phone that certifies and revokes.
    pub(crate) async fn administrator(&self, user: &str) -> Phone {
        let mut phone = self.phone(user).await;
        let key = SigningKey::from_seed(*self.issuer.key().seed());
        phone.core.device.issuer = IssuerAuthority::new(key, self.issuer.certificate_der()).ok();
        phone
    }
}

/// As an enrolment leaves it.
async fn in_its_vault(
    vault: &Vault,
    device: &Device,
    wire: &relay::Organisation,
    root: wardline_identity::RootFingerprint,
) {
    let certificate = &device.certificate;
    let row = DeviceRow {
        device: device.id(),
        user: device.user().to_string(),
        display_name: certificate.display_name().to_string(),
        device_name: certificate.device_name().to_string(),
        role: certificate.role().as_str().to_owned(),
        key_seed: device.key.seed(),
        root_fingerprint: *root.as_bytes(),
        addresses: Vec::new(),
        organisation: wire.encode_to_vec(),
        certificate: Some(certificate.der().to_vec()),
        invitation: None,
    };
    let mut tx = vault.begin("enrolled").await.unwrap();
    device::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
}
