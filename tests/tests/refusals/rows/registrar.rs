//! What administrators' and registrars' machines hand in wrong.

use prost::Message as _;
use tonic::Code;
use wardline_identity::{Clock as _, DateCheck, ExporterCheck, Role, SystemClock, SystemEntropy};
use wardline_proto::{
    Reason,
    relay::{
        CancelInvitationRequest, IssueCertificateRequest, ListEnrolmentsRequest, PublishInvitationRequest,
        RefuseEnrolmentRequest, SignedStatement,
    },
};

use super::{
    Row, Trial,
    enrolment::Claimant,
    path::{
        CANCEL_INVITATION, ENROL, ISSUE_CERTIFICATE, LIST_ENROLMENTS, PUBLISH_INVITATION, REFUSE_ENROLMENT,
    },
};
use crate::{
    authority::{Authority, now_minus_days},
    house::{Caller, House},
    talk::random,
};

type Refusal = (Code, Reason);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const UNKNOWN: Refusal = (Code::NotFound, Reason::InvitationUnknown);
const NOBODY: Refusal = (Code::NotFound, Reason::EnrolmentUnknown);
const EXPIRED: Refusal = (Code::FailedPrecondition, Reason::InvitationExpired);
const SPENT: Refusal = (Code::FailedPrecondition, Reason::InvitationSpent);
const MISMATCH: Refusal = (Code::InvalidArgument, Reason::CertificateMismatch);

/// A row whose record is made from an honest one.
fn published(input: &'static str, refusal: Refusal, make: fn(&House) -> Option<SignedStatement>) -> Row {
    Row::call(input, PUBLISH_INVITATION, refusal, move |house| {
        Box::pin(async move {
            let bad = PublishInvitationRequest { record: make(house) };
            let good = PublishInvitationRequest { record: Some(record(&house.authority)) };
            Trial::new(Caller::Office, &bad, &good)
        })
    })
}

fn record(authority: &Authority) -> SignedStatement {
    let until = SystemClock.now().plus_seconds(3_600);
    authority.invite("doctor-c", Role::Clinician, until).1
}

/// A waiting enrolment, and an honest certificate for it.
async fn waiting(house: &House) -> (bytes::Bytes, IssueCertificateRequest) {
    let invited = Claimant::invited(house).await;
    let request = invited.enrol().await;
    house.good(Caller::Stranger, ENROL, &request).await;
    let certificate = certify(house, &invited.record, &request.claim.expect("a claim"));
    let issue = IssueCertificateRequest {
        invitation_id: request.invitation_id.clone(),
        certificate: certificate.into(),
    };
    (request.invitation_id, issue)
}

fn certify(house: &House, record: &SignedStatement, claim: &SignedStatement) -> Vec<u8> {
    let record = house.authority.organisation.verify_invitation(record, DateCheck::Skip).expect("a record");
    let claim = record.verify_claim(claim, ExporterCheck::Skip).expect("a claim");
    let subject = record.device_subject(&claim);
    let issuer = &house.authority.issuer;
    issuer.certify_device(&subject, claim.key(), &SystemEntropy, SystemClock.now()).expect("a certificate")
}

/// A row whose certificate is another than the honest one.
fn issued(input: &'static str, make: fn(&House) -> Vec<u8>) -> Row {
    Row::call(input, ISSUE_CERTIFICATE, MISMATCH, move |house| {
        Box::pin(async move {
            let (_, good) = waiting(house).await;
            let bad = IssueCertificateRequest { certificate: make(house).into(), ..good.clone() };
            Trial::new(Caller::Office, &bad, &good)
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        published("no record", FIELD, |_| None),
        published("a record signed by another organisation's issuer", STATEMENT, |_| {
            Some(record(&Authority::found("St. Elsewhere")))
        }),
        published("a record that a clinician signed", STATEMENT, |house| {
            let record = record(&house.authority);
            let nurse = house.caller(Caller::Nurse);
            let label = wardline_identity::StatementLabel::InvitationRecord;
            Some(SignedStatement {
                signature: nurse.key().sign(label, &record.body).to_vec().into(),
                signer: nurse.certificate.fingerprint().to_wire(),
                ..record
            })
        }),
        published("a record that has expired", EXPIRED, |house| {
            Some(house.authority.invite("doctor-c", Role::Clinician, now_minus_days(1)).1)
        }),
        issued("a certificate for another device", |house| {
            let now = SystemClock.now();
            house.authority.certify("doctor-b", Role::Clinician, now).certificate.der().to_vec()
        }),
        issued("random bytes as a certificate", |_| random().to_vec()),
        issued("a certificate of another organisation", |_| {
            let elsewhere = Authority::found("St. Elsewhere");
            elsewhere.certify("doctor-b", Role::Clinician, SystemClock.now()).certificate.der().to_vec()
        }),
    ];
    rows.extend(judgements());
    rows
}

fn judgements() -> Vec<Row> {
    vec![
        Row::call("an unknown invitation", CANCEL_INVITATION, UNKNOWN, |house| Box::pin(cancel(house))),
        Row::call("an invitation that a device has used", CANCEL_INVITATION, SPENT, |house| {
            Box::pin(cancel_used(house))
        }),
        Row::call("an invitation that nobody has claimed", ISSUE_CERTIFICATE, NOBODY, |house| {
            Box::pin(issue_unclaimed(house))
        }),
        Row::call("an unknown invitation", REFUSE_ENROLMENT, NOBODY, |house| Box::pin(refuse(house))),
        Row::call("a reason of 257 characters", REFUSE_ENROLMENT, FIELD, |house| {
            Box::pin(long_reason(house))
        }),
        Row::call("a wait of 31 seconds", LIST_ENROLMENTS, FIELD, |_| {
            Box::pin(async {
                let wait = |wait_seconds| ListEnrolmentsRequest { wait_seconds, look_only: false };
                Trial::new(Caller::Office, &wait(31), &wait(0))
            })
        }),
    ]
}

async fn cancel(house: &House) -> Trial {
    let invited = Claimant::invited(house).await;
    let cancel = |invitation_id| CancelInvitationRequest { invitation_id };
    let bad = cancel(random().to_vec().into());
    Trial::new(Caller::Office, &bad, &cancel(invited.invitation.id().to_wire()))
}

async fn cancel_used(house: &House) -> Trial {
    let (invitation_id, issue) = waiting(house).await;
    let bad = CancelInvitationRequest { invitation_id };
    Trial::only(Caller::Office, &bad).right(ISSUE_CERTIFICATE, Caller::Office, &issue)
}

async fn issue_unclaimed(house: &House) -> Trial {
    let (_, good) = waiting(house).await;
    let open = Claimant::invited(house).await;
    let bad = IssueCertificateRequest { invitation_id: open.invitation.id().to_wire(), ..good.clone() };
    Trial::new(Caller::Office, &bad, &good)
}

async fn refuse(house: &House) -> Trial {
    let (invitation_id, _) = waiting(house).await;
    let refuse = |invitation_id| RefuseEnrolmentRequest { invitation_id, reason: "not you".to_owned() };
    Trial::new(Caller::Office, &refuse(random().to_vec().into()), &refuse(invitation_id))
}

async fn long_reason(house: &House) -> Trial {
    let (invitation_id, _) = waiting(house).await;
    let refuse =
        |length| RefuseEnrolmentRequest { invitation_id: invitation_id.clone(), reason: "x".repeat(length) };
    Trial::new(Caller::Office, &refuse(257), &refuse(256))
}

/// A caller and a request that one of the calls about a waiting enrolment accepts.
pub(super) async fn right(house: &House, path: &'static str) -> (Caller, Vec<u8>) {
    let (invitation_id, issue) = waiting(house).await;
    let body = match path {
        ISSUE_CERTIFICATE => issue.encode_to_vec(),
        REFUSE_ENROLMENT => {
            RefuseEnrolmentRequest { invitation_id, reason: "not you".to_owned() }.encode_to_vec()
        }
        _ => {
            let open = Claimant::invited(house).await.invitation.id().to_wire();
            CancelInvitationRequest { invitation_id: open }.encode_to_vec()
        }
    };
    (Caller::Office, body)
}
