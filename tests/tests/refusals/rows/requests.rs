//! What is refused whatever the call is: no certificate, the wrong one, and bodies that are none.

use std::sync::{Arc, atomic::AtomicU64};

use prost::Message as _;
use tonic::Code;
use wardline_identity::SigningKey;
use wardline_proto::{
    Reason,
    relay::{self as pb, GetOrganisationRequest, ListPeopleRequest, SendRequest},
};

use super::{
    Expected, Row, Trial,
    path::{self, COMMIT, GET_ORGANISATION, LIST_PEOPLE, SEND},
    unlock::next_minute,
};
use crate::{
    house::{Caller, House, greeting},
    talk::{Talk, random},
    wire::{Payload, framed},
};

type Refusal = (Code, Reason);
const CERTIFICATE: Refusal = (Code::Unauthenticated, Reason::CertificateRequired);
const MEMBER_KEY: Refusal = (Code::PermissionDenied, Reason::MemberKeyRequired);
const ROLE: Refusal = (Code::PermissionDenied, Reason::RoleRequired);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const LIMIT: Refusal = (Code::ResourceExhausted, Reason::LimitReached);

/// Health and reflection, which stand beside our own services.
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Calls for issuers' machines beside the registrar's.
const ISSUERS: &[&str] = &[path::GET_RECORD, path::ISSUE_RENEWAL, path::ISSUE_RELAY_CERTIFICATES];

/// A GiB, in bytes.
const GIB: u64 = 1 << 30;
/// What may be taken off an attacker's hands before it is told no: flow-control windows and socket buffers.
const TAKEN_AT_MOST: u64 = 32 << 20;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let ours = path::ALL.iter().filter(|path| !path::AT_THE_DOOR.iter().any(|door| path.contains(door)));
    rows.extend(ours.map(|path| without(path)));
    rows.extend([HEALTH, REFLECTION].map(without));
    let members = path::ALL.iter().filter(|path| is_members(path));
    rows.extend(
        members.clone().map(|path| as_other("a P-256 certificate", path, MEMBER_KEY, Caller::Gateway)),
    );
    rows.extend(members.map(|path| as_other("a responder's certificate", path, ROLE, Caller::Responder)));
    let registrars =
        path::ALL.iter().filter(|path| path.contains("RegistrarService") || ISSUERS.contains(path));
    rows.extend(registrars.map(|path| as_other("a clinician's certificate", path, ROLE, Caller::Doctor)));
    rows.extend(bodies());
    rows
}

fn is_members(path: &str) -> bool {
    let services = ["ConversationService", "KeyPackageService", "MembershipService"];
    services.iter().any(|one| path.contains(one)) || path == path::CONFIRM_REMOVAL
}

/// A call without a certificate; then the same one with a certificate that opens it gets past the door.
fn without(path: &'static str) -> Row {
    as_other("no certificate", path, CERTIFICATE, Caller::Stranger)
}

fn as_other(input: &'static str, path: &'static str, refusal: Refusal, caller: Caller) -> Row {
    Row::call(input, path, refusal, move |house| {
        Box::pin(async move {
            let (right, body) = right(house, path).await;
            Trial {
                good: Some((right, Payload::Message(body.clone()))),
                ..Trial::raw(caller, Payload::Message(body))
            }
        })
    })
}

/// A caller and a request that this call accepts.
async fn right(house: &House, path: &'static str) -> (Caller, Vec<u8>) {
    let id = || random().to_vec().into();
    let doctor = |body: Vec<u8>| (Caller::Doctor, body);
    let office = |body: Vec<u8>| (Caller::Office, body);
    match path {
        path::CREATE_CONVERSATION => doctor(
            pb::CreateConversationRequest { conversation_id: id(), cipher_suite: 1, predecessor: None }
                .encode_to_vec(),
        ),
        path::MAKE_PAIR => {
            let unlock_key = SigningKey::from_seed([7; 32]).public().as_bytes().to_vec().into();
            doctor(pb::MakePairRequest { pair_id: id(), unlock_key }.encode_to_vec())
        }
        path::GET_PERIOD_SECRETS => {
            let period_ends_ms = vec![next_minute()];
            doctor(pb::GetPeriodSecretsRequest { period_ends_ms }.encode_to_vec())
        }
        path::COMMIT => doctor(Talk::new(house).await.update().encode_to_vec()),
        path::SEND => doctor(Talk::new(house).await.message().encode_to_vec()),
        path::SUBSCRIBE => {
            doctor(pb::SubscribeRequest { greeting: greeting(), cursors: Vec::new() }.encode_to_vec())
        }
        path::GET_WINNER => {
            let talk = Talk::new(house).await;
            let ask = pb::GetWinnerRequest { conversation_id: talk.id.to_wire(), epoch: 0 };
            doctor(ask.encode_to_vec())
        }
        path::CLAIM_KEY_PACKAGES => {
            let request_id = id();
            let claim = pb::ClaimKeyPackagesRequest { request_id, device_ids: Vec::new(), cipher_suite: 1 };
            doctor(claim.encode_to_vec())
        }
        path::PUBLISH_INVITATION => {
            let until = wardline_identity::Clock::now(&wardline_identity::SystemClock).plus_seconds(60);
            let record = house.authority.invite("doctor-d", wardline_identity::Role::Clinician, until).1;
            office(pb::PublishInvitationRequest { record: Some(record) }.encode_to_vec())
        }
        path::CANCEL_INVITATION | path::ISSUE_CERTIFICATE | path::REFUSE_ENROLMENT => {
            super::registrar::right(house, path).await
        }
        path::PUBLISH_REVOCATION_LIST | path::HOLD_DEVICES | path::GET_REMOVALS | path::CONFIRM_REMOVAL => {
            super::revocation::right(house, path).await
        }
        path::RENEW_CERTIFICATE | path::ISSUE_RENEWAL | path::ISSUE_RELAY_CERTIFICATES => {
            super::renewals::right(house, path).await
        }
        path::REPORT_OUT_OF_STEP | path::ASK_MEMBERS => super::memberships::right(house, path).await,
        // Field 7, list_services, with nothing in it.
        REFLECTION => doctor(vec![0x3a, 0]),
        path::GET_RECORD => office(Vec::new()),
        path::REQUEST_ISSUER => office(super::issuer_requests::right(house)),
        _ if path.contains("RegistrarService") => office(Vec::new()),
        // An empty request is whole.
        _ => doctor(Vec::new()),
    }
}

/// Bodies that are none, or too much, and calls that there are not.
fn bodies() -> Vec<Row> {
    let unknown = |input, path| Row {
        expected: Expected::Status(Code::Unimplemented, Some(Reason::CallUnknown)),
        ..Row::call(input, path, FIELD, |_| {
            Box::pin(async {
                let bad = Payload::Message(Vec::new());
                Trial::raw(Caller::Doctor, bad).right(
                    GET_ORGANISATION,
                    Caller::Doctor,
                    &GetOrganisationRequest {},
                )
            })
        })
    };
    vec![
        unknown("a call that there is not", "/wardline.relay.v1.ConversationService/Read"),
        unknown("a service that there is not", "/wardline.relay.v2.ConversationService/Send"),
        Row::call("a body that is not a request", SEND, FIELD, |house| {
            Box::pin(body(house, Payload::Message(vec![0xff; 40])))
        }),
        Row::call("no request in the body", SEND, FIELD, |house| {
            Box::pin(body(house, Payload::Raw(Vec::new())))
        }),
        Row::call("a request cut short", SEND, FIELD, |house| {
            Box::pin(body(house, Payload::Raw(framed(&[7; 64])[..40].to_vec())))
        }),
        Row::call("a body that says that it is compressed", SEND, FIELD, |house| {
            Box::pin(body(house, Payload::Raw([&[1, 0, 0, 0, 3][..], &[1, 2, 3]].concat())))
        }),
        Row::call("a body of 1 GiB that says so", COMMIT, LIMIT, |house| {
            let length = u32::try_from(GIB).expect("a length").to_be_bytes();
            Box::pin(endless(house, [&[0], &length[..]].concat(), Caller::Doctor))
        }),
        Row::call("a body that goes on for 1 GiB behind its request", COMMIT, LIMIT, |house| {
            // Each zero chunk is many empty messages.
            Box::pin(endless(house, framed(&[]).to_vec(), Caller::Doctor))
        }),
        Row::call("a body of 1 GiB without a certificate", path::ENROL, LIMIT, |house| {
            let length = u32::try_from(GIB).expect("a length").to_be_bytes();
            Box::pin(endless(house, [&[0], &length[..]].concat(), Caller::Stranger))
        }),
        Row::call("1,001 users", LIST_PEOPLE, FIELD, |_| {
            Box::pin(async {
                let ask = |count| ListPeopleRequest { user_ids: vec!["doctor-a".to_owned(); count] };
                Trial::new(Caller::Doctor, &ask(1_001), &ask(1_000))
            })
        }),
        Row::call("a user id that is none", LIST_PEOPLE, FIELD, |_| {
            Box::pin(async {
                let ask = |user: &str| ListPeopleRequest { user_ids: vec![user.to_owned()] };
                Trial::new(Caller::Doctor, &ask("Doctor A"), &ask("doctor-a"))
            })
        }),
    ]
}

async fn body(house: &House, bad: Payload) -> Trial {
    let good: SendRequest = Talk::new(house).await.message();
    Trial {
        good: Some((Caller::Doctor, Payload::Message(good.encode_to_vec()))),
        ..Trial::raw(Caller::Doctor, bad)
    }
}

async fn endless(house: &House, beginning: Vec<u8>, caller: Caller) -> Trial {
    let good = Talk::new(house).await.update();
    let bad = Payload::Endless { beginning, length: GIB, sent: Arc::new(AtomicU64::new(0)) };
    let trial = Trial { taken_at_most: Some(TAKEN_AT_MOST), ..Trial::raw(caller, bad) };
    trial.right(COMMIT, Caller::Doctor, &good)
}
