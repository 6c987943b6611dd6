//! The issuers' list: a newer one is taken in before anything that its issuers vouch for, and a lie about it is noted.
//!
//! It comes with the stream the moment it is in force, and is fetched where a greeting or a revocation list names a higher one.

use std::sync::Arc;

use wardline_identity::{CertificateError, DateCheck, OrganisationError, RevocationList};
use wardline_proto::{
    Digest, Reason, fault,
    relay::{GetOrganisationRequest, RelayGreeting, SignedStatement},
};

use super::{Session, administrator, greet::Greeted};
use crate::{
    conversation::{self, encode},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::{device, holds},
};

/// A higher issuers' list than one's own is fetched before anything else (design 4.2); `false` if the relay has none.
pub(super) async fn fetch(session: &Session, relay: &Arc<dyn Relay>, number: u64) -> Result<bool, CoreError> {
    let known = session.core().await.device.organisation.issuers_number();
    if number <= known {
        return Ok(true);
    }
    let answer = relay.get_organisation(GetOrganisationRequest {}).await?;
    let wire = answer.organisation.ok_or(CoreError::Protocol("has no organisation"))?;
    if let Some(list) = &wire.issuers {
        adopt(session, list, known).await?;
    }
    Ok(session.core().await.device.organisation.issuers_number() >= number)
}

/// What a greeting says of the issuers' list: a higher one is fetched, another one under a number that this device has is noted.
pub(super) async fn greeted(
    session: &Session,
    relay: &Arc<dyn Relay>,
    (greeting, greeted): (&RelayGreeting, &Greeted),
) -> Result<(), CoreError> {
    let number = greeted.issuers_list_number;
    if !fetch(session, relay, number).await? {
        conversation::no_such_list(&*session.core().await, greeting, number).await?;
    }
    let core = session.core().await;
    let organisation = &core.device.organisation;
    let said = Digest::try_from(&greeted.issuers_list_sha256).ok();
    let other = said.is_some_and(|said| said != organisation.issuers_digest());
    if organisation.issuers_number() == number && other {
        conversation::false_issuers(&core, (Some(greeting), None)).await?;
    }
    Ok(())
}

/// The relay says that a newer list is in force. `opened_with`: the number that this device had when the stream was opened.
pub(super) async fn heard(
    session: &Session,
    list: &SignedStatement,
    opened_with: u64,
) -> Result<(), CoreError> {
    adopt(session, list, opened_with).await
}

/// A revocation list that names a higher issuers' list may be signed by an issuer who is on that one only.
pub(super) async fn before_list(
    session: &Session,
    relay: &Arc<dyn Relay>,
    list: &SignedStatement,
) -> Result<(), CoreError> {
    let named = RevocationList::stored(list.clone()).map_or(0, |list| list.issuers_number());
    fetch(session, relay, named).await.map(|_| ())
}

/// Takes in a list that goes on from the one at hand: in the vault first, and in use from then on. Any other changes nothing; one
/// that the relay cannot have shown by lagging is noted. A device whose own certificate is no longer good by it goes on
/// reading what it has.
async fn adopt(session: &Session, list: &SignedStatement, opened_with: u64) -> Result<(), CoreError> {
    let mut core = session.core().await;
    let newer = match core.device.organisation.succeeded_by(list) {
        Ok(Some(newer)) => newer,
        Ok(None) => return Ok(()),
        Err(error) => {
            tracing::warn!(%error, "an issuers' list of the relay was refused");
            let older = matches!(error, OrganisationError::IssuersOlder { .. });
            let number = conversation::issuers_number(list);
            return match older && number >= opened_with {
                // A stream that lags is no lie: a newer one has come another way.
                true => Ok(()),
                false if older => conversation::older_issuers(&core, list).await,
                false => conversation::false_issuers(&core, (None, Some(list))).await,
            };
        }
    };
    let own = newer.verify_device(core.device.certificate.der(), DateCheck::Skip);
    if own == Err(CertificateError::IssuerStruck) {
        return Err(struck().into());
    }
    if fault::planted("mutant.issuers_later") {
        return Ok(());
    }
    conversation::strangers_by(&mut core, &newer).await?;
    // Holds whose signers are nobody's by it end here as at the relay.
    let mut revocations = core.revocations.clone();
    revocations.drop_struck(&newer);
    let fewer = revocations.holds().len() < core.revocations.holds().len();
    let mut tx = core.vault.begin("store_organisation").await?;
    device::store_organisation(&mut tx, &encode(&newer.to_wire())).await?;
    if fewer {
        holds::replace(&mut tx, revocations.holds()).await?;
    }
    let appointed = administrator::appointed(&mut tx, &core, &newer).await?;
    tx.commit().await?;
    fault::crash("crash.issuers_kept");
    core.revocations = revocations;
    tracing::info!(number = newer.issuers_number(), "an issuers' list was taken in");
    core.device.organisation = newer;
    core.device.issuer = appointed.or(core.device.issuer.take());
    drop(core);
    session.wake.notify_one();
    session.stepped(&[]);
    Ok(())
}

/// As the relay says it to a device whose certificate is no longer good.
fn struck() -> RelayError {
    RelayError::Refused {
        reason: Reason::CertificateStruck,
        message: "the issuer of the certificate was struck".to_owned(),
        retry_after: None,
        metadata: std::collections::HashMap::default(),
    }
}
