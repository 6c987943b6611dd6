//! The registrar: invites people, checks the requests that wait against public data, and certifies.
//!
//! It remembers spent invitations by itself: a relay that offers one twice, with another key, gets nothing.

use std::sync::Arc;

use wardline_identity::{
    DateCheck, DisplayName, EnrolmentClaim, ExporterCheck, Invitation, InvitationRecord, InvitationSubject,
    IssuerAuthority, NameError, Role, UserId,
};
use wardline_proto::{
    DeviceId, Reason, UtcMillis,
    relay::{
        CancelInvitationRequest, InvitationState, IssueCertificateRequest, ListEnrolmentsRequest,
        ListInvitationsRequest, PublishInvitationRequest, RefuseEnrolmentRequest, WaitingEnrolment,
    },
};

use super::{Session, enrol::device_code, inventory, renewed};
use crate::{
    api::{
        Failure, FailureKind, InvitationSummary, Invitations, Invited, Invitee, Judged, JudgedDevice,
        NewInvitation, rfc3339,
    },
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::spent_invitations::{self, Spent},
};

/// The longest an invitation may be valid, in seconds: 30 days.
const VALID_SECONDS_MAX: u64 = 30 * 86_400;

/// Invites people; each gets their own invitation.
pub(crate) async fn invite(
    session: &Session,
    relay: &Arc<dyn Relay>,
    people: &[Invitee],
    valid_seconds: u64,
) -> Result<Invited, CoreError> {
    if !(60..=VALID_SECONDS_MAX).contains(&valid_seconds) {
        return Err(Failure::new(
            FailureKind::Input,
            "An invitation is valid for one minute to 30 days.",
            "",
            "Choose another --valid.",
        )
        .into());
    }
    let subjects = people.iter().map(subject).collect::<Result<Vec<_>, _>>()?;
    let mut replaced = Vec::with_capacity(people.len());
    for (person, subject) in people.iter().zip(&subjects) {
        replaced.push(match &person.replaces {
            Some(device) => Some(replaced_device(session, relay, subject, device).await?),
            None => None,
        });
    }
    let expires = session.clock.now().plus_seconds(valid_seconds);
    let mut answer = Invited { invited: Vec::new(), registrar_seen: None, stopped: None };
    for (subject, replaces) in subjects.into_iter().zip(replaced) {
        let (invitation, record, link) = {
            let core = session.core().await;
            let issuer = issuer(core.device.issuing())?;
            let made = match replaces {
                Some(device) => {
                    Invitation::create_replacing(issuer, &subject, device, expires, &*session.entropy)
                }
                None => Invitation::create(issuer, &subject, expires, &*session.entropy),
            };
            let (invitation, record) =
                made.map_err(|error| Failure::defect(format!("The invitation could not be made: {error}.")))?;
            let root = core.device.organisation.root_fingerprint();
            let link = invitation
                .link(core.device.addresses.clone(), root)
                .encode()
                .map_err(|error| Failure::defect(format!("The invitation could not be written: {error}.")))?;
            (invitation, record, link)
        };
        let published = relay.publish_invitation(PublishInvitationRequest { record: Some(record) }).await;
        let published = match published {
            Ok(published) => published,
            // What was made before is handed out: it is in force, and its secrets are nowhere else.
            Err(error) if !answer.invited.is_empty() => {
                answer.stopped = Some(Failure::from(error).to_string());
                return Ok(answer);
            }
            Err(error) => return Err(error.into()),
        };
        answer.registrar_seen = published.registrar_seen_at.as_ref().map(UtcMillis::from).map(rfc3339);
        answer.invited.push(NewInvitation {
            invitation: link.to_string(),
            id: invitation.id().to_string(),
            user: subject.user.to_string(),
            expires: rfc3339(expires),
        });
    }
    Ok(answer)
}

/// The person's device that is to be replaced: in force, lapsed or revoked.
async fn replaced_device(
    session: &Session,
    relay: &Arc<dyn Relay>,
    subject: &InvitationSubject,
    text: &str,
) -> Result<DeviceId, CoreError> {
    let devices = inventory::devices(session, relay, Some(&subject.user)).await?;
    Ok(inventory::named(&devices, text)?.device())
}

fn subject(person: &Invitee) -> Result<InvitationSubject, CoreError> {
    let wrong = |what: &str, error: NameError| {
        Failure::new(
            FailureKind::Input,
            format!("“{}” cannot be invited: the {what} cannot be used.", person.user),
            format!("{error}."),
            "Correct it and invite again.",
        )
    };
    Ok(InvitationSubject {
        user: UserId::parse(&person.user).map_err(|error| wrong("user id", error))?,
        display_name: DisplayName::parse(&person.name).map_err(|error| wrong("name", error))?,
        role: Role::parse(&person.role).map_err(|error| wrong("role", error))?,
    })
}

pub(super) fn issuer(issuer: Option<&IssuerAuthority>) -> Result<&IssuerAuthority, CoreError> {
    issuer.ok_or_else(|| {
        Failure::new(
            FailureKind::Refused,
            "This device cannot invite or certify.",
            "It holds no issuer, or its issuer was struck.",
            "Do it on an administrator's device.",
        )
        .into()
    })
}

/// The invitations, after withdrawing one if asked to.
pub(crate) async fn list_invitations(
    session: &Session,
    relay: &Arc<dyn Relay>,
    cancel: Option<&str>,
) -> Result<Invitations, CoreError> {
    if let Some(prefix) = cancel {
        let listed = list(session, relay).await?;
        let matching: Vec<_> =
            listed.iter().filter(|(id, _)| prefix.len() >= 4 && id.to_string().starts_with(prefix)).collect();
        let [(id, _)] = matching.as_slice() else {
            return Err(Failure::new(
                FailureKind::Unknown,
                format!("“{prefix}” names {} invitations, not one.", matching.len()),
                "",
                "List them: wardline admin invite list.",
            )
            .into());
        };
        relay.cancel_invitation(CancelInvitationRequest { invitation_id: id.to_wire() }).await?;
    }
    let invitations = list(session, relay).await?.into_iter().map(|(_, summary)| summary).collect();
    Ok(Invitations { invitations })
}

async fn list(
    session: &Session,
    relay: &Arc<dyn Relay>,
) -> Result<Vec<(wardline_proto::InvitationId, InvitationSummary)>, CoreError> {
    let answer = relay.list_invitations(ListInvitationsRequest {}).await?;
    let core = session.core().await;
    let now = session.clock.now();
    let summary = |invitation: &wardline_proto::relay::Invitation| {
        let statement = invitation.record.as_ref()?;
        let record = core.device.organisation.verify_invitation(statement, DateCheck::Skip).ok()?;
        let state = match invitation.state() {
            InvitationState::Open if record.expires_at() <= now => "expired",
            InvitationState::Open => "open",
            InvitationState::Spent => "spent",
            InvitationState::Cancelled => "cancelled",
            InvitationState::Unspecified => return None,
        };
        Some((
            record.invitation_id(),
            InvitationSummary {
                id: record.invitation_id().to_string(),
                user: record.user().to_string(),
                name: record.display_name().to_string(),
                role: record.role().as_str().to_owned(),
                state: state.to_owned(),
                expires: rfc3339(record.expires_at()),
            },
        ))
    };
    Ok(answer.invitations.iter().filter_map(summary).collect())
}

/// How many requests wait, as far as one answer lists them, and when a registrar last asked. A look is no registrar's question.
pub(crate) async fn look_at_enrolments(
    relay: &Arc<dyn Relay>,
) -> Result<(usize, Option<UtcMillis>), CoreError> {
    let answer = relay.list_enrolments(ListEnrolmentsRequest { wait_seconds: 0, look_only: true }).await?;
    Ok((answer.enrolments.len(), answer.registrar_seen_at.as_ref().map(UtcMillis::from)))
}

/// Judges the requests that wait, once; waits for one for up to `wait_seconds`.
pub(crate) async fn registrar_pass(
    session: &Session,
    relay: &Arc<dyn Relay>,
    wait_seconds: u32,
) -> Result<Judged, CoreError> {
    issuer(session.core().await.device.issuing())?;
    let request = ListEnrolmentsRequest { wait_seconds, look_only: false };
    let waiting = relay.list_enrolments(request).await?;
    let mut judged = Judged::default();
    renewed::renew(session, relay, (&waiting.renewals, &mut judged)).await?;
    if let Some(offered) = &waiting.relay_renewal {
        renewed::renew_relay(session, relay, offered).await?;
    }
    for enrolment in &waiting.enrolments {
        match judge(session, enrolment).await? {
            Verdict::Issue(record, claim, certificate) => {
                let request = IssueCertificateRequest {
                    invitation_id: record.invitation_id().to_wire(),
                    certificate: certificate.into(),
                };
                match relay.issue_certificate(request).await {
                    Ok(_) => judged.issued.push(shown(&record, &claim, None)),
                    // One that the relay does not take holds nobody up: it is turned down, and the next is judged.
                    Err(RelayError::Refused {
                        reason: reason @ (Reason::CertificateMismatch | Reason::StatementInvalid),
                        ..
                    }) => {
                        let why = format!("the relay did not take its certificate ({reason})");
                        turn_down(relay, &record, &why).await?;
                        judged.refused.push(shown(&record, &claim, Some(&why)));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Verdict::Refuse(record, claim, why) => {
                turn_down(relay, &record, why).await?;
                judged.refused.push(shown(&record, &claim, Some(why)));
            }
            Verdict::Ignore => tracing::warn!("the relay offered a request that does not verify"),
        }
    }
    Ok(judged)
}

/// Turns a request down; one that is gone meanwhile needs no answer.
async fn turn_down(relay: &Arc<dyn Relay>, record: &InvitationRecord, why: &str) -> Result<(), CoreError> {
    let request =
        RefuseEnrolmentRequest { invitation_id: record.invitation_id().to_wire(), reason: why.to_owned() };
    match relay.refuse_enrolment(request).await {
        Ok(_) | Err(RelayError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

enum Verdict {
    /// The certificate is made and noted as spent.
    Issue(Box<InvitationRecord>, Box<EnrolmentClaim>, Vec<u8>),
    /// The request is one, but may not have a certificate.
    Refuse(Box<InvitationRecord>, Box<EnrolmentClaim>, &'static str),
    /// Not a request: nobody signed it who may.
    Ignore,
}

/// Judges one request by public data and the own memory; a certificate is noted before it leaves.
async fn judge(session: &Session, enrolment: &WaitingEnrolment) -> Result<Verdict, CoreError> {
    let core = session.core().await;
    let now = session.clock.now();
    let (Some(record), Some(claim)) = (&enrolment.record, &enrolment.claim) else {
        return Ok(Verdict::Ignore);
    };
    let Ok(record) = core.device.organisation.verify_invitation(record, DateCheck::Skip) else {
        return Ok(Verdict::Ignore);
    };
    // The exporter was the relay's to compare; its signature binds it to this claim.
    let Ok(claim) = record.verify_claim(claim, ExporterCheck::Skip) else { return Ok(Verdict::Ignore) };
    let (record, claim) = (Box::new(record), Box::new(claim));
    let mut tx = core.vault.begin("judge_enrolment").await?;
    if let Some(spent) = spent_invitations::find(&mut tx, &record.invitation_id()).await? {
        return Ok(if spent.device == claim.device() {
            Verdict::Issue(record, claim, spent.certificate)
        } else {
            Verdict::Refuse(record, claim, "the invitation was used by another device")
        });
    }
    if spent_invitations::knows_device(&mut tx, &claim.device()).await? {
        return Ok(Verdict::Refuse(record, claim, "the device id belongs to another device"));
    }
    if record.check_expiry(now).is_err() {
        return Ok(Verdict::Refuse(record, claim, "the invitation has expired"));
    }
    let issuer = issuer(core.device.issuing())?;
    let subject = record.device_subject(&claim);
    let certificate = issuer
        .certify_device(&subject, claim.key(), &*session.entropy, now)
        .map_err(|error| Failure::defect(format!("A certificate could not be made: {error}.")))?;
    let spent = Spent { device: claim.device(), certificate };
    spent_invitations::insert(&mut tx, &record.invitation_id(), &spent, now).await?;
    tx.commit().await?;
    Ok(Verdict::Issue(record, claim, spent.certificate))
}

fn shown(record: &InvitationRecord, claim: &EnrolmentClaim, why: Option<&str>) -> JudgedDevice {
    JudgedDevice {
        user: record.user().to_string(),
        device: claim.device().to_string(),
        name: claim.device_name().to_string(),
        fingerprint: device_code(claim.key()),
        why: why.map(str::to_owned),
    }
}
