//! From a link to a device certificate, in the steps that `enrolment.proto` describes.

use ring::{
    rand::{SecureRandom as _, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::{
    Link, Problem, Relay,
    statement::{self, sha256},
    wire::relay::{
        ClientGreeting, EnrolRequest, EnrolResponse, EnrolmentClaim, EnrolmentState, GetInvitationRequest,
        InvitationRecord, IssuersList, SignedStatement, VersionRange,
        enrolment_service_client::EnrolmentServiceClient,
    },
};

/// How long the relay is asked to hold an answer back.
const WAIT_SECONDS: u32 = 20;

/// A device with its certificate.
#[derive(Clone)]
pub struct Device {
    /// Where its relay is.
    pub address: String,
    /// The root it trusts.
    pub root: [u8; 32],
    /// The root's certificate.
    pub root_certificate: Vec<u8>,
    /// Its id.
    pub id: [u8; 16],
    /// Its certificate.
    pub certificate: Vec<u8>,
    /// The certificates of the organisation's issuers.
    pub issuers: Vec<Vec<u8>>,
    /// The one of them that issued it.
    pub issuer: Vec<u8>,
    /// Of its Ed25519 key.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Device {
    /// Its key, PKCS #8.
    #[must_use]
    pub fn pkcs8(&self) -> Vec<u8> {
        pkcs8(&self.seed)
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Ed25519KeyPair {
        key(&self.seed)
    }

    /// A connection that it shows its certificate on.
    ///
    /// # Errors
    /// As [`Relay::connect`].
    pub async fn connect(&self) -> Result<Relay, Problem> {
        Relay::connect(&self.address, self.root, Some(self)).await
    }
}

/// A device that has an invitation and asks for its certificate.
pub struct Candidate {
    link: Link,
    relay: Relay,
    record: SignedStatement,
    root_certificate: Vec<u8>,
    issuers: Vec<Vec<u8>>,
    seed: [u8; 32],
    id: [u8; 16],
}

impl Candidate {
    /// Connects without a certificate, fetches the invitation and checks it against the root in the link.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn begin(link: &Link) -> Result<Self, Problem> {
        let address = link.addresses.first().ok_or(Problem::Wrong("no address"))?;
        let relay = Relay::connect(address, link.root, None).await?;
        let public = key(&link.seed).public_key().as_ref().to_vec();
        let request = GetInvitationRequest {
            greeting: Some(greeting()),
            invitation_id: sha256(&public)[..16].to_vec(),
        };
        let shown = EnrolmentServiceClient::new(relay.channel.clone()).get_invitation(request).await?;
        let shown = shown.into_inner();
        let organisation = shown.organisation.ok_or(Problem::Wrong("no organisation"))?;
        if sha256(&organisation.root_certificate) != link.root {
            return Err(Problem::Wrong("another root"));
        }
        let list = organisation.issuers.ok_or(Problem::Wrong("no issuers"))?;
        statement::verify(&organisation.root_certificate, "issuers-list", &list)?;
        let issuers = <IssuersList as prost::Message>::decode(&list.body[..])?.certificates;
        let record = shown.record.ok_or(Problem::Wrong("no record"))?;
        let issuer = issuers.iter().find(|issuer| sha256(issuer)[..] == record.signer);
        statement::verify(issuer.ok_or(Problem::Wrong("an unknown issuer"))?, "invitation-record", &record)?;
        let read = <InvitationRecord as prost::Message>::decode(&record.body[..])?;
        if read.public_key != public || read.organisation_id != organisation.organisation_id {
            return Err(Problem::Wrong("another invitation"));
        }
        let mut id: [u8; 16] = random()?;
        // A version 4 UUID.
        id[6] = id[6] & 0x0F | 0x40;
        id[8] = id[8] & 0x3F | 0x80;
        let root_certificate = organisation.root_certificate;
        Ok(Self { link: link.clone(), relay, record, root_certificate, issuers, seed: random()?, id })
    }

    /// The exporter of its connection.
    #[must_use]
    pub fn exporter(&self) -> [u8; 32] {
        self.relay.exporter
    }

    /// Claims the invitation over an exporter, and asks once.
    ///
    /// # Errors
    /// What the relay says.
    pub async fn ask(&self, exporter: [u8; 32]) -> Result<EnrolResponse, Problem> {
        let claim = EnrolmentClaim {
            record_sha256: sha256(&self.record.body).to_vec(),
            certificate_request: self.certificate_request()?,
            device_id: self.id.to_vec(),
            device_name: "another make".to_owned(),
            tls_exporter: exporter.to_vec(),
        };
        let key = key(&self.link.seed);
        let request = EnrolRequest {
            greeting: Some(greeting()),
            invitation_id: sha256(key.public_key().as_ref())[..16].to_vec(),
            claim: Some(statement::sign(&key, "enrolment-claim", &claim, None)),
            wait_seconds: WAIT_SECONDS,
        };
        let answer = EnrolmentServiceClient::new(self.relay.channel.clone()).enrol(request).await?;
        Ok(answer.into_inner())
    }

    /// Asks until a registrar has decided.
    ///
    /// # Errors
    /// What the relay says, or [`Problem::Wrong`] if the certificate is not its own.
    pub async fn enrol(self) -> Result<Device, Problem> {
        let certificate = loop {
            let answer = self.ask(self.relay.exporter).await?;
            match answer.state() {
                EnrolmentState::Issued => break answer.certificate,
                EnrolmentState::Waiting => {}
                _ => return Err(Problem::Wrong("the registrar refused")),
            }
        };
        if statement::public_key(&certificate)? != key(&self.seed).public_key().as_ref() {
            return Err(Problem::Wrong("a certificate for another key"));
        }
        let issuer = crate::credential::issuer_of(&certificate, &self.issuers)?.to_vec();
        let address = self.link.addresses[0].clone();
        let Self { link, root_certificate, issuers, seed, id, .. } = self;
        Ok(Device { address, root: link.root, root_certificate, id, certificate, issuers, issuer, seed })
    }

    fn certificate_request(&self) -> Result<Vec<u8>, Problem> {
        let pkcs8 = pkcs8(&self.seed);
        let key = rcgen::KeyPair::try_from(&PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8)))?;
        let request = rcgen::CertificateParams::default().serialize_request(&key)?;
        Ok(request.der().to_vec())
    }
}

/// What a client says first.
#[must_use]
pub fn greeting() -> ClientGreeting {
    ClientGreeting {
        versions: Some(VersionRange { lowest: 1, highest: 1 }),
        software: "another-make/1".to_owned(),
        ..ClientGreeting::default()
    }
}

/// Random bytes.
///
/// # Errors
/// [`Problem::Wrong`] if there are none.
pub fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Problem::Wrong("no randomness"))?;
    Ok(bytes)
}

fn key(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed has 32 bytes")
}

fn pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    const HEAD: [u8; 16] =
        [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    [&HEAD[..], seed].concat()
}
