//! Claims about a log that is broken for each member by another commit of one author.

use wardline_proto::{content::ConversationSettings, in_place};

use super::{going_on::made, scene::without_commits, *};

/// A change of the name, by who may.
fn renamed(by: &Phone, log: &Log) -> Change {
    let settings = by.core.groups[&log.conversation].settings();
    let number = settings.number + 1;
    let settings = ConversationSettings { name: "Another".to_owned(), number, ..settings };
    Change { settings: Some(settings), ..Change::default() }
}

/// Mallory's first commit cannot be followed by one, her second by another; everybody is told that the log is closed at the second,
/// with these two's words, or with that of the second alone. Where each stands.
async fn ended(
    guard: &'static str,
    words: usize,
    renames: bool,
) -> (House, Log, [Phone; 2], Phone, [Standing; 3]) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut m = house.phone("mallory").await;
    let mut log = Log::begin(&mut m, &mut [&mut a, &mut b]).await;
    let old = log.conversation;
    log.talk(&mut a, "before", &mut [&mut b, &mut m]).await;
    let change = if renames { renamed(&m, &log) } else { Change::default() };
    commit(&mut log, &mut m, change, &mut [&mut b]).await;
    log.deliver_altered(&mut a, without_commits).await;
    log.talk(&mut b, "between", &mut [&mut m]).await;
    let last = log.head() + 1;
    commit(&mut log, &mut m, Change::default(), &mut []).await;
    log.deliver_altered(&mut b, without_commits).await;
    let reports = [reported(&b, &old).await, reported(&a, &old).await][..words].to_vec();
    in_place::arm(guard);
    for phone in [&mut a, &mut b, &mut m] {
        closed(&mut phone.core, &end(&log, last, reports.clone())).await.unwrap();
    }
    in_place::disarm(guard);
    let mut stand = [Standing::Active; 3];
    for (stand, phone) in stand.iter_mut().zip([&a, &b, &m]) {
        *stand = phone.row(&old).await.standing;
    }
    (house, log, [a, b], m, stand)
}

/// What each reads once it goes on.
async fn goes_on(guard: &'static str) -> Vec<Vec<String>> {
    let (_house, log, mut others, mut m, stand) = ended("", 2, false).await;
    assert_eq!(stand, [Standing::Closed; 3]);
    let old = log.conversation;
    let [a, b] = &mut others;
    in_place::arm(guard);
    let mut next = made(b, &log, log.head()).await;
    assert_eq!(wished(b, &next.conversation).await, ["doctor-a", "mallory"]);
    told_of(&mut [a, &mut m], &log, &next.conversation).await;
    next.add(b, &mut [a, &mut m]).await;
    in_place::disarm(guard);
    for phone in [&*a, &m] {
        assert!(phone.row(&next.conversation).await.held.is_none(), "it is what it has to be");
    }
    next.take(b).await;
    for phone in [&mut *a, &mut m] {
        next.deliver(phone).await;
    }
    next.talk(a, "after", &mut [b, &mut m]).await;
    let told = b.reads(&old).await;
    assert!(
        told.iter().any(|line| line.contains("It goes on here: Name of mallory made a change")),
        "{told:?}"
    );
    vec![a.texts(&old).await, b.texts(&old).await, m.texts(&old).await]
}

#[tokio::test]
async fn who_breaks_a_log_for_each_by_another_commit_stops_nothing() {
    // What one of them could read and the other not is said again.
    let all = goes_on("").await;
    assert!(all.iter().all(|texts| *texts == ["before", "between", "after"]), "each once: {all:?}");
    let without = goes_on("mutant.again_from_last").await;
    assert_eq!(without[0], ["before", "after"], "the guard taken away");

    let (_house, .., stand) = ended("mutant.split_counts_apart", 2, false).await;
    let open = [Standing::OutOfStep, Standing::OutOfStep, Standing::Active];
    assert_eq!(stand, open, "the guard taken away: nobody believes the end");
}

#[tokio::test]
async fn one_word_of_three_ends_nothing() {
    let (_house, .., stand) = ended("", 1, false).await;
    assert_eq!(stand, [Standing::OutOfStep, Standing::OutOfStep, Standing::Active]);
}

/// One cannot follow a change of the name, and is let into what goes on by the other, under the new name: whether it waits for
/// somebody's word there, before the other speaks and after.
async fn waits(guard: &'static str) -> [bool; 2] {
    let (_house, log, mut others, mut m, _) = ended("", 2, true).await;
    let [a, b] = &mut others;
    in_place::arm(guard);
    let mut next = made(b, &log, log.head()).await;
    told_of(&mut [a, &mut m], &log, &next.conversation).await;
    next.add(b, &mut [a, &mut m]).await;
    let mut waits = [a.row(&next.conversation).await.held.is_some(); 2];
    next.talk(b, "here", &mut [a, &mut m]).await;
    waits[1] = a.row(&next.conversation).await.held.is_some();
    in_place::disarm(guard);
    waits
}

#[tokio::test]
async fn who_cannot_judge_what_goes_on_waits_for_nobody_who_broke_it() {
    assert_eq!(waits("").await, [true, false]);
    assert_eq!(waits("mutant.breaker_vouches").await, [true, true], "the guard taken away");
}
