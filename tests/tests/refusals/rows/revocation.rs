//! Lists that are not taken, what is not shown to everybody, and what is not taken while a device is to go.

use prost::Message as _;
use tonic::Code;
use wardline_client_core::relay::Relay as _;
use wardline_identity::{
    Clock as _, DateCheck, PendingHold, RevocationAct, RevocationKind, RevocationReason, RevocationRegister,
    StatementLabel, SystemClock, sign_statement,
};
use wardline_proto::{
    DeviceId, Reason,
    relay::{
        GetRemovalsRequest, GetRevocationListRequest, ListDevicesRequest, PublishRevocationListRequest,
        RevocationList, SignedStatement,
    },
};

use super::{
    Row, Trial,
    path::{self, COMMIT, GET_REMOVALS, LIST_DEVICES, PUBLISH_REVOCATION_LIST, SEND},
};
use crate::{
    authority::DAY,
    house::{Caller, House},
    talk::{Talk, random},
};

type Refusal = (Code, Reason);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const ROLE: Refusal = (Code::PermissionDenied, Reason::RoleRequired);
const CONFLICT: Refusal = (Code::Aborted, Reason::ListConflict);
const PENDING: Refusal = (Code::FailedPrecondition, Reason::RevocationPending);
const JOIN: Refusal = (Code::FailedPrecondition, Reason::JoinRevoked);

/// The relay's list and acts.
pub(super) async fn register(house: &House) -> RevocationRegister {
    let relay = house.connect(Caller::Office).await;
    let answer = relay.get_revocation_list(GetRevocationListRequest::default()).await.expect("a list");
    let organisation = &house.authority.organisation;
    let mut register = RevocationRegister::new(organisation.id());
    if let Some(list) = answer.list {
        let list = organisation.verify_revocation_list(&list, DateCheck::Skip).expect("a list");
        let acts: Result<Vec<_>, _> = answer.acts.iter().map(RevocationAct::read).collect();
        register.adopt(list, &acts.expect("acts")).expect("a list with its acts");
    }
    for hold in answer.holds {
        let hold = PendingHold::stored(hold).expect("a hold");
        register.hold(hold).expect("it is pending");
    }
    register
}

fn act(house: &House, device: DeviceId, kind: RevocationKind) -> RevocationAct {
    let issuer = *house.authority.issuer.certificate().fingerprint();
    RevocationAct { device, kind, reason: RevocationReason::Lost, at: SystemClock.now(), issuer }
}

pub(super) fn publishes(list: SignedStatement, acts: &[RevocationAct]) -> PublishRevocationListRequest {
    let acts = acts.iter().map(RevocationAct::to_wire).collect();
    PublishRevocationListRequest { list: Some(list), acts }
}

/// The list that goes on from this one.
pub(super) fn after(
    house: &House,
    register: &RevocationRegister,
    acts: &[RevocationAct],
) -> PublishRevocationListRequest {
    let issuer = *house.authority.issuer.certificate().fingerprint();
    // What devices have put on hold comes first.
    let acts: Vec<_> = register.taken_up(issuer).chain(acts.iter().copied()).collect();
    only(house, register, &acts)
}

/// The list that goes on from this one with these acts, and nothing that is pending.
pub(super) fn only(
    house: &House,
    register: &RevocationRegister,
    acts: &[RevocationAct],
) -> PublishRevocationListRequest {
    let authority = &house.authority;
    let list = register.sign_next(&authority.issuer, &authority.organisation, acts, SystemClock.now());
    publishes(list.expect("acts that can follow"), acts)
}

/// The relay's next list, which revokes a device that nobody has.
async fn next(house: &House) -> PublishRevocationListRequest {
    let nobody = act(house, DeviceId::from_bytes(random()), RevocationKind::Revoked);
    after(house, &register(house).await, &[nobody])
}

/// Puts the locum's device on hold, or ends that, unless it is so.
pub(super) async fn hold(house: &House, held: bool) {
    let (register, locum) = (register(house).await, house.caller(Caller::Locum).device());
    if register.standing(&locum, SystemClock.now()).is_out() != held {
        let kind = if held { RevocationKind::Held } else { RevocationKind::Reinstated };
        let list = after(house, &register, &[act(house, locum, kind)]);
        house.good(Caller::Office, PUBLISH_REVOCATION_LIST, &list).await;
    }
}

/// A conversation of doctor and locum, whose device is on hold.
async fn fenced(house: &House) -> (Talk<'_>, DeviceId) {
    hold(house, false).await;
    let mut talk = Talk::new(house).await;
    // A hold has ended its connections.
    house.hang_up(Caller::Locum).await;
    let locum = talk.let_in(Caller::Locum).await;
    hold(house, true).await;
    (talk, locum)
}

/// A request that this call takes, and who makes it.
pub(super) async fn right(house: &House, path: &str) -> (Caller, Vec<u8>) {
    if path == path::PUBLISH_REVOCATION_LIST {
        return (Caller::Office, next(house).await.encode_to_vec());
    }
    if path == path::HOLD_DEVICES {
        return super::holds::right(house).await;
    }
    if path == path::CONFIRM_REMOVAL {
        return super::confirmations::right(house).await;
    }
    let device_id = house.caller(Caller::Doctor).device().to_wire();
    (Caller::Doctor, GetRemovalsRequest { device_id }.encode_to_vec())
}

/// A list that is made wrong from the relay's, brought by a clinician, who may bring the right one.
fn published(
    input: &'static str,
    refusal: Refusal,
    make: fn(&House, &RevocationRegister) -> PublishRevocationListRequest,
) -> Row {
    Row::call(input, PUBLISH_REVOCATION_LIST, refusal, move |house| {
        Box::pin(async move {
            // There is one.
            house.good(Caller::Office, PUBLISH_REVOCATION_LIST, &next(house).await).await;
            let bad = make(house, &register(house).await);
            Trial::new(Caller::Doctor, &bad, &next(house).await)
        })
    })
}

fn listed(input: &'static str, refusal: Refusal, make: fn() -> ListDevicesRequest) -> Row {
    Row::call(input, LIST_DEVICES, refusal, move |_| {
        Box::pin(async move {
            let own = ListDevicesRequest { user_id: "doctor-a".to_owned(), ..ListDevicesRequest::default() };
            Trial::new(Caller::Doctor, &make(), &own)
        })
    })
}

fn removed(input: &'static str, refusal: Refusal, make: fn(&House) -> bytes::Bytes) -> Row {
    Row::call(input, GET_REMOVALS, refusal, move |house| {
        Box::pin(async move {
            let own = house.caller(Caller::Doctor).device().to_wire();
            let ask = |device_id| GetRemovalsRequest { device_id };
            Trial::new(Caller::Doctor, &ask(make(house)), &ask(own))
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = lists();
    rows.extend(shown());
    rows.extend(pending());
    rows.extend(super::confirmations::rows());
    rows.extend(super::holds::rows());
    rows
}

fn lists() -> Vec<Row> {
    vec![
        published("no list", FIELD, |_, _| PublishRevocationListRequest::default()),
        published("a list that a clinician has signed", STATEMENT, |house, register| {
            let doctor = house.caller(Caller::Doctor);
            let honest = after(house, register, &[]).list.expect("a list");
            let body = RevocationList::decode(honest.body).expect("a list");
            let label = StatementLabel::RevocationList;
            publishes(sign_statement(doctor.key(), label, &body, Some(doctor.certificate.der())), &[])
        }),
        published("1,001 acts", FIELD, |house, register| {
            let one = act(house, DeviceId::from_bytes(random()), RevocationKind::Revoked);
            publishes(after(house, register, &[]).list.expect("a list"), &vec![one; 1_001])
        }),
        published("an act of the day after tomorrow", FIELD, |house, register| {
            let today = act(house, DeviceId::from_bytes(random()), RevocationKind::Held);
            let later = RevocationAct { at: today.at.plus_seconds(2 * DAY), ..today };
            after(house, register, &[later])
        }),
        published("a list with the number of the relay's and other acts", CONFLICT, |house, _| {
            let other = RevocationRegister::new(house.authority.organisation.id());
            after(house, &other, &[])
        }),
        published("a list without some of its acts", CONFLICT, |house, register| {
            let one = act(house, DeviceId::from_bytes(random()), RevocationKind::Revoked);
            publishes(after(house, register, &[one]).list.expect("a list"), &[])
        }),
    ]
}

fn shown() -> Vec<Row> {
    vec![
        listed("another person's devices, by a clinician", ROLE, || ListDevicesRequest {
            user_id: "nurse-a".to_owned(),
            ..ListDevicesRequest::default()
        }),
        listed("a user id that is none", FIELD, || ListDevicesRequest {
            user_id: "Nurse A".to_owned(),
            ..ListDevicesRequest::default()
        }),
        listed("a page after 15 bytes", FIELD, || ListDevicesRequest {
            after_device_id: vec![1; 15].into(),
            ..ListDevicesRequest::default()
        }),
        removed("another person's device, by a clinician", ROLE, |house| {
            house.caller(Caller::Nurse).device().to_wire()
        }),
        removed("a device that there is not, by a clinician", ROLE, |_| random().to_vec().into()),
        removed("no device", FIELD, |_| bytes::Bytes::new()),
    ]
}

fn pending() -> Vec<Row> {
    vec![
        Row::call("a message while a device on hold is in", SEND, PENDING, |house| {
            Box::pin(async move {
                let (mut talk, locum) = fenced(house).await;
                let (message, data) = (talk.message(), talk.data(&[], &[locum]));
                let removal = talk.commit(data, Vec::new());
                Trial::only(Caller::Doctor, &message).right(COMMIT, Caller::Doctor, &removal)
            })
        }),
        Row::call("a commit that leaves a device on hold in", COMMIT, PENDING, |house| {
            Box::pin(async move {
                let (mut talk, locum) = fenced(house).await;
                let (update, data) = (talk.update(), talk.data(&[], &[locum]));
                let removal = talk.commit(data, Vec::new());
                Trial::new(Caller::Doctor, &update, &removal)
            })
        }),
        Row::call("a commit that lets a device on hold in", COMMIT, JOIN, |house| {
            Box::pin(async move {
                hold(house, false).await;
                house.hang_up(Caller::Locum).await;
                let mut talk = Talk::new(house).await;
                let (locum, package) = talk.package_of(Caller::Locum).await;
                let (joining, update) = (talk.data(&[locum], &[]), talk.update());
                let joining = talk.commit(joining, vec![package]);
                hold(house, true).await;
                Trial::new(Caller::Doctor, &joining, &update)
            })
        }),
    ]
}
