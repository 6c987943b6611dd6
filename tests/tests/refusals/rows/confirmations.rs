//! Confirmations of removals that are none.

use prost::Message as _;
use tonic::Code;
use wardline_identity::{Clock as _, RemovalConfirmation, StatementLabel, SystemClock, sign_statement};
use wardline_proto::{Digest, EntryNumber, Epoch, Reason, relay::ConfirmRemovalRequest};

use super::{
    Row, Trial,
    path::{COMMIT, CONFIRM_REMOVAL},
    revocation::hold,
};
use crate::{
    authority::DAY,
    house::{Caller, House},
    talk::Talk,
};

type Refusal = (Code, Reason);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const MISMATCH: Refusal = (Code::FailedPrecondition, Reason::EntryMismatch);
const MEMBER: Refusal = (Code::PermissionDenied, Reason::NotAMember);

/// What the nurse can confirm: the doctor has removed the locum's device, which is on hold.
async fn removal(house: &House) -> RemovalConfirmation {
    hold(house, false).await;
    let mut talk = Talk::new(house).await;
    talk.let_nurse_in().await;
    // A hold has ended its connections.
    house.hang_up(Caller::Locum).await;
    let locum = talk.let_in(Caller::Locum).await;
    hold(house, true).await;
    let data = talk.data(&[], &[locum]);
    let removal = talk.commit(data, Vec::new());
    house.good(Caller::Doctor, COMMIT, &removal).await;
    RemovalConfirmation {
        log: talk.id,
        number: EntryNumber::new(3),
        epoch: Epoch::new(removal.epoch),
        sha256: Digest::of(&removal.commit),
        devices: vec![locum],
        merged_at: SystemClock.now(),
    }
}

fn signed(house: &House, by: Caller, said: &RemovalConfirmation) -> ConfirmRemovalRequest {
    let (label, by) = (StatementLabel::RemovalConfirmation, house.caller(by));
    let statement = sign_statement(by.key(), label, &said.to_wire(), Some(by.certificate.der()));
    ConfirmRemovalRequest { confirmation: Some(statement) }
}

/// A confirmation that the relay takes, by the nurse.
pub(super) async fn right(house: &House) -> (Caller, Vec<u8>) {
    (Caller::Nurse, signed(house, Caller::Nurse, &removal(house).await).encode_to_vec())
}

fn confirmed(
    input: &'static str,
    refusal: Refusal,
    by: Caller,
    make: fn(&House, &RemovalConfirmation) -> ConfirmRemovalRequest,
) -> Row {
    Row::call(input, CONFIRM_REMOVAL, refusal, move |house| {
        Box::pin(async move {
            let said = removal(house).await;
            let good = signed(house, Caller::Nurse, &said);
            Trial::by((by, &make(house, &said)), (Caller::Nurse, &good))
        })
    })
}

/// The nurse says something else than what is.
fn otherwise(
    house: &House,
    said: &RemovalConfirmation,
    change: impl FnOnce(&mut RemovalConfirmation),
) -> ConfirmRemovalRequest {
    let mut said = said.clone();
    change(&mut said);
    signed(house, Caller::Nurse, &said)
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        confirmed("no confirmation", FIELD, Caller::Nurse, |_, _| ConfirmRemovalRequest::default()),
        confirmed(
            "a confirmation that another device has signed",
            STATEMENT,
            Caller::Nurse,
            |house, said| signed(house, Caller::Doctor, said),
        ),
        confirmed("a confirmation by the author of the commit", FIELD, Caller::Doctor, |house, said| {
            signed(house, Caller::Doctor, said)
        }),
        confirmed("a confirmation by a device that is not in", MEMBER, Caller::Office, |house, said| {
            signed(house, Caller::Office, said)
        }),
        confirmed("a confirmation of another commit", MISMATCH, Caller::Nurse, |house, said| {
            otherwise(house, said, |said| said.sha256 = Digest::of(b"another"))
        }),
        confirmed("a confirmation of another epoch", MISMATCH, Caller::Nurse, |house, said| {
            otherwise(house, said, |said| said.epoch = said.epoch.next())
        }),
        confirmed(
            "a confirmation of an entry that removed nobody",
            MISMATCH,
            Caller::Nurse,
            |house, said| otherwise(house, said, |said| said.number = EntryNumber::new(2)),
        ),
        confirmed("a confirmation of more devices", MISMATCH, Caller::Nurse, |house, said| {
            let nurse = house.caller(Caller::Nurse).device();
            otherwise(house, said, |said| {
                said.devices.push(nurse);
                said.devices.sort_unstable();
            })
        }),
        confirmed("a confirmation of tomorrow", FIELD, Caller::Nurse, |house, said| {
            otherwise(house, said, |said| said.merged_at = said.merged_at.plus_seconds(DAY))
        }),
    ]
}
