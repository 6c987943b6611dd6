//! The relay as whoever holds the root sees it: the issuers' list that it applies, and putting the next one in force.

use std::sync::Arc;

use wardline_identity::{Clock, DateCheck, Organisation, RelayCertificate, RootAuthority, Strike};
use wardline_proto::{
    Reason,
    relay::{GetIssuersListRequest, PublishIssuersListRequest, SignedStatement},
};

use super::greet;
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    relay::{Relay, RelayError},
};

/// How often a list is signed again because another came first, before the person is asked to try later.
const ATTEMPTS: usize = 10;

/// What the relay applies now.
pub(super) struct InForce {
    /// The organisation by its issuers' list.
    pub organisation: Organisation,
    /// The relay's own certificates: they must stay good.
    pub relays: Vec<RelayCertificate>,
}

/// Asks a relay for what it applies; what it shows is checked under the root.
pub(super) async fn in_force(
    relay: &Arc<dyn Relay>,
    root: &RootAuthority,
    clock: &dyn Clock,
) -> Result<InForce, CoreError> {
    let proof = Some(root.prove(&relay.exporter()));
    let shown = relay.get_issuers_list(GetIssuersListRequest { proof }).await.map_err(other_root)?;
    let wire = shown.organisation.ok_or(CoreError::Protocol("has no organisation"))?;
    let organisation = Organisation::verify(&wire, &root.fingerprint(), clock.now())
        .map_err(|_| CoreError::Protocol("sent issuers that the root did not sign"))?;
    let greeting = shown.greeting.unwrap_or_default();
    greet::verify(&organisation, &greeting, clock.now())?;
    let read = |der: &bytes::Bytes| organisation.verify_relay(der, DateCheck::Skip);
    let relays: Result<Vec<_>, _> = shown.relay_certificates.iter().map(read).collect();
    let relays = relays.map_err(|_| CoreError::Protocol("shows a certificate that is no relay's"))?;
    Ok(InForce { organisation, relays })
}

/// The relay does not take the root's proof: it is another organisation's.
fn other_root(error: RelayError) -> CoreError {
    match error {
        RelayError::Refused { reason: Reason::StatementInvalid, .. } => Failure::new(
            FailureKind::Refused,
            "This relay belongs to another organisation.",
            "It does not take the proof of this root.",
            "Name your organisation's relay, or the recovery file of the relay's organisation.",
        )
        .into(),
        other => other.into(),
    }
}

/// What the next list is to have, of the one in force: `None` if nothing is to be changed.
pub(super) struct Next {
    /// The issuers on it, DER.
    pub issuers: Vec<Vec<u8>>,
    /// Those that are struck, and those that were.
    pub struck: Vec<Strike>,
}

impl Next {
    /// What there is.
    pub(super) fn after(organisation: &Organisation) -> Self {
        Self {
            issuers: organisation.issuers().iter().map(|issuer| issuer.der().to_vec()).collect(),
            struck: organisation.struck().iter().map(Strike::from).collect(),
        }
    }
}

/// Has a change put in force, on top of whatever is; gives what is in force then. `change` is asked again where another list came
/// first.
pub(super) async fn change(
    (relay, root, clock): (&Arc<dyn Relay>, &RootAuthority, &dyn Clock),
    first_device: &[u8],
    change: &(dyn Fn(&InForce) -> Result<Option<Next>, CoreError> + Sync),
) -> Result<InForce, CoreError> {
    for _ in 0..ATTEMPTS {
        let now = in_force(relay, root, clock).await?;
        let Some(next) = change(&now)? else { return Ok(now) };
        let number = now.organisation.issuers_number().saturating_add(1);
        let list = root.sign_issuers(number, &next.issuers, &next.struck).map_err(too_many)?;
        match publish(relay, list, first_device).await {
            Err(RelayError::Refused { reason: Reason::IssuersConflict, .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return in_force(relay, root, clock).await,
        }
    }
    Err(Failure::new(
        FailureKind::Unavailable,
        "The list of issuers could not be changed yet.",
        "Others change it at the same time, again and again.",
        "Run the command again: it goes on where it stopped.",
    )
    .into())
}

async fn publish(
    relay: &Arc<dyn Relay>,
    list: SignedStatement,
    first_device: &[u8],
) -> Result<(), RelayError> {
    let first_device = first_device.to_vec().into();
    relay.publish_issuers_list(PublishIssuersListRequest { list: Some(list), first_device }).await?;
    Ok(())
}

fn too_many(error: wardline_identity::AuthorityError) -> CoreError {
    Failure::new(
        FailureKind::Input,
        "The list of issuers cannot be signed.",
        format!("{error}."),
        "Let certificates lapse that nobody uses, and try again.",
    )
    .into()
}
