//! Requests to be an issuer's machine that are not taken.

use prost::Message as _;
use tonic::Code;
use wardline_identity::{
    Clock as _, IssuerRequest, SigningKey, StatementLabel, SystemClock, SystemEntropy, certificate_request,
    sign_statement,
};
use wardline_proto::{
    Reason, UtcMillis,
    relay::{self as pb, RequestIssuerRequest, SignedStatement},
};

use super::{Row, Trial, path::REQUEST_ISSUER};
use crate::{
    authority::now_minus_days,
    house::{Caller, House},
};

type Refusal = (Code, Reason);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);

/// What a device asks, at this instant.
fn asks(house: &House, caller: Caller, now: UtcMillis) -> SignedStatement {
    let device = house.caller(caller);
    let key = SigningKey::generate(&SystemEntropy).expect("a key");
    IssuerRequest::sign(&key, (device.key(), &device.certificate), now).expect("a request")
}

/// The office's request, with another body.
fn says(house: &House, change: impl FnOnce(&mut pb::IssuerRequest)) -> SignedStatement {
    let device = house.caller(Caller::Office);
    let key = SigningKey::generate(&SystemEntropy).expect("a key");
    let mut said = pb::IssuerRequest {
        organisation_id: device.certificate.organisation().to_string(),
        user_id: device.certificate.user().to_string(),
        device_id: device.certificate.device().to_wire(),
        certificate_request: certificate_request(&key).expect("a request").into(),
        requested_at: Some(SystemClock.now().into()),
    };
    change(&mut said);
    sign_statement(device.key(), StatementLabel::IssuerRequest, &said, Some(device.certificate.der()))
}

fn wire(request: Option<SignedStatement>) -> RequestIssuerRequest {
    RequestIssuerRequest { request }
}

fn asked(input: &'static str, refusal: Refusal, bad: fn(&House) -> Option<SignedStatement>) -> Row {
    Row::call(input, REQUEST_ISSUER, refusal, move |house| {
        Box::pin(async move {
            let bad = wire(bad(house));
            Trial::new(Caller::Office, &bad, &wire(Some(asks(house, Caller::Office, SystemClock.now()))))
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        asked("no request to be an issuer's machine", FIELD, |_| None),
        asked("a request of more than 4 KiB to be one", FIELD, |house| {
            Some(says(house, |said| said.certificate_request = vec![0; 4_096].into()))
        }),
        asked("a request to be one that another device signed", STATEMENT, |house| {
            Some(asks(house, Caller::Nurse, SystemClock.now()))
        }),
        asked("a request to be one in another person's name", STATEMENT, |house| {
            Some(says(house, |said| said.user_id = "doctor-b".to_owned()))
        }),
        asked("a request to be one with a key that nobody has shown to hold", STATEMENT, |house| {
            Some(says(house, |said| said.certificate_request = vec![0x30; 200].into()))
        }),
        asked("a request of eight days ago to be one", STATEMENT, |house| {
            Some(asks(house, Caller::Office, now_minus_days(8)))
        }),
        Row::call(
            "a request to be one that is older than the device's newest",
            REQUEST_ISSUER,
            FIELD,
            |house| {
                Box::pin(async move {
                    let now = asks(house, Caller::Office, SystemClock.now());
                    house.good(Caller::Office, REQUEST_ISSUER, &wire(Some(now.clone()))).await;
                    let older = asks(house, Caller::Office, now_minus_days(1));
                    Trial::new(Caller::Office, &wire(Some(older)), &wire(Some(now)))
                })
            },
        ),
    ]
}

/// One that is taken.
pub(super) fn right(house: &House) -> Vec<u8> {
    wire(Some(asks(house, Caller::Office, SystemClock.now()))).encode_to_vec()
}
