//! Signed statements, of every label.

use std::sync::LazyLock;

use prost::Message;
use wardline_identity::{DateCheck, StatementLabel};
use wardline_proto::relay::{
    CertificateRenewal, CommitAuthor, Confirmation, DeviceApproval, EnrolmentClaim, HoldAnswer,
    HoldStatement, InvitationRecord, IssuerRequest, IssuersList, Leave, OutOfStep, RelayTime,
    RemovalConfirmation, RevocationAnswer, RevocationList, RootProof, SignedStatement, UnlockConfirmation,
    UnlockTry,
};

use crate::{
    resign::{self, label_of},
    target::{Input, Target, fuzz, samples},
    tree::Format,
    world::WORLD,
};

static SAMPLES: LazyLock<Vec<(u8, SignedStatement)>> = LazyLock::new(|| {
    let read = |bytes: Vec<u8>| (bytes[0], SignedStatement::decode(&bytes[1..]).expect("a statement"));
    samples("statement").into_iter().map(read).collect()
});

/// A byte for the label, then the statement.
fn statement(input: &Input) -> bool {
    let Some((label, rest)) = input.bytes.split_first() else { return false };
    let Ok(statement) = SignedStatement::decode(rest) else { return false };
    let by_issuer = WORLD.organisation.verify_issuer_statement(label_of(*label), &statement, DateCheck::Skip);
    assert!(by_issuer.is_err(), "no issuer signs here");
    let Ok(body) = WORLD.doctor.certificate.verify_statement(label_of(*label), &statement) else {
        return false;
    };
    assert_eq!(body, statement.body);
    let known = SAMPLES.iter().any(|(of, sample)| label_of(*of) == label_of(*label) && *sample == statement);
    assert!(known || input.signed_anew, "accepted, and signed by nobody");
    read_body(label_of(*label), &body);
    true
}

/// What a signature is right of may still be anything.
fn read_body(label: StatementLabel, body: &[u8]) {
    match label {
        StatementLabel::InvitationRecord => same_again::<InvitationRecord>(body),
        StatementLabel::EnrolmentClaim => same_again::<EnrolmentClaim>(body),
        StatementLabel::RootProof => same_again::<RootProof>(body),
        StatementLabel::IssuerRequest => same_again::<IssuerRequest>(body),
        StatementLabel::IssuersList => same_again::<IssuersList>(body),
        StatementLabel::CommitAuthor => same_again::<CommitAuthor>(body),
        StatementLabel::DeviceApproval => same_again::<DeviceApproval>(body),
        StatementLabel::Leave => same_again::<Leave>(body),
        StatementLabel::Confirmation => same_again::<Confirmation>(body),
        StatementLabel::OutOfStep => same_again::<OutOfStep>(body),
        StatementLabel::RevocationList => same_again::<RevocationList>(body),
        StatementLabel::RevocationAnswer => same_again::<RevocationAnswer>(body),
        StatementLabel::RemovalConfirmation => same_again::<RemovalConfirmation>(body),
        StatementLabel::RelayTime => same_again::<RelayTime>(body),
        StatementLabel::Hold => same_again::<HoldStatement>(body),
        StatementLabel::HoldAnswer => same_again::<HoldAnswer>(body),
        StatementLabel::CertificateRenewal => same_again::<CertificateRenewal>(body),
        StatementLabel::UnlockTry => same_again::<UnlockTry>(body),
        StatementLabel::UnlockConfirmation => same_again::<UnlockConfirmation>(body),
    }
}

/// What is read is read the same from what it is written as.
pub(crate) fn same_again<M: Message + Default + PartialEq>(bytes: &[u8]) {
    let Ok(read) = M::decode(bytes) else { return };
    let again = M::decode(read.encode_to_vec().as_slice()).expect("what was encoded decodes");
    assert!(again == read, "it reads back otherwise");
}

#[test]
fn statements_are_accepted_only_under_the_label_and_key_they_were_signed_with() {
    fuzz(&Target {
        name: "statement",
        format: Format::Protobuf(1),
        sign: Some(resign::labelled),
        inputs: 2_000,
        at_most: usize::MAX,
        memory: (16 * 1024, 192),
        check: statement,
    });
}
