//! Claims about messages that are taken back: the text goes on every device, by its author's word alone, whenever it comes.

use wardline_proto::{ClientMessageId, ConversationId, EntryNumber, in_place};

use super::{
    house::House,
    ward::{Log, Phone},
};
use crate::{
    conversation::{Sealed, again::send_again, random, recall::Target, recallable, seal},
    vault::tables::{
        outbox::{self, OutboxKind, OutboxRow},
        recalled,
    },
};

/// Queues that this is taken back.
pub(crate) async fn takes_back(phone: &Phone, conversation: &ConversationId, target: Target) {
    let row = OutboxRow {
        message: ClientMessageId::from_bytes(random(&*phone.core.entropy).unwrap()),
        inner: None,
        conversation: *conversation,
        kind: OutboxKind::Recall,
        body: target.to_bytes(),
        created: phone.core.clock.now(),
        life_seconds: 86_400,
        expires: None,
        sealed: None,
        accepted: None,
        refusal: None,
    };
    let mut tx = phone.core.vault.begin("take_back").await.unwrap();
    outbox::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
}

/// What this person may take back under a number.
async fn target(phone: &Phone, conversation: &ConversationId, number: u64) -> Result<Target, String> {
    let row = phone.row(conversation).await;
    recallable(&phone.core, &row, number).await.map_err(|error| crate::api::Failure::from(error).to_string())
}

/// What two devices show after the first has taken its text back.
async fn taken_back(guard: &'static str) -> Vec<Vec<String>> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    log.talk(&mut a, "to the wrong ward", &mut [&mut b]).await;
    log.talk(&mut b, "what?", &mut [&mut a]).await;
    let wrong = target(&a, &conversation, 2).await.unwrap();
    in_place::arm(guard);
    takes_back(&a, &conversation, wrong).await;
    log.take(&mut a).await;
    log.deliver(&mut b).await;
    in_place::disarm(guard);
    vec![a.reads(&conversation).await, b.reads(&conversation).await]
}

#[tokio::test]
async fn what_its_author_takes_back_is_gone_everywhere_and_leaves_a_tombstone() {
    for lines in taken_back("").await {
        assert_eq!(
            lines[lines.len() - 3..],
            ["recalled 2 ", "text 3 what?", "event 4 Name of doctor-a took number 2 back"]
        );
    }
    for lines in taken_back("mutant.recall_keeps_text").await {
        assert!(lines.contains(&"text 2 to the wrong ward".to_owned()), "the guard taken away: {lines:?}");
    }
}

/// A member's client takes back what another said. What the author shows.
async fn taken_by_another(guard: &'static str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    log.talk(&mut a, "it stays", &mut [&mut b]).await;
    assert!(target(&b, &conversation, 2).await.unwrap_err().contains("not yours"));
    in_place::arm("member.recalls_others");
    let others = target(&b, &conversation, 2).await.unwrap();
    in_place::disarm("member.recalls_others");
    takes_back(&b, &conversation, others).await;
    log.take(&mut b).await;
    in_place::arm(guard);
    log.deliver(&mut a).await;
    in_place::disarm(guard);
    a.reads(&conversation).await
}

#[tokio::test]
async fn nobody_takes_back_what_somebody_else_said() {
    let lines = taken_by_another("").await;
    assert!(lines.contains(&"text 2 it stays".to_owned()), "{lines:?}");
    assert!(lines.last().unwrap().ends_with("nothing is deleted"), "{lines:?}");
    let lines = taken_by_another("mutant.recall_by_anybody").await;
    assert!(lines.contains(&"recalled 2 ".to_owned()), "the guard taken away: {lines:?}");
}

/// Says in one conversation that what was said in another is taken back. What the reader of both shows of the other.
async fn taken_back_elsewhere(guard: &'static str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut here = Log::begin(&mut a, &mut [&mut b]).await;
    let mut there = Log::begin(&mut a, &mut [&mut b]).await;
    here.talk(&mut a, "said here", &mut [&mut b]).await;
    let target = target(&a, &here.conversation, 2).await.unwrap();
    takes_back(&a, &there.conversation, target).await;
    in_place::arm(guard);
    there.take(&mut a).await;
    there.deliver(&mut b).await;
    in_place::disarm(guard);
    b.reads(&here.conversation).await
}

#[tokio::test]
async fn what_is_taken_back_in_one_conversation_stays_in_another() {
    let lines = taken_back_elsewhere("").await;
    assert_eq!(lines.last().unwrap(), "text 2 said here");
    let lines = taken_back_elsewhere("mutant.recall_from_elsewhere").await;
    assert_eq!(lines.last().unwrap(), "recalled 2 ", "the guard taken away");
}

/// A text waits to be sent again when its author takes it back from another device. What is left in the outbox, what is sealed of it.
async fn waits_when_taken_back(guard: &'static str) -> (usize, bool) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    // As it waits where a device fell out: nothing in the log has it under this id.
    let fresh = a.say(&conversation, "never mind").await;
    let message = ClientMessageId::from_bytes([7; 16]);
    let waiting = OutboxRow { inner: Some(message), ..a.outbox().await.remove(0) };
    let mut tx = a.core.vault.begin("known").await.unwrap();
    outbox::delete(&mut tx, &fresh).await.unwrap();
    outbox::insert(&mut tx, &waiting).await.unwrap();
    let until = a.core.clock.now().plus_seconds(60);
    let place = (&conversation, &a.core.device.id(), &message);
    recalled::insert(&mut tx, place, ("doctor-a", until)).await.unwrap();
    tx.commit().await.unwrap();
    in_place::arm(guard);
    let sealed = matches!(seal(&mut a.core, &waiting).await.unwrap(), Sealed::Ready { .. });
    in_place::disarm(guard);
    log.deliver(&mut b).await;
    (a.outbox().await.len(), sealed)
}

#[tokio::test]
async fn what_waits_is_not_encrypted_any_more_once_it_was_taken_back() {
    assert_eq!(waits_when_taken_back("").await, (0, false));
    assert_eq!(waits_when_taken_back("mutant.recalled_goes_on").await, (1, true), "the guard taken away");
}

/// A text that comes after it was taken back, as where it was sent again by a device that had not heard.
async fn comes_late(guard: &'static str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    let message = a.say(&conversation, "said late").await;
    let late = a.outbox().await;
    let mut tx = a.core.vault.begin("later").await.unwrap();
    outbox::delete(&mut tx, &message).await.unwrap();
    tx.commit().await.unwrap();
    in_place::arm(guard);
    takes_back(&a, &conversation, Target { device: a.core.device.id(), message }).await;
    log.take(&mut a).await;
    log.deliver(&mut b).await;
    let mut tx = a.core.vault.begin("late").await.unwrap();
    outbox::insert(&mut tx, &late[0]).await.unwrap();
    tx.commit().await.unwrap();
    log.take(&mut a).await;
    log.deliver(&mut b).await;
    in_place::disarm(guard);
    b.reads(&conversation).await
}

#[tokio::test]
async fn what_comes_after_it_was_taken_back_is_not_shown() {
    let lines = comes_late("").await;
    assert_eq!(lines[lines.len() - 2..], ["event 2 Name of doctor-a took a message back", "recalled 3 "]);
    let lines = comes_late("mutant.recall_forgotten").await;
    assert_eq!(lines.last().unwrap(), "text 3 said late", "the guard taken away");
}

/// What is sent again where somebody missed it, and another has come since: kinds of what waits then.
async fn said_again(guard: &'static str) -> Vec<OutboxKind> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("locum-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    log.talk(&mut a, "to the wrong ward", &mut [&mut b]).await;
    let missed = EntryNumber::new(log.head());
    log.talk(&mut a, "said before they came", &mut []).await;
    let wrong = target(&a, &conversation, 2).await.unwrap();
    takes_back(&a, &conversation, wrong).await;
    log.take(&mut a).await;
    log.add(&mut a, &mut [&mut c]).await;
    let row = a.row(&conversation).await;
    let present = [&a, &b, &c].map(|phone| phone.core.device.id().to_string()).into();
    let mut tx = a.core.vault.begin("again").await.unwrap();
    in_place::arm(guard);
    send_again(&a.core, &mut tx, (&row, missed), &conversation, &present).await.unwrap();
    in_place::disarm(guard);
    tx.commit().await.unwrap();
    a.outbox().await.iter().map(|row| row.kind).collect()
}

#[tokio::test]
async fn a_recall_that_somebody_missed_is_said_again_also_where_another_has_come_since() {
    assert_eq!(said_again("").await, [OutboxKind::Recall], "and no text from before they came");
    assert_eq!(said_again("mutant.recalls_bounded").await, [], "the guard taken away");
}
