//! Bytes that are sent as a message.

use tonic::Code;
use wardline_proto::{
    ConversationId, Reason,
    relay::{AuthenticatedData, SendRequest, authenticated_data::Kind},
};

use super::{Row, Trial, path::SEND};
use crate::{
    house::{Caller, House},
    talk::{Talk, as_proposal, life, noise, packages, public_message, random, unheard},
};

type Refusal = (Code, Reason);
const MALFORMED: Refusal = (Code::InvalidArgument, Reason::MessageMalformed);
const KIND: Refusal = (Code::InvalidArgument, Reason::MessageKindRefused);
const GROUP: Refusal = (Code::InvalidArgument, Reason::GroupMismatch);
const EPOCH: Refusal = (Code::Aborted, Reason::EpochConflict);
const LIFE: Refusal = (Code::InvalidArgument, Reason::LifeOutOfRange);
const DATA: Refusal = (Code::InvalidArgument, Reason::DeclarationMismatch);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const OUT: Refusal = (Code::PermissionDenied, Reason::NotAMember);

/// A row whose bytes are made from a fresh conversation and an honest message in it.
fn bytes(input: &'static str, refusal: Refusal, make: fn(&mut Talk<'_>, Vec<u8>) -> Vec<u8>) -> Row {
    Row::call(input, SEND, refusal, move |house| {
        Box::pin(async move {
            let mut talk = Talk::new(house).await;
            let good = talk.message();
            let bad = make(&mut talk, good.message.to_vec());
            Trial::new(Caller::Doctor, &SendRequest { message: bad.into(), ..good.clone() }, &good)
        })
    })
}

/// A row whose fields are changed.
fn field(input: &'static str, refusal: Refusal, change: fn(&mut SendRequest)) -> Row {
    Row::call(input, SEND, refusal, move |house| {
        Box::pin(async move {
            let good = Talk::new(house).await.message();
            let mut bad = good.clone();
            change(&mut bad);
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        bytes("random bytes", MALFORMED, |_, _| noise()),
        bytes("nothing", MALFORMED, |_, _| Vec::new()),
        bytes("a message cut short", MALFORMED, |_, good| good[..good.len() - 1].to_vec()),
        bytes("a message and one byte more", MALFORMED, |_, good| [&good[..], &[0]].concat()),
        bytes("a PublicMessage", KIND, |talk, _| public_message(talk.id)),
        bytes("a lone proposal", KIND, |_, good| as_proposal(good)),
        bytes("a commit", KIND, |talk, _| talk.update().commit.to_vec()),
        bytes("a life of 299 seconds", LIFE, |talk, _| talk.encrypt(&life(299))),
        bytes("a life of a year and a second", LIFE, |talk, _| talk.encrypt(&life(31_536_001))),
        bytes("no authenticated data", DATA, |talk, _| talk.encrypt(b"")),
        bytes("authenticated data that do not decode", DATA, |talk, _| talk.encrypt(b"\xff\xff")),
        bytes("a commit's authenticated data", DATA, |talk, _| {
            let data = talk.data(&[], &[]);
            talk.encrypt(&prost::Message::encode_to_vec(&AuthenticatedData {
                kind: Some(Kind::Commit(data)),
            }))
        }),
        field("a message of 131,073 bytes", FIELD, |request| request.message = vec![0; 131_073].into()),
        field("a client_message_id of 15 bytes", FIELD, |request| {
            request.client_message_id = vec![1; 15].into();
        }),
        field("a conversation_id of 17 bytes", FIELD, |request| {
            request.conversation_id = vec![1; 17].into();
        }),
    ];
    rows.extend(places());
    rows
}

/// Messages that are whole, in the wrong place.
fn places() -> Vec<Row> {
    vec![
        Row::call("a Welcome", SEND, KIND, |house| Box::pin(welcome(house))),
        Row::call("a KeyPackage", SEND, KIND, |house| Box::pin(key_package(house))),
        Row::call("a message of another conversation", SEND, GROUP, |house| Box::pin(another_group(house))),
        Row::call("a message of an epoch that is over", SEND, EPOCH, |house| Box::pin(old_epoch(house))),
        Row::call("a message of an epoch to come", SEND, EPOCH, |house| Box::pin(future_epoch(house))),
        Row::call("an unknown conversation", SEND, OUT, |house| Box::pin(unknown(house))),
        Row::call("a conversation that the caller is not in", SEND, OUT, |house| Box::pin(not_in(house))),
    ]
}

async fn welcome(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let (nurse, package) = talk.nurse().await;
    let data = talk.data(&[nurse], &[]);
    let welcome = talk.commit(data, vec![package]).welcome;
    let bad = talk.sending(welcome.to_vec());
    Trial::new(Caller::Doctor, &bad, &talk.message())
}

async fn key_package(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let package = packages(house, talk.doctor(), 1).await.remove(0);
    let bad = talk.sending(package.to_vec());
    Trial::new(Caller::Doctor, &bad, &talk.message())
}

async fn another_group(house: &House) -> Trial {
    let (mut here, mut there) = (Talk::new(house).await, Talk::new(house).await);
    let other = there.message();
    Trial::new(Caller::Doctor, &here.sending(other.message.to_vec()), &here.message())
}

async fn old_epoch(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let old = talk.message();
    talk.next_epoch().await;
    Trial::new(Caller::Doctor, &old, &talk.message())
}

async fn future_epoch(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let honest = talk.message();
    talk.run_ahead();
    Trial::new(Caller::Doctor, &talk.message(), &honest)
}

async fn unknown(house: &House) -> Trial {
    let mut unheard = unheard(house, ConversationId::from_bytes(random())).await;
    let bad = unheard.message();
    Trial::new(Caller::Doctor, &bad, &Talk::new(house).await.message())
}

async fn not_in(house: &House) -> Trial {
    let message = Talk::new(house).await.message();
    Trial::by((Caller::Nurse, &message), (Caller::Doctor, &message))
}
