//! Claims about a relay that shows a device what there is not, more than once at one number: who is shown the truth after that is
//! in again, and a true report is not lost by lies that come after it. Each has its control.

use wardline_proto::{
    Digest, EntryNumber, in_place,
    relay::{Entry, EntryKind, OutOfStep},
};

use super::{
    accused,
    house::House,
    reported,
    scene::{anew, commit, noise, without_commits},
    ward::{Log, NOW, Phone},
};
use crate::{
    conversation::{Change, look_again, receive, receive::decode, report},
    vault::tables::{
        conversations::Standing,
        relay_faults::{self, RelayFaultKind, RelayFaultRow},
    },
};

/// The table of the relay's lies about a conversation is full.
async fn full_of_lies(phone: &Phone, log: &Log) {
    let mut tx = phone.core.vault.begin("lies").await.unwrap();
    for number in 1_000..1_100 {
        let row = RelayFaultRow {
            conversation: Some(log.conversation),
            kind: RelayFaultKind::Repeated,
            number,
            about: String::new(),
            noticed: NOW,
            times: 1,
            evidence: "{}".to_owned(),
            seen: None,
        };
        assert!(relay_faults::note(&mut tx, &row).await.unwrap());
    }
    tx.commit().await.unwrap();
}

/// The relay shows a device noise in place of a commit, so many times, and says then that it has something else there; the last time
/// it shows the truth, or the same noise. Where the device stands then; if it is in, both have talked.
async fn lied_to(guard: &'static str, lies: usize, (full, truth): (bool, bool)) -> Standing {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    if full {
        full_of_lies(&b, &log).await;
    }
    commit(&mut log, &mut a, Change::default(), &mut []).await;
    let head = log.head();
    log.talk(&mut a, "meanwhile", &mut []).await;
    for lie in 0..lies {
        log.deliver_altered(&mut b, |entry| {
            if entry.number == head {
                noise(entry)
            }
        })
        .await;
        assert_eq!(b.row(&old).await.standing, Standing::OutOfStep);
        let again = look_again(&mut b.core, &old, EntryNumber::new(head)).await.unwrap();
        assert_eq!(again, lie == 0 && !full, "a relay that lies on is not asked for ever");
        Log::rewind(&mut b, &old, head);
    }
    log.deliver_altered(&mut b, |entry| {
        if entry.number == head && !truth {
            noise(entry)
        }
    })
    .await;
    in_place::disarm(guard);
    let standing = b.row(&old).await.standing;
    if standing == Standing::Active {
        assert!(report(&b.core, &old).await.unwrap().is_none());
        log.talk(&mut b, "here", &mut [&mut a]).await;
        for phone in [&a, &b] {
            assert_eq!(phone.texts(&old).await, ["meanwhile", "here"]);
            assert!(!phone.reads(&old).await.iter().any(|line| line.starts_with("missed")));
        }
    }
    standing
}

#[tokio::test]
async fn who_was_lied_to_twice_at_one_number_is_in_again_once_it_is_told_the_truth() {
    assert_eq!(lied_to("", 1, (false, true)).await, Standing::Active, "the control: once");
    for lies in [2, 3] {
        assert_eq!(lied_to("", lies, (false, true)).await, Standing::Active);
        assert_eq!(
            lied_to("", lies, (false, false)).await,
            Standing::OutOfStep,
            "the control: the same noise"
        );
    }
    let never = lied_to("mutant.second_lie", 2, (false, true)).await;
    assert_eq!(never, Standing::OutOfStep, "the guard taken away");
}

#[tokio::test]
async fn a_relay_that_has_told_too_many_lies_to_be_kept_can_still_tell_the_truth() {
    assert_eq!(lied_to("", 1, (true, true)).await, Standing::Active);
    let never = lied_to("mutant.second_lie", 1, (true, true)).await;
    assert_eq!(never, Standing::OutOfStep, "the guard taken away");
}

/// What a device says that it cannot follow: a digest.
async fn says(phone: &Phone, log: &Log) -> Digest {
    let said: OutOfStep = decode(&reported(phone, &log.conversation).await.body).unwrap();
    Digest::try_from(&said.commit_sha256).unwrap()
}

async fn missed(phone: &Phone, log: &Log) -> usize {
    let lines = phone.reads(&log.conversation).await;
    lines.iter().filter(|line| line.starts_with("missed")).count()
}

#[tokio::test]
async fn a_true_report_comes_back_with_the_true_commit_and_what_was_missed_stays_counted() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut m = house.phone("mallory").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m]).await;
    let old = log.conversation;
    let pending = m.stages(&old, Change::default()).await;
    let pending = m.makes_worthless(pending).await;
    log.commit(&m, pending);
    let commit = log.entries.last().unwrap().clone();
    log.deliver(&mut m).await;
    log.talk(&mut m, "one", &mut []).await;
    log.talk(&mut m, "two", &mut []).await;
    log.deliver(&mut b).await;
    let truth = Digest::try_from(&commit.message_sha256).unwrap();
    assert_eq!((says(&b, &log).await, missed(&b, &log).await), (truth, 2));
    assert!(accused(&b, &old).await.is_empty());

    // 1. Noise in its place: the device is out of step at the same number, and the relay was caught.
    let mut lie = commit.clone();
    noise(&mut lie);
    receive(&mut b.core, &lie).await.unwrap();
    assert_eq!(says(&b, &log).await, Digest::try_from(&lie.message_sha256).unwrap());
    assert_eq!((b.row(&old).await.standing, missed(&b, &log).await), (Standing::OutOfStep, 2));
    assert!(accused(&b, &old).await.contains(&RelayFaultKind::Changed));
    assert!(b.reads(&old).await.iter().any(|line| line.contains("no member signed for")));

    // 2. Over the next connection the truth: it is said again, whose doing it was is too, and everybody goes on from it.
    Log::rewind(&mut b, &old, commit.number);
    log.deliver(&mut b).await;
    assert_eq!((says(&b, &log).await, missed(&b, &log).await), (truth, 2));
    assert_eq!(b.row(&old).await.standing, Standing::OutOfStep);
    let lines = b.reads(&old).await;
    assert!(lines.iter().any(|line| line.contains("Name of mallory made a change")), "{lines:?}");
}

/// A member's true commit is shown in place of another's that cannot be followed, or first. Whether it is followed, and what the
/// relay is accused of.
async fn followed(shown_before: bool) -> (Standing, Vec<RelayFaultKind>) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut m = house.phone("mallory").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m]).await;
    let old = log.conversation;
    let lost = a.stages(&old, Change::default()).await;
    let mut other = log.upto(log.head());
    other.commit(&a, lost);
    let pending = m.stages(&old, Change::default()).await;
    let pending = m.makes_worthless(pending).await;
    log.commit(&m, pending);
    if shown_before {
        log.deliver(&mut b).await;
        assert_eq!(b.row(&old).await.standing, Standing::OutOfStep);
    }
    receive(&mut b.core, other.entries.last().unwrap()).await.unwrap();
    (b.row(&old).await.standing, accused(&b, &old).await)
}

#[tokio::test]
async fn what_is_followed_in_place_of_another_is_a_lie_that_is_seen() {
    assert_eq!(
        followed(false).await,
        (Standing::Active, Vec::new()),
        "the control: it is all that was shown"
    );
    assert_eq!(followed(true).await, (Standing::Active, vec![RelayFaultKind::Changed]));
}

/// A device cannot follow, and the relay shows it twice a commit that there is not, as letting it in. Whether it says after each what
/// it had to say, and whether it is let in.
async fn invented_twice(guard: &'static str) -> (Vec<u64>, bool) {
    in_place::arm(guard);
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    commit(&mut log, &mut a, Change::default(), &mut []).await;
    log.deliver_altered(&mut b, without_commits).await;
    let (stopped, number) = (log.head(), log.head() + 1);
    // Its bytes are those of the commit that let it in the first time.
    let invented = Entry { number, kind: EntryKind::Commit.into(), ..log.entries[0].clone() };
    let mut says = Vec::new();
    for _ in 0..2 {
        receive(&mut b.core, &invented).await.unwrap();
        if look_again(&mut b.core, &old, EntryNumber::new(number)).await.unwrap() {
            Log::rewind(&mut b, &old, stopped);
            log.deliver_altered(&mut b, without_commits).await;
        }
        says.push(report(&b.core, &old).await.unwrap().expect("a report").0.get() - stopped);
    }
    let back = anew(&mut log, &mut a, &mut b, &mut []).await;
    in_place::disarm(guard);
    if back {
        let lines = b.reads(&old).await;
        assert!(!lines.iter().any(|line| line.contains("meant to let this device in")), "{lines:?}");
    }
    (says, back)
}

#[tokio::test]
async fn who_is_shown_twice_what_lets_nobody_in_says_what_it_had_to_say() {
    assert_eq!(invented_twice("").await, (vec![0, 0], true));
    assert_eq!(invented_twice("mutant.second_lie").await, (vec![0, 1], false), "the guard taken away");
}
