//! A claim about a text that is taken back: it is out of the vault's write-ahead log with the step that deleted it. Real vaults and
//! groups.

use std::sync::Arc;

use wardline_proto::in_place;

use super::{
    early::Early,
    follow::take_in,
    refused_test::{Answers, session},
};
use crate::{
    conversation::broken_test::{house::House, recalled::takes_back, ward::Log},
    conversation::recallable,
};

/// A device reads a text, and that it is taken back. The bytes of its write-ahead log then.
async fn left_in_log(guard: &'static str) -> u64 {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    log.talk(&mut a, "to the wrong ward", &mut [&mut b]).await;
    let row = a.row(&log.conversation).await;
    let wrong = recallable(&a.core, &row, 2).await.unwrap();
    takes_back(&a, &log.conversation, wrong).await;
    log.take(&mut a).await;
    let mut recall = log.entries.last().unwrap().clone();
    recall.client_message_id.clear();
    assert_eq!(b.texts(&log.conversation).await, ["to the wrong ward"]);
    let (session, _relay, home) = session(b, &Arc::new(Answers::yes()));
    in_place::arm(guard);
    take_in(&session, &recall, &mut Early::default(), false).await.unwrap();
    in_place::disarm(guard);
    std::fs::metadata(home.path().join("vault.db-wal")).unwrap().len()
}

#[tokio::test]
async fn what_is_taken_back_is_out_of_the_write_ahead_log_at_once() {
    assert_eq!(left_in_log("").await, 0);
    assert!(left_in_log("mutant.recall_stays_in_log").await > 0, "the guard taken away");
}
