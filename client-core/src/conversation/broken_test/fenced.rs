//! Claims about a false declaration while somebody must go by the list: the correction meets the relay's fence.

use wardline_proto::{DeviceId, EntryNumber, in_place, relay::CommitData};

use super::{
    house::House,
    lists::Lists,
    scene::{commit, completes, wishes},
    ward::{Log, Phone},
};
use crate::{
    conversation::{Change, Plan, plan, report::declared},
    vault::tables::{
        conversations::Standing,
        declared_rosters::{self, DeclaredRoster},
        faults,
        intents::Wish,
    },
};

/// The relay's rule (`domain/conversation/fence.rs`).
fn may_pass(fence: DeviceId, data: &CommitData) -> bool {
    let fenced = fence.to_wire();
    let anew = |device| data.leaves.contains(device) && *device != fenced;
    data.leaves.contains(&fenced) && data.joins.iter().all(anew)
}

/// The phones of four, of whom the first is who a liar declares out.
async fn four(house: &House) -> [Phone; 4] {
    let mut phones = Vec::new();
    for user in ["doctor-a", "nurse-b", "locum-c", "doctor-d"] {
        phones.push(house.phone(user).await);
    }
    phones.sort_by_key(|phone| phone.core.device.id());
    phones.try_into().ok().unwrap()
}

/// Mallory declares somebody out who is in, and another is revoked before it is put right. Whether the relay would take the
/// correction that a member makes; if so, all are right after it.
async fn corrected(guard: &'static str) -> bool {
    let house = House::found();
    let [mut victim, mut a, mut b, mut lost] = four(&house).await;
    let mut m = house.phone("mallory").await;
    let mut log = Log::begin(&mut a, &mut [&mut victim, &mut b, &mut lost, &mut m]).await;
    let old = log.conversation;
    in_place::arm_once("member.false_leaves");
    let pending = m.stages(&old, Change::default()).await;
    in_place::disarm("member.false_leaves");
    log.commit(&m, pending);
    for phone in [&mut victim, &mut a, &mut b, &mut m] {
        log.deliver(phone).await;
    }
    assert_eq!(victim.row(&old).await.standing, Standing::OutOfStep, "it is cut off");
    house.clock.advance_seconds(60);
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[lost.core.device.id()]);
    for phone in [&mut a, &mut b, &mut m] {
        lists.reaches(phone).await;
    }
    in_place::arm(guard);
    let change = match plan(&mut a.core, &old, &Wish::Correct).await.unwrap() {
        Plan::Commit(change) => *change,
        Plan::People(_) => {
            let adds = vec![victim.package().await];
            completes(&mut a, &old, &Wish::Correct, adds).await
        }
        _ => panic!("it is put right"),
    };
    in_place::disarm(guard);
    let pending = a.stages(&old, change).await;
    let data = declared(&pending.commit).unwrap();
    if !may_pass(lost.core.device.id(), &data) {
        return false;
    }
    log.commit(&a, pending);
    log.deliver(&mut m).await;
    for phone in [&mut a, &mut b] {
        log.deliver(phone).await;
        let open = wishes(phone).await;
        let mends = open.iter().any(|wish| matches!(wish, Wish::Mend { .. }));
        assert!(mends, "who made it wishes them back too");
        assert!(!open.contains(&Wish::Correct) && !open.contains(&Wish::RemoveRevoked), "{open:?}");
    }
    assert_eq!(accused(&b, &log).await, ["mallory"], "and nobody else");
    // Who was declared out comes back as anybody does who was thrown out.
    house.clock.advance_seconds(2);
    let open = wishes(&b).await;
    let mend = open.iter().find(|wish| matches!(wish, Wish::Mend { .. })).expect("they are added back");
    assert!(matches!(plan(&mut b.core, &old, mend).await.unwrap(), Plan::People(_)));
    let adds = vec![victim.package().await];
    let change = completes(&mut b, &old, mend, adds).await;
    let welcome = commit(&mut log, &mut b, change, &mut [&mut a, &mut m]).await;
    assert!(log.welcome(&mut victim, &welcome).await);
    log.talk(&mut victim, "in again", &mut [&mut a, &mut b]).await;
    log.deliver(&mut lost).await;
    assert_eq!(a.texts(&old).await, ["in again"]);
    assert!(lost.texts(&old).await.is_empty());
    true
}

async fn accused(phone: &Phone, log: &Log) -> Vec<String> {
    let mut tx = phone.core.vault.begin("faults").await.unwrap();
    let found = faults::list(&mut tx, &log.conversation).await.unwrap();
    found.into_iter().map(|fault| fault.user.to_string()).collect()
}

#[tokio::test]
async fn a_false_declaration_is_put_right_though_somebody_must_go_by_the_list() {
    assert!(corrected("").await);
    assert!(!corrected("mutant.correct_with_adds").await, "the guard taken away: the fence stays for ever");
}

/// The relay holds a revoked device to be in that never was: nobody in the tree must go. Whether the correction may pass.
async fn never_in(guard: &'static str) -> bool {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let lost = house.phone("locum-c").await;
    let log = Log::begin(&mut a, &mut [&mut m]).await;
    let old = log.conversation;
    let known = [a.core.device.id(), lost.core.device.id()].to_vec();
    let number = EntryNumber::new(log.head());
    let row = DeclaredRoster { devices: known, number };
    let mut tx = a.core.vault.begin("declared").await.unwrap();
    declared_rosters::store(&mut tx, &old, Some(&row)).await.unwrap();
    tx.commit().await.unwrap();
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[lost.core.device.id()]);
    lists.reaches(&mut a).await;
    in_place::arm(guard);
    let adds = vec![m.package().await];
    let change = completes(&mut a, &old, &Wish::Correct, adds).await;
    in_place::disarm(guard);
    let pending = a.stages(&old, change).await;
    may_pass(lost.core.device.id(), &declared(&pending.commit).unwrap())
}

#[tokio::test]
async fn a_revoked_device_that_only_the_relay_holds_to_be_in_is_put_right_too() {
    assert!(never_in("").await);
    assert!(!never_in("mutant.correct_with_adds").await, "the guard taken away");
}
