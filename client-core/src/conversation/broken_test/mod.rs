//! Claims about conversations that broke, with real vaults and groups and a log that is kept by hand.

mod all_anew;
mod between;
mod breaker;
mod confirmed;
mod ends;
mod fenced;
mod going_on;
pub(crate) mod held;
pub(crate) mod house;
mod invented;
mod judged;
pub(crate) mod lists;
mod long_ago;
mod out_and_in;
mod permitted;
pub(crate) mod recalled;
mod reinstated;
mod removed;
mod renewed;
mod replayed;
mod revoked;
pub(crate) mod scene;
mod sealed;
mod second_lie;
mod split;
mod struck;
pub(crate) mod waits;
pub(crate) mod ward;

use wardline_proto::{
    ConversationId, in_place,
    relay::{Closed, OutOfStep, SignedStatement},
};

use self::{
    house::House,
    scene::{code, commit, noise, without_commits},
    ward::{Log, Phone},
};
use crate::{
    conversation::{
        Change, Plan,
        add_anew::add_anew,
        closed, created, encode, list, not_first, plan,
        receive::{Effect, decode},
        report,
        successor::{Succession, succeed},
    },
    vault::tables::{
        conversations::Standing,
        intents::{self, Wish},
        relay_faults::{self, RelayFaultKind},
    },
};

async fn reported(phone: &Phone, conversation: &ConversationId) -> SignedStatement {
    report(&phone.core, conversation).await.unwrap().expect("a report").1
}

fn end(log: &Log, number: u64, reports: Vec<SignedStatement>) -> Closed {
    Closed {
        conversation_id: log.conversation.to_wire(),
        number,
        head: log.head(),
        reports,
        successor_id: Vec::new().into(),
    }
}

/// The relay names what goes on from a log.
async fn named(phone: &mut Phone, log: &Log, successor: &ConversationId) {
    let named = Closed { successor_id: successor.to_wire(), ..end(log, 0, Vec::new()) };
    closed(&mut phone.core, &named).await.unwrap();
}

async fn told_of(phones: &mut [&mut Phone], log: &Log, successor: &ConversationId) {
    for phone in phones {
        named(phone, log, successor).await;
    }
}

async fn accused(phone: &Phone, conversation: &ConversationId) -> Vec<RelayFaultKind> {
    let mut tx = phone.core.vault.begin("accused").await.unwrap();
    let found = relay_faults::of_conversation(&mut tx, conversation).await.unwrap();
    found.iter().map(|fault| fault.kind).collect()
}

/// The members whom a device wishes to have in a successor: user ids.
async fn wished(phone: &Phone, conversation: &ConversationId) -> Vec<String> {
    let mut tx = phone.core.vault.begin("wished").await.unwrap();
    let open = intents::open(&mut tx).await.unwrap();
    let restore = open.into_iter().filter(|wish| wish.conversation == *conversation);
    let mut users: Vec<String> = restore
        .filter_map(|wish| match wish.wish {
            Wish::Restore { members } => Some(members),
            _ => None,
        })
        .flatten()
        .map(|(user, _)| user)
        .collect();
    users.sort_unstable();
    users
}

async fn candidate(phone: &Phone, log: &Log) -> ConversationId {
    let mut tx = phone.core.vault.begin("candidate").await.unwrap();
    let rows = crate::vault::tables::conversations::list(&mut tx).await.unwrap();
    let made = rows.into_iter().find(|row| row.line.predecessor == Some(log.conversation));
    made.expect("a successor").conversation
}

/// What is said and wished for where a device cannot follow waits until it is in again; without the guard the wish cannot be.
async fn all_waits(phone: &mut Phone, log: &mut Log) {
    log.take(phone).await;
    assert_eq!(phone.outbox().await.len(), 1, "nothing is sent where it cannot be read");
    let conversation = &log.conversation;
    let rename = Wish::Rename { name: "Ward 5".to_owned() };
    assert!(matches!(plan(&mut phone.core, conversation, &rename).await.unwrap(), Plan::Later));
    in_place::arm("mutant.broken_is_closed");
    assert!(matches!(plan(&mut phone.core, conversation, &rename).await.unwrap(), Plan::Impossible(_)));
    in_place::disarm("mutant.broken_is_closed");
}

#[tokio::test]
async fn after_a_worthless_commit_the_others_talk_on_and_nothing_is_lost_or_doubled() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let old = log.conversation;
    log.talk(&mut b, "before", &mut [&mut a, &mut c, &mut m]).await;

    // 1. The author has followed its own commit and talks to itself; nobody else can.
    let pending = m.stages(&old, Change::default()).await;
    let pending = m.makes_worthless(pending).await;
    let broken = log.head() + 1;
    log.commit(&m, pending);
    log.deliver(&mut m).await;
    log.talk(&mut m, "alone", &mut []).await;
    a.say(&old, "waits").await;
    for phone in [&mut a, &mut b, &mut c] {
        let effects = log.deliver(phone).await;
        assert!(effects.contains(&Effect::OutOfStep(old)));
        assert_eq!(phone.row(&old).await.standing, Standing::OutOfStep);
        let lines = phone.reads(&old).await;
        assert!(lines.iter().any(|line| line.contains("Name of mallory made a change")), "{lines:?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("missed")).count(), 1);
        assert!(accused(phone, &old).await.is_empty(), "its author signed it: the relay did nothing");
    }
    all_waits(&mut a, &mut log).await;

    // 2. One person's report closes nothing; two people's do.
    let (of_a, of_b) = (reported(&a, &old).await, reported(&b, &old).await);
    let forged = SignedStatement { signature: of_a.signature.clone(), ..of_b.clone() };
    for too_few in [vec![of_a.clone()], vec![of_a.clone(), of_a.clone()], vec![of_a.clone(), forged]] {
        assert!(closed(&mut c.core, &end(&log, broken, too_few)).await.unwrap().is_empty());
        assert_eq!(c.row(&old).await.standing, Standing::OutOfStep);
        assert_eq!(accused(&c, &old).await, [RelayFaultKind::BaselessTask]);
    }
    let reports = vec![of_a, of_b];
    for phone in [&mut a, &mut b, &mut c, &mut m] {
        let effects = closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
        assert_eq!(effects, [Effect::Closed(old)]);
    }

    // 3. Two make a successor; the relay takes the first.
    assert_eq!(succeed(&mut a.core, &old, broken).await.unwrap(), Succession::Made);
    assert_eq!(succeed(&mut b.core, &old, broken).await.unwrap(), Succession::Made);
    let (new, second) = (candidate(&a, &log).await, candidate(&b, &log).await);
    created(&mut a.core, &new).await.unwrap();
    assert_eq!(wished(&a, &new).await, ["locum-c", "mallory", "nurse-b"], "its author too");
    not_first(&mut b.core, &second).await.unwrap();
    told_of(&mut [&mut b, &mut c, &mut m], &log, &new).await;

    // 4. Everybody is in, and judges it sound.
    let (head, mut next) = (log.head(), Log::of(new));
    next.add(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let expected = code(&mut a, &new).await;
    for phone in [&mut b, &mut c, &mut m] {
        let row = phone.row(&new).await;
        assert_eq!((row.held, row.line.offset, row.line.first), (None, head, old));
        assert_eq!(code(phone, &new).await, expected);
    }

    // 5. What waited, and what only its author could read, comes once; numbers go on.
    for _ in 0..2 {
        next.take(&mut a).await;
        next.take(&mut m).await;
        for phone in [&mut a, &mut b, &mut c, &mut m] {
            next.deliver(phone).await;
        }
    }
    next.talk(&mut c, "after", &mut [&mut a, &mut b, &mut m]).await;
    for phone in [&a, &b, &c, &m] {
        assert!(phone.outbox().await.is_empty());
        let mut texts = phone.texts(&old).await;
        texts.sort_unstable();
        assert_eq!(texts, ["after", "alone", "before", "waits"]);
        let lines = phone.reads(&old).await;
        assert!(!lines.iter().any(|line| line.starts_with("missed")), "{lines:?}");
        let here = format!("event {} It goes on here: Name of mallory made a change", head + 1);
        assert!(lines.iter().any(|line| line.starts_with(&here)), "{lines:?}");
        assert!(lines.iter().any(|line| *line == format!("text {} after", head + next.head())), "{lines:?}");
    }
}

#[tokio::test]
async fn a_device_that_cannot_follow_is_added_anew_and_misses_nothing() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("locum-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let old = log.conversation;
    log.talk(&mut b, "before", &mut [&mut a, &mut c]).await;

    // 1. The commit's bytes are gone when this device comes; its digest is not.
    commit(&mut log, &mut a, Change::default(), &mut [&mut b]).await;
    log.talk(&mut a, "one", &mut [&mut b]).await;
    log.talk(&mut b, "two", &mut [&mut a]).await;
    log.deliver_altered(&mut c, without_commits).await;
    assert_eq!(c.row(&old).await.standing, Standing::OutOfStep);
    let missed = |lines: Vec<String>| lines.iter().filter(|line| line.starts_with("missed")).count();
    assert_eq!(missed(c.reads(&old).await), 2);

    // 2. Only a true report of the device itself is a ground.
    let report = reported(&c, &old).await;
    let mut other: OutOfStep = decode(&report.body).unwrap();
    other.commit_sha256 = vec![7; 32].into();
    let label = wardline_identity::StatementLabel::OutOfStep;
    let by = |phone: &Phone, body: &OutOfStep| {
        let device = &phone.core.device;
        encode(&wardline_identity::sign_statement(&device.key, label, body, Some(device.certificate.der())))
    };
    let elsewhere = OutOfStep { conversation_id: vec![9; 16].into(), ..decode(&report.body).unwrap() };
    let ahead = OutOfStep { number: 99, ..decode(&report.body).unwrap() };
    let mut stolen = report.clone();
    stolen.signer = a.core.device.certificate.fingerprint().to_wire();
    for untrue in [by(&c, &other), by(&c, &elsewhere), by(&c, &ahead), encode(&stolen)] {
        assert!(add_anew(&mut b.core, &old, &[untrue]).await.unwrap().is_empty());
    }
    let anew = add_anew(&mut b.core, &old, &[encode(&report)]).await.unwrap();
    assert_eq!(anew.len(), 1, "the control");

    // 3. One commit takes it out and in; it goes on, and what it missed is said again.
    let change = Change { adds: vec![c.package().await], removes: anew, ..Change::default() };
    let welcome = commit(&mut log, &mut b, change, &mut [&mut a]).await;
    assert!(log.welcome(&mut c, &welcome).await);
    assert_eq!(c.row(&old).await.standing, Standing::Active);
    assert!(report_is_gone(&c, &old).await);
    log.take(&mut a).await;
    log.take(&mut b).await;
    for phone in [&mut a, &mut b, &mut c] {
        log.deliver(phone).await;
        let mut texts = phone.texts(&old).await;
        texts.sort_unstable();
        assert_eq!(texts, ["before", "one", "two"], "each once");
    }
    assert_eq!(missed(c.reads(&old).await), 0);
    assert_eq!(code(&mut a, &old).await, code(&mut c, &old).await);
}

#[tokio::test]
async fn a_device_away_longer_than_everything_is_kept_says_how_much_it_missed_and_goes_on() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    log.talk(&mut a, "one", &mut []).await;
    commit(&mut log, &mut a, Change::default(), &mut []).await;
    log.talk(&mut a, "two", &mut []).await;
    log.talk(&mut a, "three", &mut []).await;

    house.clock.advance_seconds(91 * 86_400);
    log.deliver_altered(&mut b, |entry| entry.message.clear()).await;
    assert_eq!(b.row(&old).await.standing, Standing::OutOfStep);
    assert!(accused(&b, &old).await.is_empty(), "what is kept no longer is no lie");
    let summary = list(&b.core).await.unwrap().remove(0);
    assert_eq!((summary.missed, summary.unread), (3, 3));

    let anew = add_anew(&mut a.core, &old, &[encode(&reported(&b, &old).await)]).await.unwrap();
    let change = Change { adds: vec![b.package().await], removes: anew, ..Change::default() };
    let welcome = commit(&mut log, &mut a, change, &mut []).await;
    assert!(a.outbox().await.is_empty(), "what has expired is not said again");
    assert!(log.welcome(&mut b, &welcome).await);
    log.talk(&mut a, "four", &mut [&mut b]).await;
    assert_eq!(b.texts(&old).await, ["four"]);
    assert_eq!(list(&b.core).await.unwrap().remove(0).missed, 3, "until its person has looked");
}

/// After a device could not follow, somebody comes; then it is added anew. What it missed is said again, from where the
/// newcomer was in. Answers what the newcomer reads.
async fn newcomer_reads(newcomer: &str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut late) = (house.phone("locum-c").await, house.phone(newcomer).await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let old = log.conversation;
    commit(&mut log, &mut a, Change::default(), &mut [&mut b]).await;
    log.talk(&mut a, "not for who comes later", &mut [&mut b]).await;
    log.deliver_altered(&mut c, without_commits).await;
    let report = reported(&c, &old).await;
    let change = Change { adds: vec![late.package().await], ..Change::default() };
    let welcome = commit(&mut log, &mut b, change, &mut [&mut a]).await;
    assert!(log.welcome(&mut late, &welcome).await);
    log.talk(&mut a, "for all", &mut [&mut b, &mut late]).await;
    let anew = add_anew(&mut b.core, &old, &[encode(&report)]).await.unwrap();
    let change = Change { adds: vec![c.package().await], removes: anew, ..Change::default() };
    let pending = b.stages(&old, change).await;
    let welcome = pending.welcome.clone().unwrap();
    log.commit(&b, pending);
    for phone in [&mut a, &mut b, &mut late] {
        log.deliver(phone).await;
    }
    assert!(log.welcome(&mut c, &welcome).await);
    log.take(&mut a).await;
    for phone in [&mut a, &mut b, &mut c, &mut late] {
        log.deliver(phone).await;
    }
    assert!(c.texts(&old).await.contains(&"for all".to_owned()), "what all were in for is said again");
    late.texts(&old).await
}

/// The control: `a_device_that_cannot_follow_is_added_anew_and_misses_nothing`, where nobody came in between.
#[tokio::test]
async fn what_is_said_again_is_not_said_to_who_came_after_it() {
    assert_eq!(newcomer_reads("late-d").await, ["for all"]);
}

async fn report_is_gone(phone: &Phone, conversation: &ConversationId) -> bool {
    report(&phone.core, conversation).await.unwrap().is_none()
}

#[tokio::test]
async fn bytes_that_no_member_signed_for_are_the_relays_doing() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    let old = log.conversation;
    let pending = a.stages(&old, Change::default()).await;
    log.commit(&a, pending);
    log.deliver_altered(&mut b, noise).await;
    assert_eq!(b.row(&old).await.standing, Standing::OutOfStep);
    assert!(accused(&b, &old).await.contains(&RelayFaultKind::FalseAuthor));
    let lines = b.reads(&old).await;
    assert!(!lines.iter().any(|line| line.contains("doctor-a made")), "nobody is accused but it: {lines:?}");
}
