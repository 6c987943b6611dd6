//! Claims about the policy and a conversation's retention: nothing is sent to live longer than they permit, nothing that is received
//! lives longer, and what was sent before keeps the life that it had. Each attack has its control: the guard taken away.

use wardline_identity::{Policy, Rules, Software};
use wardline_proto::{ConversationId, EntryNumber, in_place};

use super::{
    house::House,
    lists::Lists,
    scene::commit,
    ward::{Log, NOW, Phone},
};
use crate::{
    conversation::{Change, Plan, Sealed, plan, read, seal, silenced},
    vault::tables::intents::Wish,
};

const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

/// A policy by which messages live for so long at most.
fn policy(number: u64, life_seconds_max: u32) -> Policy {
    let life_seconds_default = life_seconds_max.min(DAY);
    Policy { number, rules: Rules { life_seconds_max, life_seconds_default, ..Policy::UNSET.rules } }
}

/// The texts that people see, and for how many seconds each lives from the beginning of the test on.
async fn lives(phone: &Phone, conversation: &ConversationId) -> Vec<(String, u64)> {
    let row = phone.row(conversation).await;
    let messages = read(&phone.core, &row, Some(EntryNumber::ZERO), false).await.unwrap();
    let texts = messages.into_iter().filter(|one| one.kind == "text");
    let life = |expires: String| {
        let at =
            time::OffsetDateTime::parse(&expires, &time::format_description::well_known::Rfc3339).unwrap();
        u64::try_from(at.unix_timestamp()).unwrap() - NOW.seconds()
    };
    texts.map(|one| (one.text, one.expires.map_or(u64::MAX, life))).collect()
}

/// Two devices, one of which has a day's message on its way when the policy permits an hour only. For how many seconds it lives at
/// its receiver.
async fn sent_under(guard: &'static str) -> u64 {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    a.say(&conversation, "for a day").await;
    let waiting = a.outbox().await.remove(0);
    let Sealed::Ready { ciphertext: first } = seal(&mut a.core, &waiting).await.unwrap() else {
        panic!("it is encrypted, and has not left")
    };
    let mut lists = Lists::none(&house);
    lists.policy(&house, &policy(1, HOUR));
    lists.reaches(&mut a).await;
    in_place::arm(guard);
    let waiting = a.outbox().await.remove(0);
    let Sealed::Ready { ciphertext } = seal(&mut a.core, &waiting).await.unwrap() else {
        panic!("it is encrypted")
    };
    assert_eq!(ciphertext != first, guard.is_empty(), "it is encrypted anew, for less");
    log.take(&mut a).await;
    in_place::disarm(guard);
    log.deliver(&mut b).await;
    lives(&b, &conversation).await[0].1
}

#[tokio::test]
async fn what_is_sent_lives_as_long_as_the_policy_permits_also_where_it_waited_encrypted_for_longer() {
    assert_eq!(sent_under("").await, u64::from(HOUR));
    assert_eq!(sent_under("mutant.policy_unheeded").await, u64::from(DAY), "the guard taken away");
}

/// A member's client that heeds no policy, a relay that lets it pass, and a receiver with the policy: for how long the message
/// lives there, where its sender says that it knows the policy, and where it does not know it yet.
async fn received_under(guard: &'static str) -> (u64, u64) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    let mut lists = Lists::none(&house);
    lists.policy(&house, &policy(1, HOUR));
    lists.reaches(&mut b).await;
    log.talk(&mut a, "before it knew", &mut []).await;
    lists.reaches(&mut a).await;
    in_place::arm("mutant.policy_unheeded");
    log.talk(&mut a, "for a day", &mut []).await;
    in_place::disarm("mutant.policy_unheeded");
    in_place::arm(guard);
    log.deliver(&mut b).await;
    in_place::disarm(guard);
    let lives = lives(&b, &conversation).await;
    (lives[0].1, lives[1].1)
}

#[tokio::test]
async fn a_message_lives_no_longer_here_than_the_policy_permits_whatever_its_sender_says() {
    assert_eq!(received_under("").await, (DAY.into(), HOUR.into()), "what was sent before keeps its life");
    let taken_away = received_under("mutant.any_life_received").await;
    assert_eq!(taken_away, (DAY.into(), DAY.into()), "the guard taken away");
}

/// What a sender by policy 2 says, who may let it live for a day, at a receiver that still goes by policy 1 and its hour.
async fn received_by_an_older_policy(guard: &'static str) -> u64 {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    let mut lists = Lists::none(&house);
    lists.policy(&house, &policy(1, HOUR));
    lists.reaches(&mut a).await;
    lists.reaches(&mut b).await;
    lists.policy(&house, &policy(2, 30 * DAY));
    lists.reaches(&mut a).await;
    in_place::arm(guard);
    log.talk(&mut a, "for a day", &mut [&mut b]).await;
    in_place::disarm(guard);
    lives(&b, &conversation).await[0].1
}

#[tokio::test]
async fn what_a_newer_policy_permits_dies_no_earlier_where_that_one_has_not_come_yet() {
    assert_eq!(received_by_an_older_policy("").await, u64::from(DAY));
    let taken_away = received_by_an_older_policy("mutant.newer_policy_capped").await;
    assert_eq!(taken_away, u64::from(HOUR), "the guard taken away");
}

/// A message that waited for two hours when the policy permits one: what its first sending comes to, and its second one in the
/// next epoch.
async fn tried_twice(guard: &'static str) -> [bool; 2] {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    a.say(&log.conversation, "for a day").await;
    house.clock.advance_seconds(2 * u64::from(HOUR));
    let mut lists = Lists::none(&house);
    lists.policy(&house, &policy(1, HOUR));
    lists.reaches(&mut a).await;
    let mut went = Vec::new();
    in_place::arm(guard);
    for _ in 0..2 {
        let waiting = a.outbox().await.remove(0);
        went.push(matches!(seal(&mut a.core, &waiting).await.unwrap(), Sealed::Ready { .. }));
        commit(&mut log, &mut b, Change::default(), &mut [&mut a]).await;
    }
    in_place::disarm(guard);
    [went[0], went[1]]
}

#[tokio::test]
async fn what_waited_longer_than_it_may_live_goes_back_at_its_first_sending_as_at_its_second() {
    assert_eq!(tried_twice("").await, [false, false]);
    assert_eq!(tried_twice("mutant.age_by_old_life").await, [true, false], "the guard taken away");
}

/// A keeper sets the retention, and everybody takes it in.
async fn retains(log: &mut Log, by: &mut Phone, seconds: u32, others: &mut [&mut Phone]) {
    let wish = Wish::Retain { seconds };
    match plan(&mut by.core, &log.conversation, &wish).await.unwrap() {
        Plan::Commit(change) => drop(commit(log, by, *change, others).await),
        _ => panic!("it comes to a commit"),
    }
    let plan = plan(&mut by.core, &log.conversation, &wish).await.unwrap();
    assert!(matches!(plan, Plan::Nothing), "it is so");
}

#[tokio::test]
async fn another_retention_holds_for_what_is_sent_after_it_and_for_nothing_before() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    log.talk(&mut a, "a day", &mut [&mut b]).await;
    retains(&mut log, &mut a, HOUR, &mut [&mut b]).await;
    log.talk(&mut b, "an hour", &mut [&mut a]).await;
    retains(&mut log, &mut a, 7 * DAY, &mut [&mut b]).await;
    log.talk(&mut b, "a day again", &mut [&mut a]).await;
    let expected = [("a day", DAY), ("an hour", HOUR), ("a day again", DAY)];
    for phone in [&a, &b] {
        let lives = lives(phone, &conversation).await;
        assert_eq!(lives, expected.map(|(text, life)| (text.to_owned(), u64::from(life))));
        let lines = phone.reads(&conversation).await;
        let told = lines.iter().any(|line| line.ends_with("set that messages are kept for 1 hour at most"));
        assert!(told, "{lines:?}");
    }
    // A client that heeds no settings: for its receivers they count all the same.
    retains(&mut log, &mut a, HOUR, &mut [&mut b]).await;
    for (guard, life) in [("", HOUR), ("mutant.any_life_received", 2 * DAY)] {
        b.say_for(&conversation, "for two days", 2 * DAY).await;
        in_place::arm("member.any_life");
        log.take(&mut b).await;
        in_place::disarm("member.any_life");
        in_place::arm(guard);
        log.deliver(&mut a).await;
        in_place::disarm(guard);
        assert_eq!(lives(&a, &conversation).await.last().unwrap().1, u64::from(life), "{guard}");
    }
}

#[tokio::test]
async fn only_keepers_set_the_retention_and_never_beyond_the_policy() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    let refusal = |plan| match plan {
        Plan::Impossible(failure) => failure.to_string(),
        _ => String::new(),
    };
    let hour = Wish::Retain { seconds: HOUR };
    let refused = refusal(plan(&mut b.core, &conversation, &hour).await.unwrap());
    assert!(refused.contains("change how long messages are kept"), "{refused}");
    let mut lists = Lists::none(&house);
    lists.policy(&house, &policy(1, DAY));
    lists.reaches(&mut a).await;
    let longer = Wish::Retain { seconds: DAY + 1 };
    let refused = refusal(plan(&mut a.core, &conversation, &longer).await.unwrap());
    assert!(refused.contains("1 day at most (policy 1)"), "{refused}");
    in_place::arm("mutant.any_retention");
    let taken = plan(&mut a.core, &conversation, &longer).await.unwrap();
    in_place::disarm("mutant.any_retention");
    assert!(matches!(taken, Plan::Commit(_)), "the guard taken away");
    retains(&mut log, &mut a, HOUR, &mut [&mut b]).await;
    assert_eq!(b.row(&conversation).await.retention_seconds, HOUR, "the control");
}

#[tokio::test]
async fn a_text_that_is_longer_than_the_policy_permits_goes_back_to_its_author() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let mut lists = Lists::none(&house);
    let short = Rules { text_bytes_max: 256, ..Policy::UNSET.rules };
    lists.policy(&house, &Policy { number: 1, rules: short });
    lists.reaches(&mut a).await;
    for (bytes, guard, goes) in [(256, "", true), (257, "", false), (257, "mutant.policy_unheeded", true)] {
        let message = a.say(&log.conversation, &"x".repeat(bytes)).await;
        let row = a.outbox().await.into_iter().find(|row| row.message == message).unwrap();
        in_place::arm(guard);
        let sealed = seal(&mut a.core, &row).await.unwrap();
        in_place::disarm(guard);
        match sealed {
            Sealed::Ready { .. } => assert!(goes, "{bytes} {guard}"),
            Sealed::Refused(why) => assert!(!goes && why.contains("permits 256"), "{bytes} {guard}: {why}"),
            _ => panic!("it neither goes nor comes back"),
        }
    }
}

#[tokio::test]
async fn a_client_that_is_older_than_the_policy_permits_encrypts_nothing() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let mut lists = Lists::none(&house);
    let minimum_versions = vec![Software::new("wardline", "0.1.0").unwrap()];
    lists.policy(&house, &Policy { number: 1, rules: Rules { minimum_versions, ..Policy::UNSET.rules } });
    lists.reaches(&mut a).await;
    a.say(&log.conversation, "from an old one").await;
    let row = a.outbox().await.remove(0);
    assert!(silenced(&a.core).is_none(), "the control: it is new enough");
    in_place::arm("client.older");
    let why = silenced(&a.core).expect("it is too old").to_string();
    assert!(why.contains("wardline/0.1.0 or newer"), "{why}");
    assert!(matches!(seal(&mut a.core, &row).await.unwrap(), Sealed::Wait));
    in_place::arm("mutant.old_client_sends");
    assert!(matches!(seal(&mut a.core, &row).await.unwrap(), Sealed::Ready { .. }), "the guard taken away");
    in_place::disarm("mutant.old_client_sends");
    in_place::disarm("client.older");
}
