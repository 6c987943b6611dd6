//! A commit that takes everybody out *and in* by a Welcome that does not open: nobody but its author can follow it, and all
//! of them go on from before it.

use wardline_proto::relay::{KeeperRight, RemovalGround, removal_ground::Ground};

use super::{
    going_on::made,
    out_and_in::{damaged, member},
    *,
};

/// Mallory, who may remove people, takes the others out, and in again if `joins`.
async fn commit(log: &mut Log, m: &mut Phone, others: &[Phone; 3], joins: bool) -> Option<Vec<u8>> {
    let (mut removes, mut adds) = (Vec::new(), Vec::new());
    for other in others {
        let ground = RemovalGround { ground: Some(Ground::Keeper(KeeperRight {})) };
        removes.push((member(m, log, other).await, ground));
        if joins {
            adds.push(other.package().await);
        }
    }
    let pending = m.stages(&log.conversation, Change { adds, removes, ..Change::default() }).await;
    let welcome = pending.welcome.clone();
    log.commit(m, pending);
    log.deliver(m).await;
    welcome
}

/// What is texted and read after that, by the three and mallory; with `and_out` she puts them out as well.
async fn goes_on(and_out: bool) {
    let house = House::found();
    let mut m = house.phone("mallory").await;
    let mut others =
        [house.phone("doctor-a").await, house.phone("nurse-b").await, house.phone("locum-c").await];
    let [a, b, c] = &mut others;
    let mut log = Log::begin(&mut m, &mut [a, b, c]).await;
    let old = log.conversation;
    let broken = log.head() + 1;
    let welcome = commit(&mut log, &mut m, &others, true).await.unwrap();
    if and_out {
        commit(&mut log, &mut m, &others, false).await;
    }
    let mut reports = Vec::new();
    for phone in &mut others {
        assert!(!log.welcome(phone, &damaged(&welcome)).await, "it does not open");
        log.deliver(phone).await;
        assert_eq!(phone.row(&old).await.standing, Standing::OutOfStep);
        let said = reported(phone, &old).await;
        let report: OutOfStep = decode(&said.body).unwrap();
        assert_eq!(report.number, broken, "the first that it cannot follow");
        reports.push(said);
    }
    let [a, b, c] = &mut others;
    for phone in [&mut *a, b, c, &mut m] {
        closed(&mut phone.core, &end(&log, broken, reports[1..].to_vec())).await.unwrap();
        assert_eq!(phone.row(&old).await.standing, Standing::Closed);
    }
    let mut next = made(a, &log, broken).await;
    assert_eq!(wished(a, &next.conversation).await, ["locum-c", "mallory", "nurse-b"]);
    told_of(&mut [b, c, &mut m], &log, &next.conversation).await;
    next.add(a, &mut [b, c, &mut m]).await;
    for phone in [&*b, c, &m] {
        assert!(phone.row(&next.conversation).await.held.is_none(), "it is what it has to be");
    }
    next.talk(c, "after", &mut [a, b, &mut m]).await;
    for phone in [&*a, b, c, &m] {
        assert_eq!(phone.texts(&old).await, ["after"]);
    }
}

#[tokio::test]
async fn who_takes_everybody_out_and_in_stops_nothing() {
    goes_on(false).await;
}

#[tokio::test]
async fn nor_by_putting_them_out_after_that() {
    goes_on(true).await;
}
