//! Bytes that are sent as a commit or as its Welcome, and what a commit declares.

use prost::Message as _;
use tonic::Code;
use wardline_client_core::mls::key_package::parse_and_verify;
use wardline_proto::{
    ConversationId, DeviceId, Reason,
    relay::{AuthenticatedData, CommitData, CommitRequest},
};

use super::{Kept, Row, Trial, path::COMMIT};
use crate::{
    house::{Caller, House},
    talk::{Talk, as_proposal, life, noise, packages, public_message, random, unheard},
};

type Refusal = (Code, Reason);
const MALFORMED: Refusal = (Code::InvalidArgument, Reason::MessageMalformed);
const KIND: Refusal = (Code::InvalidArgument, Reason::MessageKindRefused);
const GROUP: Refusal = (Code::InvalidArgument, Reason::GroupMismatch);
const EPOCH: Refusal = (Code::Aborted, Reason::EpochConflict);
const DECLARATION: Refusal = (Code::InvalidArgument, Reason::DeclarationMismatch);
const WELCOME: Refusal = (Code::InvalidArgument, Reason::WelcomeMismatch);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const OUT: Refusal = (Code::PermissionDenied, Reason::NotAMember);
const RATE: Refusal = (Code::ResourceExhausted, Reason::CommitRate);

/// A row whose commit's bytes are made from a fresh conversation and an honest commit in it.
fn bytes(input: &'static str, refusal: Refusal, make: fn(&mut Talk<'_>, Vec<u8>) -> Vec<u8>) -> Row {
    Row::call(input, COMMIT, refusal, move |house| {
        Box::pin(async move {
            let mut talk = Talk::new(house).await;
            let good = talk.update();
            let commit = make(&mut talk, good.commit.to_vec());
            Trial::new(Caller::Doctor, &talk.committing(commit, Vec::new()), &good)
        })
    })
}

/// A row whose commit declares something else than it should; the MLS commit is the honest one.
fn declared(input: &'static str, make: fn(&Talk<'_>, CommitData) -> CommitData) -> Row {
    Row::call(input, COMMIT, DECLARATION, move |house| {
        Box::pin(async move {
            let mut talk = Talk::new(house).await;
            let good = talk.update();
            let data = make(&talk, talk.data(&[], &[]));
            let bad = talk.commit(data, Vec::new());
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

/// A row whose request is changed beside the commit.
fn field(input: &'static str, refusal: Refusal, change: fn(&Talk<'_>, &mut CommitRequest)) -> Row {
    Row::call(input, COMMIT, refusal, move |house| {
        Box::pin(async move {
            let mut talk = Talk::new(house).await;
            let good = talk.update();
            let mut bad = good.clone();
            change(&talk, &mut bad);
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

/// A row whose Welcome is changed beside a commit that lets the nurse in.
fn welcomed(input: &'static str, refusal: Refusal, make: fn(&Talk<'_>, &CommitRequest) -> Vec<u8>) -> Row {
    Row::call(input, COMMIT, refusal, move |house| {
        Box::pin(async move {
            let mut talk = Talk::new(house).await;
            let (nurse, package) = talk.nurse().await;
            let data = talk.data(&[nurse], &[]);
            let good = talk.commit(data, vec![package]);
            let bad = CommitRequest { welcome: make(&talk, &good).into(), ..good.clone() };
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        bytes("random bytes", MALFORMED, |_, _| noise()),
        bytes("nothing", MALFORMED, |_, _| Vec::new()),
        bytes("a commit and one byte more", MALFORMED, |_, good| [&good[..], &[0]].concat()),
        bytes("a PublicMessage", KIND, |talk, _| public_message(talk.id)),
        bytes("a lone proposal", KIND, |_, good| as_proposal(good)),
        bytes("an application message", KIND, |talk, _| talk.encrypt(&life(3_600))),
    ];
    rows.extend(places());
    rows.extend(declarations());
    rows.extend(beside());
    rows.extend(welcomes());
    rows
}

/// Commits that are whole, in the wrong place or at the wrong time.
fn places() -> Vec<Row> {
    let lost = Row::call("a commit that lost its epoch to another member's", COMMIT, EPOCH, |house| {
        Box::pin(lost(house))
    });
    vec![
        Row::call("a commit of another conversation", COMMIT, GROUP, |house| Box::pin(another_group(house))),
        Row::call("a commit of an epoch that is over", COMMIT, EPOCH, |house| Box::pin(old_epoch(house))),
        Row::call("a commit of an epoch to come", COMMIT, EPOCH, |house| Box::pin(future_epoch(house))),
        Row { kept: Kept::Only("conversations", "that its sender comes first for 2 s"), ..lost },
        Row::call("an unknown conversation", COMMIT, OUT, |house| Box::pin(unknown(house))),
        Row::call("a conversation that the caller is not in", COMMIT, OUT, |house| Box::pin(not_in(house))),
        Row::call("the eleventh commit within a minute", COMMIT, RATE, |house| Box::pin(eleventh(house))),
    ]
}

async fn another_group(house: &House) -> Trial {
    let (mut here, mut there) = (Talk::new(house).await, Talk::new(house).await);
    let good = here.update();
    let other = there.update().commit.to_vec();
    Trial::new(Caller::Doctor, &here.committing(other, Vec::new()), &good)
}

async fn old_epoch(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let old = talk.update();
    talk.next_epoch().await;
    Trial::new(Caller::Doctor, &old, &talk.update())
}

async fn future_epoch(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let good = talk.update();
    talk.run_ahead();
    Trial::new(Caller::Doctor, &talk.update(), &good)
}

async fn lost(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    talk.let_nurse_in().await;
    let late = talk.update();
    talk.next_epoch().await;
    // The relay cannot see who made a commit, only who hands it in: the nurse with the nurse's own statement.
    let nurse = house.caller(Caller::Nurse);
    let author = talk.author(nurse, &late.commit, late.epoch);
    Trial::only(Caller::Nurse, &CommitRequest { author: Some(author), ..late })
}

async fn unknown(house: &House) -> Trial {
    let mut unheard = unheard(house, ConversationId::from_bytes(random())).await;
    let bad = unheard.update();
    Trial::new(Caller::Doctor, &bad, &Talk::new(house).await.update())
}

async fn not_in(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let good = talk.update();
    let author = talk.author(house.caller(Caller::Nurse), &good.commit, good.epoch);
    let bad = CommitRequest { author: Some(author), ..good.clone() };
    Trial::by((Caller::Nurse, &bad), (Caller::Doctor, &good))
}

async fn eleventh(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    for _ in 0..10 {
        talk.next_epoch().await;
    }
    let update = talk.update();
    Trial::only(Caller::Doctor, &update)
}

/// What the authenticated data say of who comes and goes.
fn declarations() -> Vec<Row> {
    vec![
        declared("a roster hash that is not of the resulting roster", |_, data| CommitData {
            roster_sha256: vec![7; 32].into(),
            ..data
        }),
        declared("a roster hash of 31 bytes", |_, data| CommitData {
            roster_sha256: data.roster_sha256.slice(1..),
            ..data
        }),
        declared("leaves that name a device that is not in", |talk, _| talk.data(&[], &[stranger()])),
        declared("leaves that name the author", |talk, _| talk.data(&[], &[talk.doctor().device()])),
        declared("joins that name a device that is in already", |talk, _| {
            let author = talk.doctor().device();
            CommitData { joins: vec![author.to_wire()], ..talk.data(&[], &[]) }
        }),
        declared("joins that are not ascending", |talk, _| {
            let mut data = talk.data(&[stranger(), stranger()], &[]);
            data.joins.reverse();
            data
        }),
        declared("joins that the roster hash leaves out", |talk, data| CommitData {
            joins: talk.data(&[stranger()], &[]).joins,
            ..data
        }),
        declared("a joining device's id of 15 bytes", |_, data| CommitData {
            joins: vec![vec![1; 15].into()],
            ..data
        }),
        Row::call("a message's authenticated data", COMMIT, DECLARATION, |house| {
            Box::pin(async move {
                let mut talk = Talk::new(house).await;
                let good = talk.update();
                Trial::new(Caller::Doctor, &talk.commit_with(life(3_600), Vec::new()), &good)
            })
        }),
        Row::call("authenticated data of no kind", COMMIT, DECLARATION, |house| {
            Box::pin(async move {
                let mut talk = Talk::new(house).await;
                let good = talk.update();
                let data = AuthenticatedData { kind: None }.encode_to_vec();
                Trial::new(Caller::Doctor, &talk.commit_with(data, Vec::new()), &good)
            })
        }),
    ]
}

fn stranger() -> DeviceId {
    DeviceId::from_bytes(random())
}

/// What stands beside a commit.
fn beside() -> Vec<Row> {
    vec![
        field("an epoch beside the commit that is not its own", FIELD, |_, request| request.epoch = 1),
        field("no statement of its author", FIELD, |_, request| request.author = None),
        field("an author's statement about another commit", STATEMENT, |talk, request| {
            request.author = Some(talk.author(talk.doctor(), b"another commit", request.epoch));
        }),
        field("an author's statement about another epoch", STATEMENT, |talk, request| {
            request.author = Some(talk.author(talk.doctor(), &request.commit, 1));
        }),
        field("an author's statement by another device", STATEMENT, |talk, request| {
            let nurse = talk.house.caller(Caller::Nurse);
            request.author = Some(talk.author(nurse, &request.commit, request.epoch));
        }),
        field("an author's statement whose signature is changed", STATEMENT, |_, request| {
            if let Some(author) = &mut request.author {
                let mut signature = author.signature.to_vec();
                signature[0] ^= 1;
                author.signature = signature.into();
            }
        }),
        field("a commit of 2 MiB and a byte", FIELD, |_, request| request.commit = vec![0; TOO_LONG].into()),
        field("a Welcome of 2 MiB and a byte", FIELD, |_, request| {
            request.welcome = vec![0; TOO_LONG].into()
        }),
    ]
}

const TOO_LONG: usize = 2 * 1024 * 1024 + 1;

/// Welcomes that do not fit.
fn welcomes() -> Vec<Row> {
    vec![
        welcomed("random bytes as a Welcome", MALFORMED, |_, _| noise()),
        welcomed("a commit as a Welcome", KIND, |_, good| good.commit.to_vec()),
        welcomed("joins without a Welcome", WELCOME, |_, _| Vec::new()),
        welcomed("a Welcome of another cipher suite", MALFORMED, |_, good| {
            let mut welcome = good.welcome.to_vec();
            welcome[4..6].copy_from_slice(&0x004F_u16.to_be_bytes());
            welcome
        }),
        Row::call("a Welcome without joins", COMMIT, WELCOME, |house| Box::pin(uninvited(house))),
        Row::call("a Welcome for a package that was not handed out", COMMIT, WELCOME, |house| {
            Box::pin(not_handed_out(house))
        }),
        Row::call("a Welcome for a package that another commit has used", COMMIT, WELCOME, |house| {
            Box::pin(used(house))
        }),
        Row::call("a Welcome for another device than the one that joins", COMMIT, WELCOME, |house| {
            Box::pin(another_device(house))
        }),
    ]
}

async fn uninvited(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let (nurse, package) = talk.nurse().await;
    let data = talk.data(&[nurse], &[]);
    let welcome = talk.commit(data, vec![package]).welcome;
    let good = talk.update();
    Trial::new(Caller::Doctor, &CommitRequest { welcome, ..good.clone() }, &good)
}

async fn not_handed_out(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let (nurse, package) = talk.nurse().await;
    let data = talk.data(&[nurse], &[]);
    let good = talk.commit(data.clone(), vec![package]);
    let nurse = house.caller(Caller::Nurse);
    let stolen = packages(house, nurse, 1).await.remove(0);
    let stolen = parse_and_verify(&stolen).expect("a package").verified(&nurse.certificate).expect("hers");
    Trial::new(Caller::Doctor, &talk.commit(data, vec![stolen]), &good)
}

async fn used(house: &House) -> Trial {
    let (mut first, mut second) = (Talk::new(house).await, Talk::new(house).await);
    let (nurse, package) = first.nurse().await;
    let data = first.data(&[nurse], &[]);
    let spending = first.commit(data, vec![package.clone()]);
    house.good(Caller::Doctor, COMMIT, &spending).await;
    let data = second.data(&[nurse], &[]);
    let bad = second.commit(data.clone(), vec![package]);
    let (_, fresh) = second.nurse().await;
    Trial::new(Caller::Doctor, &bad, &second.commit(data, vec![fresh]))
}

async fn another_device(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let (nurse, package) = talk.nurse().await;
    let data = talk.data(&[nurse], &[]);
    let good = talk.commit(data, vec![package.clone()]);
    let data = talk.data(&[stranger()], &[]);
    Trial::new(Caller::Doctor, &talk.commit(data, vec![package]), &good)
}
