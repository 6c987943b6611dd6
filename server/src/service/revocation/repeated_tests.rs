//! What the relay does with a hold of a device that is on hold already: it is kept to stand in for another that ends, and no more of them
//! than that takes.

use wardline_identity::{Role, Standing};
use wardline_proto::UtcMillis;
use wardline_proto::in_place::{arm, disarm};

use super::tests::Office;
use crate::domain::revocation::RevocationStorage as _;
use crate::founded::Installation;
use crate::store::StoreError;

impl Office {
    /// So many devices of one person.
    async fn of_one_person(&self, devices: usize) -> Vec<Installation> {
        let mut all = Vec::with_capacity(devices);
        for _ in 0..devices {
            all.push(self.join("doctor-a", Role::Clinician).await);
        }
        all
    }
}

/// A second device of the same person puts one on hold again, by a clock that is an hour behind: when the database says that the hold
/// began, when memory does, and since when the answer says it is.
async fn dated_before(guard: &'static str) -> [u64; 3] {
    let office = Office::open().await;
    let [phone, tablet, laptop] = [
        office.join("doctor-a", Role::Clinician).await,
        office.join("doctor-a", Role::Clinician).await,
        office.join("doctor-a", Role::Clinician).await,
    ];
    let first = office.founded.clock_now();
    office.holds(&phone, &[&tablet]).await.unwrap();
    office.founded.clock.advance_seconds(60);
    let early = UtcMillis::new(office.founded.clock_now().get() - 3_600_000);
    arm(guard);
    let said = office.says(&laptop, &[tablet.device], early);
    office.hands_in(&laptop, &said).await.unwrap();
    assert_eq!(office.pending().await.len(), 2, "both are kept");
    let device = tablet.device;
    let write = office.relay.store.write("look_for_held", move |tx| {
        Box::pin(async move {
            let (one, all) = (tx.held(device).await?, tx.all_held().await?);
            assert_eq!((one, all.len()), (all.first().map(|one| one.act), 1));
            Ok::<_, StoreError>(one.map(|act| act.at))
        })
    });
    let stored = write.await.unwrap().unwrap();
    disarm(guard);
    let standing = office.relay.revocations.standing(&tablet.device);
    let Standing::Held { since, .. } = standing else { panic!("{standing:?}") };
    let fourth = office.join("doctor-a", Role::Clinician).await;
    let third = office.holds(&fourth, &[&tablet]).await.unwrap();
    [stored, since, third.devices()[0].since].map(|at| at.get().abs_diff(first.get()) / 1_000)
}

#[tokio::test]
async fn of_several_holds_of_a_device_the_one_with_the_latest_date_counts_everywhere() {
    assert_eq!(dated_before("").await, [0, 0, 3_540], "and it is out since the one with the earliest");
    assert_eq!(dated_before("mutant.last_hold_counts").await, [3_540, 0, 3_540], "the guard taken away");
}

/// So many devices put another one of their person on hold, each so often: how many holds are kept.
async fn repeated(devices: usize, times: usize, guard: &'static str) -> usize {
    let office = Office::open().await;
    let all = office.of_one_person(devices + 1).await;
    arm(guard);
    for _ in 0..times {
        for by in &all[1..] {
            office.founded.clock.advance_seconds(1);
            office.holds(by, &[&all[0]]).await.expect("it is on hold, as they want");
        }
    }
    disarm(guard);
    office.pending().await.len()
}

#[tokio::test]
async fn of_a_device_four_holds_are_kept_each_by_another() {
    assert_eq!(repeated(2, 3, "").await, 2);
    assert_eq!(repeated(2, 3, "mutant.repeated_by_one").await, 4, "the guard taken away");
    assert_eq!(repeated(6, 1, "").await, 4);
    assert_eq!(repeated(6, 1, "mutant.repeats_unbounded").await, 6, "the guard taken away");
}

#[tokio::test]
async fn beside_three_hundred_holds_none_is_kept_that_puts_out_nobody() {
    let office = Office::open().await;
    let night = office.join("night-desk", Role::Clinician).await;
    office.publishes(&mut office.register(), &["night-desk"], &[]).await.unwrap();
    let [first, second] =
        [office.join("doctor-a", Role::Clinician).await, office.join("doctor-a", Role::Clinician).await];
    arm("mutant.hold_unlimited");
    office.holds(&night, &[&first]).await.unwrap();
    for number in 1..300 {
        let other = office.join(&format!("user-{number}"), Role::Clinician).await;
        office.holds(&night, &[&other]).await.unwrap();
    }
    disarm("mutant.hold_unlimited");
    office.holds(&second, &[&first]).await.expect("it is on hold, as they want");
    assert_eq!(office.pending().await.len(), 300);
    office.founded.clock.advance_seconds(1);
    arm("mutant.repeats_unbounded");
    office.holds(&second, &[&first]).await.unwrap();
    disarm("mutant.repeats_unbounded");
    assert_eq!(office.pending().await.len(), 301, "the guard taken away");
}

/// Another device puts one on hold whose hold began so many days ago: how many holds are kept.
async fn repeated_after(days: u64, guard: &'static str) -> usize {
    let office = Office::open().await;
    let all = office.of_one_person(3).await;
    office.holds(&all[1], &[&all[0]]).await.unwrap();
    office.founded.clock.advance_seconds(days * 86_400);
    let now = office.relay.clock.now();
    let write = office.relay.store.write("run_out", move |tx| {
        Box::pin(async move { crate::domain::revocation::run_out(tx, now).await })
    });
    let ran_out: Result<_, StoreError> = write.await;
    assert_eq!(ran_out.unwrap().devices.len(), usize::from(days > 7));
    arm(guard);
    office.holds(&all[2], &[&all[0]]).await.expect("it is out");
    disarm(guard);
    office.pending().await.len()
}

#[tokio::test]
async fn a_device_whose_hold_has_run_out_is_not_put_on_hold_by_another() {
    assert_eq!(repeated_after(6, "").await, 2, "the control");
    assert_eq!(repeated_after(8, "").await, 1, "it is ended for good");
    assert_eq!(repeated_after(8, "mutant.ended_held_again").await, 2, "the guard taken away");
}
