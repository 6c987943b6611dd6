//! What a device has long gone on from: it knows no more who was in then. Neither the relay nor a few who never acknowledge
//! anything take it back there, and what it cannot judge waits for one who can.

use wardline_proto::{
    EntryNumber,
    closing::ROSTERS_KEPT,
    in_place::{arm, disarm},
};

use super::{
    going_on::{adds, at_fault, made},
    scene::without_commits,
    *,
};

/// Three of five cannot follow a commit; a and b go on for so many more.
struct LongAgo {
    house: House,
    a: Phone,
    b: Phone,
    behind: [Phone; 3],
    log: Log,
    broken: u64,
}

impl LongAgo {
    async fn log(more: u64) -> Self {
        let house = House::found();
        let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
        let (mut c, mut e) = (house.phone("locum-c").await, house.phone("porter-e").await);
        let mut m = house.phone("mallory").await;
        let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut e, &mut m]).await;
        let broken = log.head() + 1;
        for count in 0..=more {
            let pending = a.stages(&log.conversation, Change::default()).await;
            log.commit(&a, pending);
            log.deliver(&mut a).await;
            log.deliver(&mut b).await;
            if count == 0 {
                for phone in [&mut c, &mut e, &mut m] {
                    log.deliver_altered(phone, without_commits).await;
                }
            }
        }
        Self { house, a, b, behind: [c, e, m], log, broken }
    }

    /// The reports of so many of those who are behind.
    async fn reports(&self, count: usize) -> Vec<SignedStatement> {
        let mut reports = Vec::new();
        for phone in &self.behind[..count] {
            reports.push(reported(phone, &self.log.conversation).await);
        }
        reports
    }

    /// Where b stands when the relay shows these reports.
    async fn ended_by(&mut self, reports: Vec<SignedStatement>) -> Standing {
        closed(&mut self.b.core, &end(&self.log, self.broken, reports)).await.unwrap();
        self.b.row(&self.log.conversation).await.standing
    }
}

/// Where one stands who has gone on for so many commits, when two of five people say that they could not follow the first.
async fn ended_by_two(guard: &'static str, more: u64) -> Standing {
    let mut scene = LongAgo::log(more).await;
    let reports = scene.reports(2).await;
    arm(guard);
    let standing = scene.ended_by(reports).await;
    disarm(guard);
    standing
}

#[tokio::test]
async fn what_a_member_has_long_gone_on_from_ends_by_the_word_of_more_than_half() {
    let far = ROSTERS_KEPT;
    assert_eq!(ended_by_two("", far - 1).await, Standing::Closed, "the control: it still knows who was in");
    assert_eq!(ended_by_two("", far).await, Standing::Active);
    assert_eq!(ended_by_two("mutant.far_back", far).await, Standing::Closed, "the guard taken away");
}

#[tokio::test]
async fn an_old_commit_is_not_forgotten_to_be_judged_by_the_reports_of_its_readers() {
    let mut scene = LongAgo::log(ROSTERS_KEPT).await;
    let x = scene.house.phone("stranger-x").await;
    let reports = scene.reports(3).await;
    let mut forged = reports.clone();
    forged[2].signature = forged[1].signature.clone();
    for reports in [vec![], reports[..1].to_vec(), forged] {
        assert_eq!(scene.ended_by(reports).await, Standing::Active, "the relay's word closes nothing");
    }
    let LongAgo { house, mut a, mut b, behind: [mut c, ..], log, broken } = scene;
    let old = log.conversation;
    arm("mutant.closed_unread");
    closed(&mut a.core, &end(&log, broken, vec![])).await.unwrap();
    disarm("mutant.closed_unread");
    assert_eq!(a.row(&old).await.standing, Standing::Closed, "without the guard it does");
    for phone in [&mut b, &mut c] {
        closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
        assert_eq!(phone.row(&old).await.standing, Standing::Closed, "the control");
    }
    // What goes on from there: with a stranger it waits for one who can judge.
    let mut next = made(&mut c, &log, broken).await;
    let welcome = adds(&mut next, &mut c, &[&a, &b, &x]).await;
    for phone in [&mut a, &mut b] {
        named(phone, &log, &next.conversation).await;
    }
    assert!(next.welcome(&mut b, &welcome).await);
    assert!(b.row(&next.conversation).await.held.is_some());
    assert_eq!(at_fault(&b, &next.conversation).await, [] as [&str; 0], "and accuses nobody");
    arm("mutant.unjudged_trusted");
    assert!(next.welcome(&mut a, &welcome).await);
    disarm("mutant.unjudged_trusted");
    assert!(a.row(&next.conversation).await.held.is_none(), "without the guard it is trusted");
    house.clock.advance_seconds(31);
    next.talk(&mut a, "all is well", &mut [&mut b]).await;
    assert!(b.row(&next.conversation).await.held.is_none());
}

/// A device that does not know any more who was in before the commit joins what goes on from there, which has all of the
/// others or not. Whether it holds it.
async fn held_by_who_forgot(guard: &'static str, all: bool) -> bool {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("locum-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let old = log.conversation;
    let pending = a.stages(&old, Change::default()).await;
    log.commit(&a, pending);
    for phone in [&mut b, &mut c] {
        log.deliver_altered(phone, without_commits).await;
    }
    log.deliver(&mut a).await;
    let broken = log.head();
    let reports = vec![reported(&b, &old).await, reported(&c, &old).await];
    for phone in [&mut a, &mut b] {
        closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
    }
    let mut tx = a.core.vault.begin("too_long_ago").await.unwrap();
    let known = crate::vault::tables::commits::find(&mut tx, &old, EntryNumber::new(broken)).await.unwrap();
    let forgotten = crate::vault::tables::commits::CommitRow { before: None, ..known.unwrap() };
    crate::vault::tables::commits::insert(&mut tx, &forgotten).await.unwrap();
    tx.commit().await.unwrap();
    let mut next = made(&mut b, &log, broken).await;
    let others: &[&Phone] = if all { &[&a, &c] } else { &[&a] };
    let welcome = adds(&mut next, &mut b, others).await;
    named(&mut a, &log, &next.conversation).await;
    arm(guard);
    assert!(next.welcome(&mut a, &welcome).await);
    disarm(guard);
    a.row(&next.conversation).await.held.is_some()
}

#[tokio::test]
async fn what_goes_on_with_everybody_needs_nobodys_word_and_with_some_of_them_it_does() {
    assert!(
        !held_by_who_forgot("", true).await,
        "the control: as far as it has followed, all of them were in"
    );
    assert!(held_by_who_forgot("", false).await, "somebody was left out");
    assert!(!held_by_who_forgot("mutant.some_are_all", false).await, "the guard taken away");
}
