//! An organisation, and the devices that it certifies.

use std::{collections::HashMap, sync::Arc};

use wardline_identity::{
    DateCheck, DeviceKey, DeviceName, DeviceSubject, DisplayName, Invitation, InvitationSubject,
    IssuerAuthority, ManualClock, Organisation, OrganisationId, RevocationRegister, Role, RootAuthority,
    SigningKey, SystemEntropy, UserId, device_id_new,
};
use wardline_proto::{
    DeviceId,
    relay::{self, SignedStatement},
};

use super::ward::{NOW, Phone};
use crate::{
    conversation::{Core, Device, KnownList},
    mls::MlsStore,
    vault::{KdfCost, Passcode, Vault},
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
        let device = Device { key, certificate, organisation, addresses: Vec::new(), issuer: None };
        let core = Core {
            vault,
            store: MlsStore::new(),
            groups: HashMap::new(),
            revocations: RevocationRegister::new(device.organisation.id()),
            list: KnownList::default(),
            device,
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
        };
        Phone::new(core, home)
    }

    /// A phone that certifies and revokes.
    pub(crate) async fn administrator(&self, user: &str) -> Phone {
        let mut phone = self.phone(user).await;
        let key = SigningKey::from_seed(*self.issuer.key().seed());
        phone.core.device.issuer = IssuerAuthority::new(key, self.issuer.certificate_der()).ok();
        phone
    }
}
