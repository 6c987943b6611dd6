//! Making conversations, following them, and looking into those of others.

use tonic::Code;
use wardline_proto::{
    ConversationId, Reason,
    relay::{
        AckRequest, ClientGreeting, CreateConversationRequest, Cursor, GetWinnerRequest, SubscribeRequest,
        VersionRange,
    },
};

use super::{
    Row, Trial,
    path::{ACK, CREATE_CONVERSATION, GET_WINNER, SUBSCRIBE},
};
use crate::{
    house::{Caller, House, greeting},
    talk::{Talk, random},
};

type Refusal = (Code, Reason);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const OUT: Refusal = (Code::PermissionDenied, Reason::NotAMember);
const TAKEN: Refusal = (Code::AlreadyExists, Reason::ConversationExists);
const BEYOND: Refusal = (Code::InvalidArgument, Reason::CursorBeyondHead);

/// A conversation that may be made.
fn honest() -> CreateConversationRequest {
    CreateConversationRequest {
        conversation_id: random().to_vec().into(),
        cipher_suite: 0x0001,
        predecessor: None,
    }
}

fn made(input: &'static str, change: fn(&mut CreateConversationRequest)) -> Row {
    Row::call(input, CREATE_CONVERSATION, FIELD, move |_| {
        Box::pin(async move {
            let good = honest();
            let mut bad = good.clone();
            change(&mut bad);
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

fn ack(conversation: ConversationId, number: u64) -> AckRequest {
    let cursor = Cursor { conversation_id: conversation.to_wire(), number, epoch: 0 };
    AckRequest { cursors: vec![cursor] }
}

fn subscription(change: fn(&mut SubscribeRequest)) -> (SubscribeRequest, SubscribeRequest) {
    let good = SubscribeRequest { greeting: greeting(), cursors: Vec::new() };
    let mut bad = good.clone();
    change(&mut bad);
    (bad, good)
}

fn subscribed(input: &'static str, refusal: Refusal, change: fn(&mut SubscribeRequest)) -> Row {
    Row::call(input, SUBSCRIBE, refusal, move |_| {
        Box::pin(async move {
            let (bad, good) = subscription(change);
            Trial::new(Caller::Doctor, &bad, &good)
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    const UPGRADE: Refusal = (Code::FailedPrecondition, Reason::UpgradeRequired);
    vec![
        made("a conversation_id of 15 bytes", |request| request.conversation_id = vec![1; 15].into()),
        made("a cipher suite that is not Wardline's", |request| request.cipher_suite = 0x0002),
        Row::call("the id of another's conversation", CREATE_CONVERSATION, TAKEN, |house| {
            Box::pin(taken(house))
        }),
        Row::call("a cursor beyond the head", ACK, BEYOND, |house| Box::pin(beyond(house))),
        Row::call("a cursor in a conversation that the caller is not in", ACK, OUT, |house| {
            Box::pin(ack_elsewhere(house))
        }),
        Row::call("a cursor in an unknown conversation", ACK, OUT, |house| Box::pin(ack_nowhere(house))),
        Row::call("1,001 cursors", ACK, FIELD, |house| Box::pin(many(house))),
        Row::call("an epoch of a conversation that the caller is not in", GET_WINNER, OUT, |house| {
            Box::pin(winner_elsewhere(house))
        }),
        Row::call("an unknown conversation", GET_WINNER, OUT, |house| Box::pin(winner_nowhere(house))),
        subscribed("a protocol version that the relay does not speak", UPGRADE, |request| {
            request.greeting = later();
        }),
        subscribed("no greeting", FIELD, |request| request.greeting = None),
        subscribed("a greeting without versions", FIELD, |request| {
            request.greeting = greeting().map(|greeting| ClientGreeting { versions: None, ..greeting });
        }),
        subscribed("a name of its software of 65 characters", FIELD, |request| {
            request.greeting =
                greeting().map(|greeting| ClientGreeting { software: "x".repeat(65), ..greeting });
        }),
        subscribed("a cursor whose conversation_id has 15 bytes", FIELD, |request| {
            request.cursors = vec![Cursor { conversation_id: vec![1; 15].into(), ..Cursor::default() }];
        }),
    ]
}

/// A greeting from the future.
pub(super) fn later() -> Option<ClientGreeting> {
    let versions = Some(VersionRange { lowest: 2, highest: 3 });
    greeting().map(|greeting| ClientGreeting { versions, ..greeting })
}

async fn taken(house: &House) -> Trial {
    let talk = Talk::new(house).await;
    let bad = CreateConversationRequest {
        conversation_id: talk.id.to_wire(),
        cipher_suite: 0x0001,
        predecessor: None,
    };
    Trial::new(Caller::Nurse, &bad, &honest())
}

async fn beyond(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let message = talk.message();
    house.good(Caller::Doctor, super::path::SEND, &message).await;
    Trial::new(Caller::Doctor, &ack(talk.id, 2), &ack(talk.id, 1))
}

async fn ack_elsewhere(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let message = talk.message();
    house.good(Caller::Doctor, super::path::SEND, &message).await;
    let ack = ack(talk.id, 1);
    Trial::by((Caller::Nurse, &ack), (Caller::Doctor, &ack))
}

async fn ack_nowhere(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    let message = talk.message();
    house.good(Caller::Doctor, super::path::SEND, &message).await;
    Trial::new(Caller::Doctor, &ack(ConversationId::from_bytes(random()), 1), &ack(talk.id, 1))
}

async fn many(house: &House) -> Trial {
    let talk = Talk::new(house).await;
    let cursors = |count| AckRequest { cursors: vec![ack(talk.id, 0).cursors.remove(0); count] };
    Trial::new(Caller::Doctor, &cursors(1_001), &cursors(1_000))
}

async fn winner_elsewhere(house: &House) -> Trial {
    let mut talk = Talk::new(house).await;
    talk.next_epoch().await;
    let ask = GetWinnerRequest { conversation_id: talk.id.to_wire(), epoch: 0 };
    Trial::by((Caller::Nurse, &ask), (Caller::Doctor, &ask))
}

async fn winner_nowhere(house: &House) -> Trial {
    let talk = Talk::new(house).await;
    let good = GetWinnerRequest { conversation_id: talk.id.to_wire(), epoch: 0 };
    let bad = GetWinnerRequest { conversation_id: random().to_vec().into(), epoch: 0 };
    Trial::new(Caller::Doctor, &bad, &good)
}
