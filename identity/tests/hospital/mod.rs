//! A hospital to attack: a founded organisation, one issuer, one invited doctor, and a forger's workbench.
//!
//! Everything comes from one seed, so a failing case can be run again.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;
use wardline_identity::*;
use wardline_proto::{UtcMillis, relay as pb};

/// 2026-11-21 12:00 UTC.
pub const NOW: UtcMillis = UtcMillis::new(1_795_262_400_000);
pub const DAY: u64 = 86_400;

pub struct Hospital {
    pub entropy: SeededEntropy,
    pub root: RootAuthority,
    pub issuer: IssuerAuthority,
    pub organisation: Organisation,
}

impl Hospital {
    pub fn found(seed: u64) -> Self {
        Self::named("St. Example", seed)
    }

    pub fn named(name: &str, seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        let id = OrganisationId::from_name(name).unwrap();
        let root = RootAuthority::found(&DisplayName::parse(name).unwrap(), id, &entropy, NOW).unwrap();
        let issuer = root.found_issuer(&DisplayName::parse("IT lead").unwrap(), &entropy, NOW).unwrap();
        let wire = wire(&root, root.sign_issuers_list(1, &[issuer.certificate_der()]).unwrap());
        let organisation = Organisation::verify(&wire, &root.fingerprint(), NOW).unwrap();
        Self { entropy, root, issuer, organisation }
    }

    pub fn subject(&self) -> DeviceSubject {
        DeviceSubject {
            organisation: self.organisation.id().clone(),
            user: UserId::parse("dr.a").unwrap(),
            device: device_id_new(&self.entropy).unwrap(),
            display_name: DisplayName::parse("Dr. Ada Müller").unwrap(),
            device_name: DeviceName::parse("phone").unwrap(),
            role: Role::Clinician,
        }
    }

    pub fn key(&self) -> SigningKey {
        SigningKey::generate(&self.entropy).unwrap()
    }

    /// A device as it should be: its key and certificate.
    pub fn device(&self) -> (SigningKey, Vec<u8>) {
        let key = self.key();
        let der =
            self.issuer.certify_device(&self.subject(), &key.public().into(), &self.entropy, NOW).unwrap();
        (key, der)
    }

    /// A relay's Ed25519 key and certificate.
    pub fn relay(&self) -> (SigningKey, Vec<u8>) {
        let key = self.key();
        let request = certificate_request(&key).unwrap();
        let addresses = ["relay.example.org:443".to_owned(), "[::1]:8443".to_owned()];
        (key, self.issuer.certify_relay(&request, &addresses, &self.entropy, NOW).unwrap())
    }

    pub fn verify(&self, der: &[u8]) -> Result<DeviceCertificate, CertificateError> {
        self.organisation.verify_device(der, NOW)
    }

    pub fn invite(&self, expires_at: UtcMillis) -> (Invitation, pb::SignedStatement) {
        let subject = InvitationSubject {
            user: UserId::parse("dr.a").unwrap(),
            display_name: DisplayName::parse("Dr. Ada Müller").unwrap(),
            role: Role::Clinician,
        };
        Invitation::create(&self.issuer, &subject, expires_at, &self.entropy).unwrap()
    }
}

/// The organisation's wire form with this issuers' list.
pub fn wire(root: &RootAuthority, issuers: pb::SignedStatement) -> pb::Organisation {
    pb::Organisation {
        organisation_id: root.organisation().as_str().to_owned(),
        name: root.name().as_str().to_owned(),
        root_certificate: root.certificate_der().to_vec().into(),
        issuers: Some(issuers),
    }
}

/// Later than now.
pub const fn later(seconds: u64) -> UtcMillis {
    NOW.plus_seconds(seconds)
}

/// What a good device certificate says, for a forger to change one thing of.
pub fn good_device(hospital: &Hospital) -> CertificateParams {
    let subject = hospital.subject();
    let uri = DeviceUri { organisation: subject.organisation, user: subject.user, device: subject.device };
    let mut parameters = CertificateParams::default();
    parameters.not_before = date(0);
    parameters.not_after = date(90 * DAY);
    parameters.serial_number = Some(vec![0x40, 1, 2, 3].into());
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "Dr. Ada Müller");
    parameters.distinguished_name.push(DnType::OrganizationalUnitName, "phone");
    parameters.subject_alt_names = vec![SanType::URI(uri.to_string().try_into().unwrap())];
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters.custom_extensions = vec![role_extension("clinician")];
    parameters
}

pub fn role_extension(word: &str) -> CustomExtension {
    let value = [&[0x0C, u8::try_from(word.len()).unwrap()], word.as_bytes()].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 1, 1], value)
}

/// Signs anything with `signer`'s key under the name in `signer_der`, as rcgen would for anybody.
pub fn forge(
    parameters: &CertificateParams,
    key: &DeviceKey,
    signer: &SigningKey,
    signer_der: &[u8],
) -> Vec<u8> {
    let pair = KeyPair::try_from(signer.to_pkcs8_v1().as_slice()).unwrap();
    let issuer = Issuer::from_ca_cert_der(&signer_der.into(), pair).unwrap();
    let spki = SubjectPublicKeyInfo::from_der(&key.spki_der()).unwrap();
    parameters.signed_by(&spki, &issuer).unwrap().der().to_vec()
}

/// What a good relay certificate says.
pub fn good_relay(hospital: &Hospital) -> CertificateParams {
    let mut parameters = good_device(hospital);
    parameters.custom_extensions.clear();
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.subject_alt_names =
        vec![uri("wardline://st-example/relay"), SanType::DnsName("relay".try_into().unwrap())];
    parameters
}

pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// Changes the one place of the signed part that reads `from`, and signs again as `signer`: what an authority
/// could make that writes its DER by hand.
pub fn resign(der: &[u8], from: &[u8], to: &[u8], signer: &SigningKey) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "lengths must stay");
    let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
    let signed = parsed.tbs_certificate.as_ref().to_vec();
    let start = der.windows(signed.len()).position(|bytes| bytes == signed).unwrap();
    let mut other = der.to_vec();
    let place = signed.windows(from.len()).position(|bytes| bytes == from).unwrap();
    other[start + place..start + place + to.len()].copy_from_slice(to);
    let signature = signer.sign_raw(&other[start..start + signed.len()]);
    let end = other.len() - signature.len();
    other[end..].copy_from_slice(&signature);
    other
}

pub fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(i64::try_from(later(seconds).seconds()).unwrap()).unwrap()
}

/// Every prefix, every flipped bit, and added bytes: all must be refused.
pub fn refuses_every_damage(der: &[u8], passes: impl Fn(&[u8]) -> bool) {
    assert!(passes(der), "the control must pass");
    for index in 0..der.len() {
        assert!(!passes(&der[..index]), "cut at {index}");
        for bit in 0..8 {
            let mut other = der.to_vec();
            other[index] ^= 1 << bit;
            assert!(!passes(&other), "bit {bit} of byte {index}");
        }
    }
    for tail in [&[0][..], &[0xFF], &[0x05, 0x00], der] {
        assert!(!passes(&[der, tail].concat()), "trailing bytes");
    }
}
