//! What devices read, and when a stream ends.

use super::*;

#[tokio::test]
async fn a_message_travels_from_one_device_to_the_other_as_it_was() {
    let ward = Ward::open().await;
    let added = ward.add_nurse().await;
    let mut nurse = ward.subscribe(&ward.nurse, vec![]).await.unwrap();
    assert_eq!(up_to_now(&mut nurse).await, ["greeting", "welcome 1", "entry 1"]);
    assert_eq!(next(&mut nurse).await, Event::KeyPackagesLow(pb::KeyPackagesLow {}));
    let request = honest(1, 1);
    let sent = ward.send(&ward.doctor, request.clone()).await.unwrap();
    assert_eq!(sent.number, added.number + 1);
    let Event::Entry(entry) = next(&mut nurse).await else { panic!("an entry") };
    assert_eq!((&entry.message, entry.number), (&request.message, sent.number));
    assert_eq!(entry.sender_device_id, ward.doctor.device.to_wire());
    assert_eq!(
        (entry.life_seconds, entry.client_message_id),
        (3_600, Bytes::new()),
        "the sender's id is its own"
    );
    let mut doctor = ward.subscribe(&ward.doctor, vec![]).await.unwrap();
    assert_eq!(up_to_now(&mut doctor).await, ["greeting", "entry 1", "entry 2"]);
}

#[tokio::test]
async fn own_entries_carry_their_id_and_commits_their_authors_statement() {
    let ward = Ward::open().await;
    let commit = committing(&ward.doctor, 0, declares(&[], &[ward.doctor.device]));
    ward.commit(&ward.doctor, commit.clone()).await.unwrap();
    ward.send(&ward.doctor, honest(9, 1)).await.unwrap();
    let mut stream = ward.subscribe(&ward.doctor, vec![]).await.unwrap();
    let Event::Greeting(first) = next(&mut stream).await else { panic!("the greeting comes first") };
    assert!(first.time.is_some() && first.versions.is_some());
    let Event::Entry(entry) = next(&mut stream).await else { panic!("the commit") };
    assert_eq!((entry.kind(), &entry.author), (pb::EntryKind::Commit, &commit.author));
    assert_eq!(entry.message_sha256, Digest::of(&commit.commit).to_wire());
    let Event::Entry(entry) = next(&mut stream).await else { panic!("the message") };
    assert_eq!(entry.client_message_id, Bytes::copy_from_slice(&[9; 16]));
}

#[tokio::test]
async fn one_who_is_removed_hears_it_and_nothing_after() {
    let ward = Ward::open().await;
    ward.add_nurse().await;
    let mut nurse = ward.subscribe(&ward.nurse, vec![]).await.unwrap();
    up_to_now(&mut nurse).await;
    next(&mut nurse).await;
    let mut data = declares(&[], &[ward.doctor.device]);
    data.leaves = vec![ward.nurse.device.to_wire()];
    ward.commit(&ward.doctor, committing(&ward.doctor, 1, data)).await.unwrap();
    ward.send(&ward.doctor, honest(1, 2)).await.unwrap();
    let Event::Entry(entry) = next(&mut nurse).await else { panic!("the commit") };
    assert_eq!(entry.number, 2);
    let removed = pb::Removed { conversation_id: WARD.to_wire(), number: 2 };
    assert_eq!(next(&mut nurse).await, Event::Removed(removed));
    let silence = tokio::time::timeout(std::time::Duration::from_millis(200), nurse.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn a_newer_stream_ends_the_older_and_a_stopping_relay_ends_all() {
    let ward = Ward::open().await;
    let mut older = ward.subscribe(&ward.doctor, vec![]).await.unwrap();
    up_to_now(&mut older).await;
    let short = vec![pb::Cursor { conversation_id: vec![7; 15].into(), number: 1, epoch: 0 }];
    let refused = ward.subscribe(&ward.doctor, short).await.err().unwrap();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "FIELD_INVALID"));
    assert!(matches!(next(&mut older).await, Event::KeyPackagesLow(_)), "a refused one ends nothing");
    let mut newer = ward.subscribe(&ward.doctor, vec![]).await.unwrap();
    let ended = older.next().await.unwrap().unwrap_err();
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Aborted, "STREAM_REPLACED"));
    assert!(older.next().await.is_none());
    up_to_now(&mut newer).await;
    ward.relay.live.stop();
    assert_eq!(reason(&newer.next().await.unwrap().unwrap_err()), "SHUTTING_DOWN");
}

/// What the stream of the doctor, who named this cursor, says of its place, and the entries before and after that.
async fn named(ward: &Ward, conversation: ConversationId, number: u64) -> (Option<pb::LogPlace>, Vec<u64>) {
    let cursor = pb::Cursor { conversation_id: conversation.to_wire(), number, epoch: 0 };
    let mut stream = ward.subscribe(&ward.doctor, vec![cursor]).await.unwrap();
    let (mut said, mut entries) = (None, Vec::new());
    loop {
        match next(&mut stream).await {
            Event::Greeting(_) => {}
            Event::Place(place) => {
                assert!(conversation != WARD || entries.is_empty(), "it comes before the entries");
                assert_eq!(said.replace(place), None, "once");
            }
            Event::Entry(entry) => entries.push(entry.number),
            Event::CaughtUp(_) => return (said, entries),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_cursor_that_is_named_is_answered_with_the_place_in_the_log_before_anything_else_of_it() {
    let ward = Ward::open().await;
    let added = ward.add_nurse().await;
    let sent = ward.send(&ward.doctor, honest(1, 1)).await.unwrap();
    let place = |conversation: ConversationId, number, chain_hash: &Bytes| {
        let conversation_id = conversation.to_wire();
        Some(pb::LogPlace { conversation_id, number, chain_hash: chain_hash.clone() })
    };
    assert_eq!(named(&ward, WARD, 1).await, (place(WARD, 1, &added.chain_hash), vec![2]));
    assert_eq!(named(&ward, WARD, 2).await, (place(WARD, 2, &sent.chain_hash), vec![]));
    assert_eq!(
        named(&ward, WARD, 9).await,
        (place(WARD, 2, &sent.chain_hash), vec![]),
        "no further than it is"
    );
    assert_eq!(named(&ward, WARD, 0).await, (None, vec![1, 2]), "nothing to compare");
    // A conversation that this relay does not know.
    let unknown = ConversationId::from_bytes([9; 16]);
    let nothing = ChainHash::genesis(&unknown).digest().to_wire();
    assert_eq!(named(&ward, unknown, 4).await, (place(unknown, 0, &nothing), vec![1, 2]));
}

#[tokio::test]
async fn only_what_was_stored_now_wakes_anybody() {
    let ward = Ward::open().await;
    let bell = ward.relay.live.open(ward.doctor.device).take_over(&[]);
    let quiet = crate::live::News::default();
    let create = || {
        let request = pb::CreateConversationRequest {
            conversation_id: WARD.to_wire(),
            cipher_suite: Suite::X25519.code().into(),
            predecessor: None,
        };
        ward.calls.create_conversation(ward.from(&ward.doctor, request))
    };
    create().await.unwrap();
    assert_eq!(bell.look(), quiet, "it was there");
    bell.listen(&[WARD]);
    let request = honest(1, 0);
    ward.send(&ward.doctor, request.clone()).await.unwrap();
    assert_eq!(bell.look().conversations, [WARD].into(), "the control");
    for _ in 0..3 {
        ward.send(&ward.doctor, request.clone()).await.unwrap();
        assert_eq!(bell.look(), quiet, "it was there");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_certificate() {
    let ward = Ward::open().await;
    let mut stream = ward.subscribe(&ward.doctor, vec![]).await.unwrap();
    ward.founded.clock.advance_seconds(91 * 86_400);
    let ended = stream.next().await.unwrap().unwrap_err();
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "CERTIFICATE_INVALID"));
    assert_eq!(reason(&ward.send(&ward.doctor, honest(1, 0)).await.unwrap_err()), "CERTIFICATE_INVALID");
}

#[tokio::test]
async fn nothing_is_lost_between_catching_up_and_being_woken() {
    let ward = Ward::open().await;
    let read = async {
        let mut numbers = Vec::new();
        // Streams come and go while the log grows; each goes on where the last one was cut.
        while numbers.len() < 200 {
            let cursor =
                pb::Cursor { conversation_id: WARD.to_wire(), number: numbers.len() as u64, epoch: 0 };
            let mut stream = ward.subscribe(&ward.doctor, vec![cursor]).await.unwrap();
            for _ in 0..23 {
                if numbers.len() == 200 {
                    break;
                }
                if let Event::Entry(entry) = next(&mut stream).await {
                    numbers.push(entry.number);
                }
            }
        }
        numbers
    };
    let write = async {
        for id in 0..200 {
            ward.send(&ward.doctor, honest(id, 0)).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let (numbers, ()) = tokio::join!(read, write);
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
}
