//! Claims about a message that the relay refuses by a policy which this device has not heard of. Real vaults and groups, and a relay
//! that answers what the scene says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use wardline_identity::{Policy, Rules};
use wardline_proto::{Reason, in_place};

use super::{
    outbox::Passing,
    refused_test::{Answers, session},
    send::{self, Step},
};
use crate::{
    conversation::broken_test::{house::House, lists::Lists, ward::Log},
    error::CoreError,
    vault::tables::outbox,
};

/// A message for a day, and a relay that takes it the second time only. Whether it shows the policy by which it refused it; what
/// each sending came to, how many were taken, why it was returned, and whether it was encrypted anew. An error ends the connection.
async fn sent(guard: &'static str, shows: bool) -> Result<(Vec<Step>, u32, Option<String>, bool), CoreError> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    // The device has a list, so that a relay which shows none takes one back.
    let mut lists = Lists::none(&house);
    lists.respond(&house, &["night-desk"]);
    lists.reaches(&mut a).await;
    let conversation = Log::begin(&mut a, &mut [&mut b]).await.conversation;
    let message = a.say(&conversation, "for a day").await;
    let rules = Rules { life_seconds_max: 3_600, life_seconds_default: 3_600, ..Policy::UNSET.rules };
    lists.policy(&house, &Policy { number: 1, rules });
    let tries = AtomicU32::new(0);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sends = {
        let seen = seen.clone();
        move |request: &wardline_proto::relay::SendRequest| {
            seen.lock().unwrap().push(request.message.clone());
            (tries.fetch_add(1, Ordering::Relaxed) == 0).then_some(Reason::PolicyRefused)
        }
    };
    let answers = Arc::new(Answers {
        sends: Box::new(sends),
        lists: Mutex::new(shows.then_some(lists)),
        ..Answers::yes()
    });
    let (session, relay, _home) = session(a, &answers);
    let mut passing = Passing::default();
    in_place::arm(guard);
    let mut steps = Vec::new();
    let row = loop {
        let core = session.core().await;
        let mut tx = core.vault.begin("look").await.unwrap();
        let row = outbox::find(&mut tx, &message).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        drop(core);
        if row.accepted.is_some() || row.refusal.is_some() || steps.len() > 4 {
            break row;
        }
        steps.push(send::send(&session, &relay, row, &mut passing).await?);
    };
    in_place::disarm(guard);
    let taken = answers.came.lock().unwrap().1;
    let seen = seen.lock().unwrap();
    Ok((steps, taken, row.refusal, seen.windows(2).any(|pair| pair[0] != pair[1])))
}

#[tokio::test]
async fn a_message_that_a_newer_policy_refuses_is_encrypted_anew_by_that_one() {
    assert_eq!(sent("", true).await.unwrap(), (vec![Step::Wait, Step::Done], 1, None, true));
    let (steps, taken, refusal, _) = sent("mutant.policy_refused_for_good", true).await.unwrap();
    assert_eq!((steps, taken), (vec![Step::Done], 0), "the guard taken away");
    assert!(refusal.unwrap().contains("policy"));
}

#[tokio::test]
async fn a_relay_that_shows_no_policy_gets_nothing_again_and_the_message_goes_back_to_its_author() {
    let (steps, taken, refusal, anew) = sent("", false).await.unwrap();
    assert_eq!((steps, taken, anew), (vec![Step::Done], 0, false));
    assert!(refusal.unwrap().contains("it says no"));
    let ended = sent("mutant.policy_fetch_ends", false).await;
    assert!(
        matches!(ended, Err(CoreError::Revocation(_))),
        "the guard taken away: the connection ends, and the message stays"
    );
}
