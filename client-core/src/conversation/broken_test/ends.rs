//! Claims about when reports end a log: nobody disarms a true end by carrying a report as a ground for something else, and
//! nobody ends a log by reports of a break that was mended.

use wardline_proto::{
    in_place,
    relay::{RemovalGround, removal_ground::Ground},
};

use super::{
    scene::{commit, member, without_commits},
    *,
};

/// Two cannot follow a commit. Mallory may carry the report of one as the ground for taking another person out.
async fn ended(carried: bool) -> Standing {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
    let mut x = house.phone("porter-x").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m, &mut x]).await;
    let broken = log.head() + 1;
    commit(&mut log, &mut m, Change::default(), &mut [&mut c, &mut x]).await;
    for phone in [&mut a, &mut b] {
        log.deliver_altered(phone, without_commits).await;
    }
    let reports = vec![reported(&a, &log.conversation).await, reported(&b, &log.conversation).await];
    if carried {
        let ground = RemovalGround { ground: Some(Ground::OutOfStep(reports[0].clone())) };
        let removes = vec![(member(&mut m, &log, &x).await, ground)];
        commit(&mut log, &mut m, Change { removes, ..Change::default() }, &mut [&mut c]).await;
    }
    closed(&mut c.core, &end(&log, broken, reports)).await.unwrap();
    c.row(&log.conversation).await.standing
}

#[tokio::test]
async fn a_report_that_is_carried_for_something_else_still_ends_the_log() {
    assert_eq!(ended(false).await, Standing::Closed, "the control");
    assert_eq!(ended(true).await, Standing::Closed);
}

/// Two cannot follow a commit and are added anew; then the relay shows what they said before. Where each stands, and what it
/// holds what it was shown to be the relay's doing.
async fn mended(guard: &'static str) -> Vec<(Standing, bool)> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let old = log.conversation;
    let broken = log.head() + 1;
    commit(&mut log, &mut m, Change::default(), &mut [&mut c]).await;
    for phone in [&mut a, &mut b] {
        log.deliver_altered(phone, without_commits).await;
    }
    let reports = vec![reported(&a, &old).await, reported(&b, &old).await];
    let statements: Vec<_> = reports.iter().map(encode).collect();
    let removes = add_anew(&mut c.core, &old, &statements).await.unwrap();
    assert_eq!(removes.len(), 2);
    let change = Change { adds: vec![a.package().await, b.package().await], removes, ..Change::default() };
    let welcome = commit(&mut log, &mut c, change, &mut [&mut m]).await;
    for phone in [&mut a, &mut b] {
        assert!(log.welcome(phone, &welcome).await);
    }
    in_place::arm(guard);
    let mut stand = Vec::new();
    for phone in [&mut a, &mut b, &mut c] {
        closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
        let told = accused(phone, &old).await.contains(&RelayFaultKind::BaselessTask);
        stand.push((phone.row(&old).await.standing, told));
    }
    in_place::disarm(guard);
    stand
}

#[tokio::test]
async fn what_was_said_of_a_break_that_was_mended_ends_nothing() {
    assert_eq!(mended("").await, [(Standing::Active, true); 3]);
    assert_eq!(mended("mutant.old_reports").await, [(Standing::Closed, false); 3], "the guard taken away");
}
