//! `relay.bundle`: how the organisation tells a relay whom to serve and what to show.
//!
//! The first bundle pins the organisation's root in the database; from then on no other root is believed,
//! and no issuers' list older than one that was seen. The bundle is public and comes by hand, so it is
//! trusted for nothing that the root did not sign.

use prost::Message as _;
use rustls::pki_types::CertificateDer;
use wardline_identity::{
    CertificateError, Clock, DateCheck, DeviceCertificate, DeviceKey, Organisation,
    OrganisationError as InvalidOrganisation, RelayCertificate, RootFingerprint,
};
use wardline_proto::relay::{self as pb, RelayBundle, SignedStatement};
use wardline_proto::{Digest, UtcMillis};

use crate::data_dir::{DataDir, DataDirError, read_public};
use crate::domain::organisation::{
    self as domain, OrganisationError, OrganisationPin, OrganisationView as _,
};
use crate::relay_identity::RelayIdentity;
use crate::relay_keys::{RelayKeys, RelayKeysError};
use crate::relay_renewal::RelayRenewal;
use crate::store::Store;
use crate::transport::{RelayLeaf, ServedLeaves, TlsMaterial};

/// A bundle that checks out: what the relay serves with.
#[derive(Debug)]
pub struct Imported {
    /// The organisation it serves.
    pub organisation: Organisation,
    /// Who it is in greetings.
    pub identity: RelayIdentity,
    /// Who it is in TLS.
    pub tls: TlsMaterial,
    /// How its certificates are renewed.
    pub renewal: RelayRenewal,
}

/// A bundle that is refused. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// There is none.
    #[error("there is no relay.bundle yet")]
    Missing,
    /// It could not be read.
    #[error(transparent)]
    File(#[from] DataDirError),
    /// It is something else, or cut short.
    #[error("relay.bundle is not a bundle")]
    Malformed,
    /// The organisation in it does not verify.
    #[error("the organisation in relay.bundle does not verify")]
    Organisation(#[source] InvalidOrganisation),
    /// This relay serves another organisation.
    #[error(
        "this relay belongs to the organisation with root {pinned}, the bundle to one with root {offered}"
    )]
    OtherRoot {
        /// The one in the database.
        pinned: RootFingerprint,
        /// The one in the bundle.
        offered: RootFingerprint,
    },
    /// It would bring back issuers that were struck.
    #[error("the bundle has issuers' list {offered}, this relay knows {known}")]
    IssuersOlder {
        /// The highest seen.
        known: u64,
        /// The one in the bundle.
        offered: u64,
    },
    /// A relay certificate does not verify now.
    #[error("the relay's {which} certificate does not verify")]
    RelayCertificate {
        /// "Ed25519" or "P-256".
        which: &'static str,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// A relay certificate is for another key than this relay's.
    #[error("the relay's {which} certificate is for another relay's key")]
    RelayKey {
        /// "Ed25519" or "P-256".
        which: &'static str,
    },
    /// The issuer of the relay's certificates is none of the organisation's.
    #[error("the issuer of the relay's certificates is not on the organisation's list")]
    RelayIssuer,
    /// The founding administrator's certificate does not verify.
    #[error("the founding administrator's certificate does not verify")]
    Founder(#[source] CertificateError),
    /// The relay's keys could not be used.
    #[error("the requests for the relay's keys could not be made")]
    Keys(#[from] RelayKeysError),
    /// The database said no.
    #[error("the organisation could not be stored")]
    Store(#[from] OrganisationError),
}

/// Reads, checks and imports the bundle of a data folder.
///
/// # Errors
/// [`BundleError`].
pub async fn import(
    data: &DataDir,
    keys: &RelayKeys,
    store: &Store,
    clock: &dyn Clock,
) -> Result<Imported, BundleError> {
    let bytes = read_public(&data.bundle(), BUNDLE_BYTES_MAX)?.ok_or(BundleError::Missing)?;
    let bundle = RelayBundle::decode(bytes.as_slice()).map_err(|_| BundleError::Malformed)?;
    let known = store.read("read_pin", |tx| {
        Box::pin(async move { Ok::<_, OrganisationError>((tx.pin().await?, tx.issuers_list().await?)) })
    });
    let (pinned, kept): (Option<OrganisationPin>, Option<SignedStatement>) = known.await?;
    let checked = Checked::from_bundle(bundle.clone(), keys, (pinned.as_ref(), kept.as_ref()), clock.now())?;
    let (organisation, founder, now) = (checked.organisation.clone(), checked.founder.clone(), clock.now());
    let is_new = kept.as_ref() != Some(organisation.issuers_statement());
    let imported = store.write("import_organisation", move |tx| {
        Box::pin(async move { domain::import(tx, organisation, is_new, founder.as_ref(), now).await })
    });
    imported.await?;
    let requests = keys.requests()?;
    Ok(checked.into_imported((data, bundle, requests), keys))
}

/// A bundle whose every part was checked.
struct Checked {
    organisation: Organisation,
    ed25519: RelayCertificate,
    p256: RelayCertificate,
    issuer: CertificateDer<'static>,
    /// `None`: its issuer was struck, and it was not kept.
    founder: Option<DeviceCertificate>,
}

impl Checked {
    fn from_bundle(
        bundle: RelayBundle,
        keys: &RelayKeys,
        (pinned, kept): (Option<&OrganisationPin>, Option<&SignedStatement>),
        now: UtcMillis,
    ) -> Result<Self, BundleError> {
        // 1. The root: the pinned one, or, the first time, whichever the operator brought.
        let wire = bundle.organisation.ok_or(BundleError::Malformed)?;
        let offered = RootFingerprint::of(&wire.root_certificate);
        let root = pinned.map_or(offered, |pin| RootFingerprint::from_bytes(*pin.root.as_bytes()));
        if root != offered {
            return Err(BundleError::OtherRoot { pinned: root, offered });
        }
        let offered = Organisation::verify(&wire, &root, now).map_err(BundleError::Organisation)?;

        // 2. No older list than one that was seen.
        let organisation = newest(offered, &wire, (pinned, kept), now)?;

        // 3. The relay's own certificates: of this organisation, in force, for the keys in this folder.
        let relay = |which, der: &[u8], key: &DeviceKey| {
            let certificate = organisation
                .verify_relay(der, now)
                .map_err(|source| BundleError::RelayCertificate { which, source })?;
            if certificate.key() == key { Ok(certificate) } else { Err(BundleError::RelayKey { which }) }
        };
        let ed25519 = DeviceKey::Ed25519(keys.ed25519.public());
        let ed25519 = relay("Ed25519", &bundle.relay_certificate_ed25519, &ed25519)?;
        let p256 = relay("P-256", &bundle.relay_certificate_p256, &keys.p256_public())?;
        if organisation.issuer_of(&Digest::of(&bundle.relay_issuer)).is_none() {
            return Err(BundleError::RelayIssuer);
        }
        let issuer = CertificateDer::from(bundle.relay_issuer.to_vec());

        // 4. The founder: its certificate may have lapsed since, admission judges that.
        let founder = match organisation.verify_device(&bundle.founder_certificate, DateCheck::Skip) {
            Ok(founder) => Some(founder),
            Err(CertificateError::IssuerStruck) => None,
            Err(error) => return Err(BundleError::Founder(error)),
        };
        Ok(Self { organisation, ed25519, p256, issuer, founder })
    }

    fn into_imported(
        self,
        (data, bundle, requests): (&DataDir, RelayBundle, (Vec<u8>, Vec<u8>)),
        keys: &RelayKeys,
    ) -> Imported {
        let served = ServedLeaves::default();
        let leaf = |certificate: &RelayCertificate| CertificateDer::from(certificate.der().to_vec());
        let tls = || TlsMaterial {
            root: CertificateDer::from(self.organisation.root_der().to_vec()),
            issuer: self.issuer.clone(),
            ed25519: RelayLeaf { certificate: leaf(&self.ed25519), key: keys.ed25519_pkcs8() },
            p256: RelayLeaf { certificate: leaf(&self.p256), key: keys.p256_pkcs8() },
            served: served.clone(),
        };
        let renewal = RelayRenewal::new(data.clone(), bundle, requests, tls());
        let tls = tls();
        let leaves = [self.ed25519.der().to_vec().into(), self.p256.der().to_vec().into()];
        let identity = RelayIdentity::new(keys.ed25519.clone(), leaves, &self.organisation);
        Imported { organisation: self.organisation, identity, tls, renewal }
    }
}

/// The organisation by the newest list: the bundle's, or the one that came by a call since.
fn newest(
    offered: Organisation,
    wire: &pb::Organisation,
    (pinned, kept): (Option<&OrganisationPin>, Option<&SignedStatement>),
    now: UtcMillis,
) -> Result<Organisation, BundleError> {
    let (known, number) = (pinned.map_or(0, |pin| pin.issuers_number), offered.issuers_number());
    let Some(kept) = kept else {
        return match number < known {
            true => Err(BundleError::IssuersOlder { known, offered: number }),
            false => Ok(offered),
        };
    };
    let in_force = pb::Organisation { issuers: Some(kept.clone()), ..wire.clone() };
    let in_force = Organisation::verify(&in_force, &offered.root_fingerprint(), now);
    let in_force = in_force.map_err(BundleError::Organisation)?;
    if number < in_force.issuers_number() {
        return Ok(in_force);
    }
    let newer = in_force.succeeded_by(offered.issuers_statement()).map_err(BundleError::Organisation)?;
    Ok(newer.unwrap_or(in_force))
}

/// 64 issuers with 20,000 kept certificates, an organisation and four certificates fit in.
pub(crate) const BUNDLE_BYTES_MAX: u64 = 2 * 1024 * 1024;

#[cfg(test)]
mod tests;
