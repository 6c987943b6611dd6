//! Claims about a device that a Welcome has let in and that has not had the entry it came with: where its log stands, and what it
//! says.

use wardline_proto::{EntryNumber, in_place, relay::LogPlace};

use super::{
    accused,
    house::House,
    scene::{commit, wishes},
    ward::{Log, Phone},
};
use crate::{
    conversation::{Change, Compared, place},
    vault::tables::{
        intents::Wish,
        outbox::{self, OutboxKind},
        relay_faults::RelayFaultKind,
    },
};

/// Two talk and add a third, who has opened the Welcome.
async fn added() -> (House, Phone, Phone, Log) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("locum-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    log.talk(&mut a, "before", &mut []).await;
    let change = Change { adds: vec![c.package().await], ..Change::default() };
    let welcome = commit(&mut log, &mut a, change, &mut []).await;
    assert!(log.opens(&mut c, &welcome).await);
    (house, a, c, log)
}

/// What the device makes of a relay that says that its log goes so far, with the hash that it has there or another.
async fn compared(phone: &Phone, log: &Log, number: u64, true_hash: bool) -> &'static str {
    let named = phone.row(&log.conversation).await.cursor;
    let true_one = log.upto(named.get()).chain().digest().to_wire();
    let chain_hash = if true_hash { true_one } else { vec![7; 32].into() };
    let told = LogPlace { conversation_id: log.conversation.to_wire(), number, chain_hash };
    match place(&phone.core, &told, named).await.unwrap() {
        Compared::Same(..) => "the same",
        Compared::Other(..) => "another",
        Compared::Unknown => "unknown",
    }
}

#[tokio::test]
async fn a_relay_that_has_less_than_a_welcome_led_to_has_another_log() {
    let (_house, _a, mut c, log) = added().await;
    let old = log.conversation;
    let cursor = c.row(&old).await.cursor;
    assert_eq!(cursor, EntryNumber::new(log.head() - 1));
    // As far as others' word for the log goes, nothing is known.
    assert_eq!(compared(&c, &log, cursor.get(), true).await, "unknown");
    assert_eq!(compared(&c, &log, cursor.get(), false).await, "unknown");
    assert_eq!(compared(&c, &log, cursor.get() + 1, true).await, "unknown");
    assert!(accused(&c, &old).await.is_empty());
    in_place::arm("mutant.less_before_joined");
    assert_eq!(compared(&c, &log, 0, true).await, "unknown", "the guard taken away");
    in_place::disarm("mutant.less_before_joined");
    for less in [0, cursor.get() - 1] {
        assert_eq!(compared(&c, &log, less, true).await, "another");
    }
    assert_eq!(accused(&c, &old).await, [RelayFaultKind::Rewound]);

    // The control: once the entry has come, the hash tells.
    log.deliver(&mut c).await;
    let cursor = c.row(&old).await.cursor;
    assert_eq!(cursor, EntryNumber::new(log.head()));
    assert_eq!(compared(&c, &log, cursor.get(), true).await, "the same");
    assert_eq!(compared(&c, &log, cursor.get(), false).await, "another");
    assert_eq!(compared(&c, &log, cursor.get() - 1, true).await, "another");
}

/// Its person leaves at once. Whether another member lets them go.
async fn leaves_at_once(guard: &'static str) -> bool {
    let (_house, mut a, mut c, mut log) = added().await;
    c.say(&log.conversation, "").await;
    let mut row = c.outbox().await.remove(0);
    row.kind = OutboxKind::Leave;
    let mut tx = c.core.vault.begin("leave").await.unwrap();
    outbox::delete(&mut tx, &row.message).await.unwrap();
    outbox::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    in_place::arm(guard);
    log.take(&mut c).await;
    in_place::disarm(guard);
    log.deliver(&mut a).await;
    wishes(&a).await.iter().any(|wish| matches!(wish, Wish::LetGo { user, .. } if user == "locum-c"))
}

#[tokio::test]
async fn who_leaves_before_the_entry_came_that_let_them_in_is_let_go() {
    assert!(leaves_at_once("").await);
    assert!(
        !leaves_at_once("mutant.leave_of_before").await,
        "the guard taken away: it is of an earlier stay"
    );
}
