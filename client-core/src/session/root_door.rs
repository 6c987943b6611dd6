//! The relay as whoever holds the root sees it: the issuers' list that it applies, and putting the next one in force.
//!
//! A list that the root has signed is in the vault before anybody else has it: what was on its way when this died is sent again.

use std::sync::Arc;

use bytes::Bytes;
use wardline_identity::{Clock, DateCheck, KEPT_MAX, Organisation, RelayCertificate, RootAuthority, UserId};
use wardline_proto::{
    Reason, fault,
    relay::{GetIssuersListRequest, PublishIssuersListRequest, RelayGreeting},
};

use super::{
    Session, greet,
    issuers_change::{Change, Due, Next, under_way},
    send::passes,
};
use crate::{
    api::{Failure, FailureKind},
    conversation::issuers_number,
    error::CoreError,
    relay::{Relay, RelayError},
    vault::{Vault, tables::signed_issuers},
};

/// How often a list is signed again because another came first, before the person is asked to try later.
const ATTEMPTS: usize = 10;

/// What the relay applies now.
pub(super) struct InForce {
    /// The organisation by its issuers' list.
    pub organisation: Organisation,
    /// The relay's own certificates: they must stay good.
    pub relays: Vec<RelayCertificate>,
    /// Its greeting, which was checked.
    pub greeting: RelayGreeting,
    /// The head of its record; empty before the first.
    pub record_head: Bytes,
}

/// Asks a relay for what it applies; what it shows is checked under the root.
pub(super) async fn in_force(
    relay: &Arc<dyn Relay>,
    root: &RootAuthority,
    clock: &dyn Clock,
) -> Result<InForce, CoreError> {
    ask(relay, root, (clock, false)).await
}

/// The same; `keep_still`: it stays in force for a moment, so that a strike is signed on top of it.
async fn ask(
    relay: &Arc<dyn Relay>,
    root: &RootAuthority,
    (clock, keep_still): (&dyn Clock, bool),
) -> Result<InForce, CoreError> {
    let proof = Some(root.prove(&relay.exporter()));
    let request = GetIssuersListRequest { proof, keep_still };
    let shown = relay.get_issuers_list(request).await.map_err(other_root)?;
    let wire = shown.organisation.ok_or(CoreError::Protocol("has no organisation"))?;
    let organisation = Organisation::verify(&wire, &root.fingerprint(), clock.now())
        .map_err(|_| CoreError::Protocol("sent issuers that the root did not sign"))?;
    let greeting = shown.greeting.unwrap_or_default();
    let record_head = greet::verify(&organisation, &greeting, clock.now())?.record_head;
    let read = |der: &bytes::Bytes| organisation.verify_relay(der, DateCheck::Skip);
    let relays: Result<Vec<_>, _> = shown.relay_certificates.iter().map(read).collect();
    let relays = relays.map_err(|_| CoreError::Protocol("shows a certificate that is no relay's"))?;
    Ok(InForce { organisation, relays, greeting, record_head })
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

/// The vault in which a list is before it is sent.
pub(super) enum Keeps<'a> {
    /// Of a home that is being made.
    Made(&'a Vault),
    /// Of a session.
    Of(&'a Session),
}

impl Keeps<'_> {
    async fn load(&self) -> Result<Option<PublishIssuersListRequest>, CoreError> {
        let core;
        let vault = match self {
            Self::Made(vault) => *vault,
            Self::Of(session) => {
                core = session.core().await;
                &core.vault
            }
        };
        let mut tx = vault.begin("look_for_signed_issuers").await?;
        let found = signed_issuers::load(&mut tx).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// The number of the issuers' list by which this home goes, and whose it is; of one that is being made nothing.
    async fn known(&self) -> (u64, Option<UserId>) {
        let Self::Of(session) = self else { return (0, None) };
        let core = session.core().await;
        (core.device.organisation.issuers_number(), Some(core.device.user().clone()))
    }

    /// Keeps one, or that none is under way.
    async fn store(&self, request: Option<&PublishIssuersListRequest>) -> Result<(), CoreError> {
        let core;
        let vault = match self {
            Self::Made(vault) => *vault,
            Self::Of(session) => {
                core = session.core().await;
                &core.vault
            }
        };
        let mut tx = vault.begin("keep_signed_issuers").await?;
        match request {
            Some(request) => signed_issuers::store(&mut tx, request).await?,
            None => signed_issuers::delete(&mut tx).await?,
        }
        Ok(tx.commit().await?)
    }
}

/// The root at a relay's door.
pub(super) struct Door<'a> {
    /// The relay.
    pub relay: &'a Arc<dyn Relay>,
    /// The root.
    pub root: &'a RootAuthority,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Where lists are kept on their way.
    pub keeps: Keeps<'a>,
}

impl Door<'_> {
    /// Has a change put in force, on top of whatever is; gives what is in force then.
    ///
    /// What is signed is in the vault before it is sent, and is sent again as it is for as long as it may be on its way: there are
    /// never two lists under one number, but where the relay has refused the first.
    pub(super) async fn change(
        &self,
        first_device: &[u8],
        change: &Change<'_>,
    ) -> Result<InForce, CoreError> {
        let mut taken = false;
        for _ in 0..ATTEMPTS {
            let still = change.needs_stillness() && !taken && !fault::planted("mutant.strike_in_the_rush");
            let now = ask(self.relay, self.root, (self.clock, still)).await?;
            let (known, own) = self.keeps.known().await;
            if now.organisation.issuers_number() < known && !fault::planted("mutant.root_goes_by_older") {
                return Err(older(known, now.organisation.issuers_number()).into());
            }
            let number = now.organisation.issuers_number().saturating_add(1);
            let before = self.keeps.load().await?.filter(|before| numbered(before) == number);
            if let Some(before) = before.as_ref().filter(|before| !change.is_made_by(&now, before)) {
                // Nor is another signed under its number: it may be on its way.
                return if change.is_done(&now)? {
                    Ok(now)
                } else {
                    Err(under_way(&now, before, own.as_ref()).into())
                };
            }
            let request = match before.filter(|_| !fault::planted("mutant.issuers_signed_anew")) {
                Some(before) => before,
                None => match change.next(&now).await? {
                    Due::Nothing => {
                        self.keeps.store(None).await?;
                        return Ok(now);
                    }
                    Due::Again => continue,
                    Due::Sign(next) => self.sign(number, &next, first_device).await?,
                },
            };
            change.is_signed();
            match self.relay.publish_issuers_list(request).await {
                Ok(_) => taken = true,
                Err(RelayError::Refused {
                    reason: Reason::IssuersConflict | Reason::ListConflict, ..
                }) => self.keeps.store(None).await?,
                Err(error) => {
                    let kept = matches!(&error, RelayError::Refused { reason: Reason::FieldInvalid, .. });
                    // What it refuses for good is never in force, and not sent again.
                    if matches!(&error, RelayError::Refused { reason, .. } if !passes(*reason)) {
                        self.keeps.store(None).await?;
                    }
                    if !kept || !self.has_renewed(&now).await? {
                        return Err(error.into());
                    }
                }
            }
        }
        Err(Failure::new(
            FailureKind::Unavailable,
            "The list of issuers could not be changed yet.",
            "Others change it at the same time, or the list of revoked devices, again and again.",
            "Run the command again: it goes on where it stopped.",
        )
        .into())
    }

    /// Signed, and in the vault.
    async fn sign(
        &self,
        number: u64,
        Next { issuers, struck, standing }: &Next,
        first_device: &[u8],
    ) -> Result<PublishIssuersListRequest, CoreError> {
        let list = self.root.sign_issuers(number, issuers, (struck, *standing)).map_err(too_many)?;
        let first_device = first_device.to_vec().into();
        let request = PublishIssuersListRequest { list: Some(list), first_device };
        self.keeps.store(Some(&request)).await?;
        Ok(request)
    }

    /// Whether the relay has other certificates of its own by now: a list that keeps those before is not taken.
    async fn has_renewed(&self, before: &InForce) -> Result<bool, CoreError> {
        let now = in_force(self.relay, self.root, self.clock).await?;
        Ok(now.relays != before.relays)
    }
}

/// What is signed on top of an older list would be another one under a number that is taken.
fn older(known: u64, shown: u64) -> Failure {
    Failure::new(
        FailureKind::Untrusted,
        "The relay shows an older list of issuers than this machine has.",
        format!("It shows list {shown}; this machine goes by list {known}, which the root has signed."),
        "Nothing was signed. Ask whoever runs the relay what happened to it: a relay that was restored from a copy needs a newer one.",
    )
}

/// The number of a list that is on its way.
fn numbered(request: &PublishIssuersListRequest) -> u64 {
    request.list.as_ref().map_or(0, issuers_number)
}

fn too_many(error: wardline_identity::AuthorityError) -> CoreError {
    Failure::new(
        FailureKind::Input,
        "The list of issuers cannot be signed.",
        format!("{error}. At most {KEPT_MAX} certificates of struck issuers stay good, and those that ended 90 days ago are left out."),
        "Strike only issuers that are lost. For the others put a further administrator on the list first, without --strike: what is \
         certified from then on is theirs, and what is older makes room when it has ended.",
    )
    .into()
}
