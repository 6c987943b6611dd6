//! Holds that the relay does not take, and lists that leave one out.

use prost::Message as _;
use tonic::Code;
use wardline_identity::{
    Clock as _, HoldStatement, RevocationReason, StatementLabel, SystemClock, sign_statement,
};
use wardline_proto::{
    DeviceId, Reason,
    relay::{HoldDevicesRequest, SignedStatement},
};

use super::{
    Row, Trial,
    path::{HOLD_DEVICES, PUBLISH_REVOCATION_LIST},
    revocation::{after, hold, only, publishes, register},
};
use crate::{
    authority::DAY,
    house::{Caller, House},
    talk::random,
};

type Refusal = (Code, Reason);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const REFUSED: Refusal = (Code::PermissionDenied, Reason::HoldRefused);
const PENDING: Refusal = (Code::Aborted, Reason::HoldsPending);

fn said(house: &House, devices: Vec<DeviceId>) -> HoldStatement {
    HoldStatement {
        organisation: house.authority.organisation.id().clone(),
        devices,
        reason: RevocationReason::Lost,
        signed_at: SystemClock.now(),
    }
}

fn signed(house: &House, by: Caller, said: &HoldStatement) -> SignedStatement {
    let by = house.caller(by);
    sign_statement(by.key(), StatementLabel::Hold, &said.to_wire(), Some(by.certificate.der()))
}

fn request(statement: SignedStatement) -> HoldDevicesRequest {
    HoldDevicesRequest { statement: Some(statement) }
}

/// A hold that the relay takes: the list names the responder, and the locum's device is in force.
async fn honest(house: &House) -> HoldDevicesRequest {
    hold(house, false).await;
    let register = register(house).await;
    let responder = house.caller(Caller::Responder).certificate.user().clone();
    let (authority, now) = (&house.authority, SystemClock.now());
    if !register.is_responder(&responder) {
        let next = (&[][..], std::slice::from_ref(&responder));
        let list = register.sign_next_with(&authority.issuer, &authority.organisation, next, now);
        let list = publishes(list.expect("a list"), &[]);
        house.good(Caller::Office, PUBLISH_REVOCATION_LIST, &list).await;
    }
    let locum = house.caller(Caller::Locum).device();
    request(signed(house, Caller::Responder, &said(house, vec![locum])))
}

/// A request that the call takes, and who makes it.
pub(super) async fn right(house: &House) -> (Caller, Vec<u8>) {
    (Caller::Responder, honest(house).await.encode_to_vec())
}

fn held(input: &'static str, refusal: Refusal, by: Caller, make: fn(&House) -> HoldDevicesRequest) -> Row {
    Row::call(input, HOLD_DEVICES, refusal, move |house| {
        Box::pin(async move {
            let good = honest(house).await;
            Trial::by((by, &make(house)), (Caller::Responder, &good))
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        held("no hold", FIELD, Caller::Responder, |_| HoldDevicesRequest::default()),
        held("a hold that another device has signed", STATEMENT, Caller::Doctor, |house| {
            let said = said(house, vec![house.caller(Caller::Locum).device()]);
            request(signed(house, Caller::Responder, &said))
        }),
        held("a hold of 21 devices", STATEMENT, Caller::Responder, |house| {
            let mut devices: Vec<_> = (0..21).map(|_| DeviceId::from_bytes(random())).collect();
            devices.sort_unstable();
            request(signed(house, Caller::Responder, &said(house, devices)))
        }),
        held("a hold of another organisation", STATEMENT, Caller::Responder, |house| {
            let mut said = said(house, vec![house.caller(Caller::Locum).device()]).to_wire();
            said.organisation_id = "elsewhere".to_owned();
            let by = house.caller(Caller::Responder);
            request(sign_statement(by.key(), StatementLabel::Hold, &said, Some(by.certificate.der())))
        }),
        held("a hold of the day after tomorrow", FIELD, Caller::Responder, |house| {
            let mut said = said(house, vec![house.caller(Caller::Locum).device()]);
            said.signed_at = said.signed_at.plus_seconds(2 * DAY);
            request(signed(house, Caller::Responder, &said))
        }),
        held("a hold of another person's device, by a clinician", REFUSED, Caller::Doctor, |house| {
            let said = said(house, vec![house.caller(Caller::Locum).device()]);
            request(signed(house, Caller::Doctor, &said))
        }),
        held("a hold of the signer's own device", REFUSED, Caller::Doctor, |house| {
            let said = said(house, vec![house.caller(Caller::Doctor).device()]);
            request(signed(house, Caller::Doctor, &said))
        }),
        held("a hold of an administrator's device", REFUSED, Caller::Responder, |house| {
            let said = said(house, vec![house.caller(Caller::Office).device()]);
            request(signed(house, Caller::Responder, &said))
        }),
        held("a hold of a device that there is not", REFUSED, Caller::Doctor, |house| {
            request(signed(house, Caller::Doctor, &said(house, vec![DeviceId::from_bytes(random())])))
        }),
        Row::call("a list that leaves out a pending hold", PUBLISH_REVOCATION_LIST, PENDING, |house| {
            Box::pin(async move {
                let taken = honest(house).await;
                house.good(Caller::Responder, HOLD_DEVICES, &taken).await;
                let register = register(house).await;
                Trial::new(Caller::Office, &only(house, &register, &[]), &after(house, &register, &[]))
            })
        }),
    ]
}
