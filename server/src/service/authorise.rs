//! Who may call: looks at the [`Peer`] of the connection, again on every call.
//!
//! The certificate was judged when the connection came; its dates are judged here too, by the relay's clock,
//! because connections outlive certificates.

use std::sync::Arc;

use tonic::{Request, Status};
use wardline_identity::{DeviceCertificate, PublicKey, RevocationReason, Role, Standing, UserId};
use wardline_proto::{DeviceId, Digest, Reason, UtcMillis, fault, relay::SignedStatement};

use super::status::Refusal;
use crate::{
    state::Relay,
    transport::{Door, Peer},
};

/// A device whose key can be a member's (Ed25519).
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its certificate.
    pub(crate) certificate: Arc<DeviceCertificate>,
    /// Its key.
    pub(crate) key: PublicKey,
}

impl Member {
    /// The certificate that a statement of this device is to be checked against: the one of its own that it names, for a device
    /// signs what it says in a conversation with the key of its leaf, which may be the one before; else the caller's.
    pub(crate) fn voice(&self, relay: &Relay, statement: &SignedStatement) -> Arc<DeviceCertificate> {
        let named = Digest::try_from(&statement.signer).ok();
        let own = named.and_then(|signer| relay.devices.own(self.certificate.device(), &signer));
        own.unwrap_or_else(|| Arc::clone(&self.certificate))
    }
}

/// The calling device, in force now.
pub(crate) fn device<T>(relay: &Relay, request: &Request<T>) -> Result<Arc<DeviceCertificate>, Status> {
    let refused = || Refusal::new(Reason::CertificateRequired, "the call needs a device certificate");
    let Door::Device(certificate) = &peer(request)?.door else { return Err(refused().into()) };
    good(relay, certificate)?;
    Ok(Arc::clone(certificate))
}

/// The certificate is in force now, its device not out, and its issuer not struck.
pub(crate) fn good(relay: &Relay, certificate: &DeviceCertificate) -> Result<(), Status> {
    certificate
        .check_dates(relay.clock.now())
        .map_err(|_| Refusal::new(Reason::CertificateInvalid, "the certificate is not in force now"))?;
    in_force(relay, certificate.device())?;
    not_struck(relay, certificate)
}

/// The certificate is good by the issuers' list in force: connections are cut, and a call may have been on its way.
pub(crate) fn not_struck(relay: &Relay, certificate: &DeviceCertificate) -> Result<(), Status> {
    if relay.devices.is_struck(&certificate.fingerprint()) {
        return Err(struck().into());
    }
    Ok(())
}

/// What is said to a device whose certificate is no longer good.
pub(crate) fn struck() -> Refusal {
    Refusal::new(
        Reason::CertificateStruck,
        "the issuer of the certificate was struck; ask for a new invitation",
    )
}

/// The device is neither revoked nor on hold: connections are cut, and a call may have been on its way.
pub(crate) fn in_force(relay: &Relay, device: DeviceId) -> Result<(), Status> {
    let (since, reason) = match relay.revocations.standing(&device) {
        Standing::InForce => return Ok(()),
        Standing::Held { since, reason, .. } | Standing::Revoked { since, reason } => (since, reason),
    };
    Err(revoked(since, reason).into())
}

/// What is said to a device that is out, whatever it calls.
pub(crate) fn revoked(since: UtcMillis, reason: RevocationReason) -> Refusal {
    let refusal = Refusal::new(Reason::DeviceRevoked, "the device was revoked");
    refusal.with("reason", reason).with("since_ms", since.get())
}

/// The calling device, if it can be a member: by its key, and by its role.
pub(crate) fn member<T>(relay: &Relay, request: &Request<T>) -> Result<Member, Status> {
    let certificate = device(relay, request)?;
    if certificate.role() == Role::Responder {
        return Err(
            Refusal::new(Reason::RoleRequired, "a responder puts devices on hold, nothing else").into()
        );
    }
    let key = certificate.as_member().map_err(|_| {
        Refusal::new(Reason::MemberKeyRequired, "a P-256 certificate gives API access, never membership")
    })?;
    Ok(Member { certificate, key })
}

/// The calling device, if it is an issuer's.
pub(crate) fn issuer<T>(relay: &Relay, request: &Request<T>) -> Result<Arc<DeviceCertificate>, Status> {
    let certificate = device(relay, request)?;
    if certificate.role().may_issue() {
        return Ok(certificate);
    }
    Err(Refusal::new(Reason::RoleRequired, "the call is for administrators and registrars").into())
}

/// The caller by one of these rules, once the relay does not stand still any more: looked at before, so that nobody else waits, and
/// again after, for they may have been put out meanwhile.
pub(crate) async fn when_still<T>(
    relay: &Relay,
    request: &Request<T>,
    caller: fn(&Relay, &Request<T>) -> Result<Arc<DeviceCertificate>, Status>,
) -> Result<Arc<DeviceCertificate>, Status> {
    let before = caller(relay, request)?;
    relay.still.over().await;
    match fault::planted("mutant.looked_at_before_waiting") {
        true => Ok(before),
        false => caller(relay, request),
    }
}

/// Whose devices a caller is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Oversight {
    /// Everybody's.
    All,
    /// Those of the caller's person.
    Own(UserId),
}

impl Oversight {
    /// Whether a device of `owner` may be shown; `None` for one that is nobody's. Whoever sees only their own learns nothing of
    /// which ids there are.
    pub(crate) fn check(&self, owner: Option<&UserId>) -> Result<(), Status> {
        match self {
            Self::Own(own) if owner != Some(own) && !fault::planted("mutant.others_devices") => {
                let message = "other people's devices are for administrators, registrars and responders";
                Err(Refusal::new(Reason::RoleRequired, message).into())
            }
            Self::Own(_) | Self::All => Ok(()),
        }
    }

    /// The user whose devices are to be shown, if one is asked for; `None` for everybody's.
    pub(crate) fn of_user(self, asked: Option<UserId>) -> Result<Option<UserId>, Status> {
        match (self, asked) {
            (Self::Own(own), None) => Ok(Some(own)),
            (Self::All, None) => Ok(None),
            (oversight, Some(asked)) => oversight.check(Some(&asked)).map(|()| Some(asked)),
        }
    }
}

/// The calling device, and whose devices it is shown, by its role.
pub(crate) fn oversight<T>(
    relay: &Relay,
    request: &Request<T>,
) -> Result<(Arc<DeviceCertificate>, Oversight), Status> {
    let certificate = device(relay, request)?;
    let oversight = match certificate.role() {
        Role::Administrator | Role::Registrar | Role::Responder => Oversight::All,
        _ => Oversight::Own(certificate.user().clone()),
    };
    Ok((certificate, oversight))
}

/// The TLS exporter of the caller's connection.
pub(crate) fn exporter<T>(request: &Request<T>) -> Result<[u8; 32], Status> {
    Ok(peer(request)?.exporter)
}

fn peer<T>(request: &Request<T>) -> Result<&Peer, Status> {
    request.extensions().get::<Peer>().ok_or_else(|| super::status::internal(&NoPeer))
}

/// A request that came through no door of ours.
#[derive(Debug, thiserror::Error)]
#[error("a request has no peer: the transport did not set it")]
struct NoPeer;
