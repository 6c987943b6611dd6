//! What the relay reads of an MLSMessage, and the client before it opens one.

use std::{cell::RefCell, sync::Arc};

use futures::FutureExt as _;
use prost::Message as _;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;
use wardline_client_core::mls::inspect;
use wardline_proto::{
    Reason, Suite,
    relay::{
        AuthenticatedData, CommitRequest, SendRequest, authenticated_data::Kind,
        conversation_service_server::ConversationService as _,
    },
};
use wardline_server::{
    mls::{ContentType, PrivateMessage, Welcome},
    service::conversation::Conversations,
    write_permits::WritePermit,
};

use crate::{
    house::{Caller, House},
    target::{Input, Target, fuzz},
    tree::{Format, write_length},
    world::WORLD,
};

/// What the relay accepts, the client reads the same; and the header has one encoding.
fn header(input: &Input) -> bool {
    let bytes = &input.bytes;
    let client = inspect::header(bytes);
    let Ok(relay) = PrivateMessage::parse(bytes) else { return false };
    let mut again = vec![0, 1, 0, 2];
    write_length(Format::Mls, relay.group_id.len(), &mut again);
    again.extend_from_slice(relay.group_id);
    again.extend_from_slice(&relay.epoch.to_be_bytes());
    again.push(if relay.content_type == ContentType::Application { 1 } else { 3 });
    write_length(Format::Mls, relay.authenticated_data.len(), &mut again);
    again.extend_from_slice(relay.authenticated_data);
    assert!(bytes.starts_with(&again), "a header has one encoding");
    if relay.group_id.len() == 16 {
        let client = client.expect("the client reads what the relay accepts");
        assert_eq!(client.conversation.as_bytes(), relay.group_id);
        assert_eq!(client.epoch.get(), relay.epoch);
        assert_eq!(client.kind == inspect::Kind::Application, relay.content_type == ContentType::Application);
    }
    true
}

#[test]
fn relay_and_client_read_the_same_header() {
    fuzz(&Target {
        name: "header",
        format: Format::Mls,
        sign: None,
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (4 * 1024, 16),
        check: header,
    });
}

fn welcome(input: &Input) -> bool {
    let bytes = &input.bytes;
    let Ok(welcome) = Welcome::parse(bytes) else { return false };
    assert!(Suite::from_code(welcome.cipher_suite.into()).is_some());
    assert!((1..=500).contains(&welcome.references.len()));
    for reference in &welcome.references {
        assert_eq!(reference.len(), 32);
        let place = reference.as_ptr().addr().checked_sub(bytes.as_ptr().addr());
        assert!(place.is_some_and(|place| place + 32 <= bytes.len()), "it is part of what came");
    }
    true
}

#[test]
fn a_welcome_names_only_what_is_in_it() {
    fuzz(&Target {
        name: "welcome",
        format: Format::Mls,
        sign: None,
        inputs: 5_000,
        at_most: usize::MAX,
        memory: (4 * 1024, 16),
        check: welcome,
    });
}

thread_local! {
    /// A relay at which the doctor's writes are all under way: what passes every check is refused for that.
    static DOOR: RefCell<Option<(House, Vec<WritePermit>)>> = const { RefCell::new(None) };
}

/// An MLSMessage with this authenticated data; nothing in it can be opened.
fn around(content_type: u8, data: &[u8]) -> bytes::Bytes {
    let mut message = vec![0, 1, 0, 2];
    let vector = |message: &mut Vec<u8>, bytes: &[u8]| {
        write_length(Format::Mls, bytes.len(), message);
        message.extend_from_slice(bytes);
    };
    vector(&mut message, &[7; 16]);
    message.extend_from_slice(&1_u64.to_be_bytes());
    message.push(content_type);
    vector(&mut message, data);
    vector(&mut message, &[5; 28]);
    vector(&mut message, &[6; 256]);
    message.into()
}

fn of_doctor<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller::Doctor.peer());
    request
}

/// Why a call was refused, at once.
fn reason<T>(answer: Option<Result<T, Status>>) -> (Reason, String) {
    let Some(Err(status)) = answer else { panic!("it got further than it can") };
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no reason in {status:?}"));
    (Reason::parse(&info.reason).expect("a reason"), status.message().to_owned())
}

/// The relay's own decoding of it, for a message and for a commit; each takes its own kind alone, and only as it is
/// encoded.
fn authenticated_data(input: &Input) -> bool {
    let conversations = DOOR.with_borrow(|door| {
        let (house, _) = door.as_ref().expect("a relay");
        Conversations::new(Arc::clone(&house.relay))
    });
    let conversation_id: bytes::Bytes = vec![7; 16].into();
    let send = SendRequest {
        conversation_id: conversation_id.clone(),
        client_message_id: vec![2; 16].into(),
        message: around(1, &input.bytes),
    };
    let (sent, said) = reason(conversations.send(of_doctor(send)).now_or_never());
    let commit = CommitRequest {
        conversation_id,
        epoch: 1,
        commit: around(3, &input.bytes),
        ..CommitRequest::default()
    };
    let (committed, why) = reason(conversations.commit(of_doctor(commit)).now_or_never());
    let as_message = sent == Reason::LimitReached;
    let as_commit = committed == Reason::FieldInvalid && why.starts_with("author");
    assert!(as_message || sent == Reason::DeclarationMismatch, "{sent:?}: {said}");
    assert!(as_commit || committed == Reason::DeclarationMismatch, "{committed:?}: {why}");
    let decoded = AuthenticatedData::decode(input.bytes.as_slice()).ok();
    let exact = decoded.filter(|data| data.encode_to_vec() == input.bytes).and_then(|data| data.kind);
    assert_eq!(as_message, matches!(exact, Some(Kind::Message(_))));
    assert!(!as_commit || matches!(exact, Some(Kind::Commit(_))), "a commit is taken that is not encoded so");
    as_message || as_commit
}

#[test]
fn authenticated_data_is_accepted_only_as_it_is_encoded() {
    let house = House::new();
    let doctor = WORLD.doctor.certificate.device();
    let held = std::iter::from_fn(|| house.relay.writes.take(doctor)).collect();
    DOOR.set(Some((house, held)));
    fuzz(&Target {
        name: "authenticated_data",
        format: Format::Protobuf(0),
        sign: None,
        inputs: 3_000,
        at_most: usize::MAX,
        memory: (64 * 1024, 512),
        check: authenticated_data,
    });
    DOOR.set(None);
}
