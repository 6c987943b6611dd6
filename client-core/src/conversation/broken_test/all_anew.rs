//! A commit that takes everybody out *and in* by a Welcome that does not open: nobody but its author can follow it, and all
//! of them go on from before it.

use wardline_proto::{
    in_place,
    relay::{KeeperRight, RemovalGround, removal_ground::Ground},
};

use super::{going_on::made, out_and_in::damaged, scene::member, *};

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

/// What mallory does after she took everybody out and in.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    Out,
    OutAndIn,
}

/// The three and mallory, when three cannot follow what she did; and the commit that they report.
async fn stopped(then: Then) -> (House, Log, [Phone; 3], Phone, u64) {
    let house = House::found();
    let mut m = house.phone("mallory").await;
    let mut others =
        [house.phone("doctor-a").await, house.phone("nurse-b").await, house.phone("locum-c").await];
    let [a, b, c] = &mut others;
    let mut log = Log::begin(&mut m, &mut [a, b, c]).await;
    let old = log.conversation;
    let mut broken = log.head() + 1;
    let mut welcomes = vec![commit(&mut log, &mut m, &others, true).await];
    if then != Then::Nothing {
        welcomes.push(commit(&mut log, &mut m, &others, then == Then::OutAndIn).await);
    }
    for phone in &mut others {
        for welcome in welcomes.iter().flatten() {
            assert!(!log.welcome(phone, &damaged(welcome)).await, "it does not open");
        }
        log.deliver(phone).await;
        assert_eq!(phone.row(&old).await.standing, Standing::OutOfStep);
    }
    // The first that it cannot follow; but by the relay's book each is in anew since the second.
    broken += u64::from(then == Then::OutAndIn);
    (house, log, others, m, broken)
}

async fn goes_on(then: Then) {
    let (_house, log, mut others, mut m, broken) = stopped(then).await;
    let old = log.conversation;
    let mut reports = Vec::new();
    for phone in &others {
        let said = reported(phone, &old).await;
        let report: OutOfStep = decode(&said.body).unwrap();
        assert_eq!(report.number, broken);
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
    goes_on(Then::Nothing).await;
}

#[tokio::test]
async fn nor_by_putting_them_out_after_that() {
    goes_on(Then::Out).await;
}

#[tokio::test]
async fn nor_by_taking_them_out_and_in_a_second_time() {
    goes_on(Then::OutAndIn).await;
    in_place::arm("mutant.second_forgets");
    let (_house, log, mut others, _m, broken) = stopped(Then::OutAndIn).await;
    in_place::disarm("mutant.second_forgets");
    let mut reports = Vec::new();
    for phone in &others {
        reports.push(reported(phone, &log.conversation).await);
    }
    for phone in &mut others {
        closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
        let made = succeed(&mut phone.core, &log.conversation, broken).await.unwrap();
        assert_eq!(made, Succession::Declined, "the guard taken away: nobody can make what goes on");
    }
}
