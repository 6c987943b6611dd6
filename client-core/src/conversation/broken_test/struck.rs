//! Claims about who added a device whose issuer was struck meanwhile: the device goes, and who had not heard stays. Each attack has
//! its control: the guard taken away.

use wardline_identity::{DisplayName, Organisation, Strike, SystemEntropy};
use wardline_proto::{ConversationId, in_place};

use super::{
    house::House,
    scene::{commit, wishes},
    ward::{Log, NOW, Phone},
};
use crate::{
    conversation::{Change, Plan, Staged, plan, revoked::outdated, stage, strangers_by},
    vault::tables::{faults, intents::Wish},
};

/// The organisation by list 2: the house's issuer is struck, and keeps the certificates of these.
fn strike(house: &House, kept: &[&Phone]) -> Organisation {
    let label = DisplayName::parse("Second").unwrap();
    let second = house.holder.found_issuer(&label, &SystemEntropy, NOW).unwrap();
    let kept = kept.iter().map(|phone| phone.core.device.certificate.fingerprint()).collect();
    let certificate = house.issuer.certificate_der().to_vec();
    let strike = Strike { certificate, kept, since: None };
    let list = house.holder.sign_issuers(2, &[second.certificate_der()], (&[strike], None)).unwrap();
    house.organisation.succeeded_by(&list).unwrap().unwrap()
}

/// It comes to a device.
async fn hears(phone: &mut Phone, organisation: &Organisation) {
    strangers_by(&mut phone.core, organisation).await.unwrap();
    phone.core.device.organisation = organisation.clone();
}

/// The correction that a device makes; these take it in.
async fn corrects(log: &mut Log, by: &mut Phone, others: &mut [&mut Phone]) {
    assert!(wishes(by).await.contains(&Wish::Correct), "it wishes for it");
    match plan(&mut by.core, &log.conversation, &Wish::Correct).await.unwrap() {
        Plan::Commit(change) => drop(commit(log, by, *change, others).await),
        _ => panic!("it needs nobody's packages"),
    }
}

/// Who is in, by user.
async fn members(phone: &mut Phone, conversation: &ConversationId) -> Vec<String> {
    phone.core.load_group(conversation).await.unwrap();
    let leaves = phone.core.groups[conversation].roster();
    let roster = crate::conversation::roster::Roster::read(&phone.core.device.organisation, &leaves);
    assert!(roster.strangers.is_empty());
    roster.members.iter().map(|one| one.certificate.user().to_string()).collect()
}

/// How many rules somebody has broken, as a device has it.
async fn accusations(phone: &Phone, conversation: &ConversationId) -> usize {
    let mut tx = phone.core.vault.begin("accusations").await.unwrap();
    faults::list(&mut tx, conversation).await.unwrap().len()
}

/// One adds a device that is not kept, and others have heard of the strike before it comes; `knew`: so had the one who adds it, and
/// adds it all the same. Who is in after the correction, and how many were accused.
async fn added(guard: &'static str, knew: bool) -> (Vec<String>, usize) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut d) = (house.phone("doctor-c").await, house.phone("locum-d").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let conversation = log.conversation;
    let after = strike(&house, &[&a, &b, &c]);
    hears(&mut b, &after).await;
    hears(&mut c, &after).await;
    if knew {
        hears(&mut a, &after).await;
        in_place::arm("mutant.submit_struck");
    }
    log.add(&mut a, &mut [&mut d]).await;
    in_place::disarm("mutant.submit_struck");
    in_place::arm(guard);
    log.deliver(&mut b).await;
    log.deliver(&mut c).await;
    in_place::disarm(guard);
    assert!(b.row(&conversation).await.held.is_some(), "nothing is sent to it");
    hears(&mut a, &after).await;
    corrects(&mut log, &mut b, &mut [&mut c]).await;
    if members(&mut b, &conversation).await.contains(&"doctor-a".to_owned()) {
        log.deliver(&mut a).await;
        log.talk(&mut a, "goes on", &mut [&mut b, &mut c]).await;
        assert_eq!(c.texts(&conversation).await, ["goes on"]);
    }
    (members(&mut b, &conversation).await, accusations(&b, &conversation).await)
}

#[tokio::test]
async fn who_added_a_device_before_they_had_heard_of_the_strike_stays_and_the_device_goes() {
    let all = ["doctor-a", "nurse-b", "doctor-c"].map(str::to_owned).to_vec();
    assert_eq!(added("", false).await, (all, 0));
    let others = ["nurse-b", "doctor-c"].map(str::to_owned).to_vec();
    assert_eq!(added("", true).await, (others.clone(), 1), "the control: who knew is out with it");
    assert_eq!(added("mutant.judge_by_newest_issuers", false).await, (others, 1), "the guard taken away");
}

#[tokio::test]
async fn what_is_on_its_way_when_the_strike_comes_is_made_anew_without_the_device() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let conversation = log.conversation;
    let d = house.phone("locum-d").await;
    let after = strike(&house, &[&a, &b]);
    // 1. Staged before, and not sent yet.
    let change = Change { adds: vec![d.package().await], ..Change::default() };
    let pending = a.stages(&conversation, change).await;
    assert!(!outdated(&mut a.core, &conversation, &pending.commit).await.unwrap(), "the control");
    hears(&mut a, &after).await;
    assert!(outdated(&mut a.core, &conversation, &pending.commit).await.unwrap());
    in_place::arm("mutant.submit_struck");
    let taken = outdated(&mut a.core, &conversation, &pending.commit).await.unwrap();
    in_place::disarm("mutant.submit_struck");
    assert!(!taken, "the guard taken away");
    // 2. Planned before, and not staged yet.
    hears(&mut b, &after).await;
    let epoch = b.core.groups[&conversation].epoch();
    let change = Change { adds: vec![d.package().await], ..Change::default() };
    let staged = stage(&mut b.core, (conversation, epoch), 1, change).await.unwrap();
    assert!(matches!(staged, Staged::Stale));
    in_place::arm("mutant.submit_struck");
    let change = Change { adds: vec![d.package().await], ..Change::default() };
    let staged = stage(&mut b.core, (conversation, epoch), 1, change).await.unwrap();
    in_place::disarm("mutant.submit_struck");
    assert!(matches!(staged, Staged::Ready(_)), "the guard taken away");
}
