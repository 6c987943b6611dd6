//! What the relay does with a hold of a device that is on hold already: it is kept to stand in for another that ends, and no more of them
//! than that takes.

use wardline_identity::{Role, Standing};
use wardline_proto::UtcMillis;
use wardline_proto::in_place::{arm, disarm};

use super::tests::Office;
use crate::domain::revocation::RevocationStorage as _;
use crate::founded::{Installation, reason};
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
    assert_eq!(dated_before("").await, [0, 0, 0], "and it is out since the first was taken");
    assert_eq!(dated_before("mutant.last_hold_counts").await, [3_540, 0, 0], "the guard taken away");
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

/// One statement puts out a device that was in and names one whose hold began eight days ago: what becomes of it, and whether the one
/// of before is revoked.
async fn beside_one_that_has_run_out(guard: &'static str) -> (String, bool) {
    let office = Office::open().await;
    let all = office.of_one_person(3).await;
    office.holds(&all[1], &[&all[0]]).await.unwrap();
    office.founded.clock.advance_seconds(8 * 86_400);
    arm(guard);
    let refused = office.holds(&all[1], &[&all[0], &all[2]]).await.err();
    disarm(guard);
    let revoked = matches!(office.relay.revocations.standing(&all[0].device), Standing::Revoked { .. });
    assert_eq!(office.relay.revocations.standing(&all[2].device).is_out(), refused.is_none());
    office.holds(&all[1], &[&all[2]]).await.expect("the control: it alone");
    (refused.map(|status| reason(&status)).unwrap_or_default(), revoked)
}

#[tokio::test]
async fn whose_hold_has_run_out_is_on_hold_again_by_no_statement_beside_others() {
    assert_eq!(beside_one_that_has_run_out("").await, ("HOLD_REFUSED".to_owned(), true));
    let guard = "mutant.ended_held_again";
    assert_eq!(beside_one_that_has_run_out(guard).await, (String::new(), false), "the guard taken away");
}

/// A device that had put one on hold names it again three days later, beside one that another had put on hold: when each hold began, on
/// disk and in memory, in days.
async fn named_beside_another(guard: &'static str) -> [[u64; 2]; 2] {
    let office = Office::open().await;
    let all = office.of_one_person(4).await;
    let first = office.founded.clock_now();
    office.holds(&all[0], &[&all[2]]).await.unwrap();
    office.holds(&all[1], &[&all[3]]).await.unwrap();
    office.founded.clock.advance_seconds(3 * 86_400);
    arm(guard);
    office.holds(&all[0], &[&all[2], &all[3]]).await.unwrap();
    disarm(guard);
    let mut begun = [[0; 2]; 2];
    for (days, device) in begun.iter_mut().zip([all[2].device, all[3].device]) {
        let write = office.relay.store.write("look_for_held", move |tx| {
            Box::pin(async move { Ok::<_, StoreError>(tx.held(device).await?.map(|act| act.at)) })
        });
        let Standing::Held { since, .. } = office.relay.revocations.standing(&device) else {
            panic!("it is on hold")
        };
        *days = [write.await.unwrap().unwrap(), since].map(|at| (at.get() - first.get()) / 86_400_000);
    }
    begun
}

#[tokio::test]
async fn a_hold_that_is_kept_is_kept_whole() {
    assert_eq!(named_beside_another("").await, [[3, 3], [3, 3]]);
    let in_part = named_beside_another("mutant.repeated_in_part").await;
    assert_eq!(in_part, [[0, 3], [3, 3]], "the guard taken away: the disk ends it four days earlier");
}

/// A list that was signed after a hold was taken, and before the same was said again, does not name the device: what becomes of it.
async fn left_out_before_the_second(guard: &'static str) -> Result<(), String> {
    let office = Office::open().await;
    let all = office.of_one_person(3).await;
    office.holds(&all[1], &[&all[0]]).await.unwrap();
    office.founded.clock.advance_seconds(10);
    let signed_at = office.founded.clock_now();
    office.founded.clock.advance_seconds(10);
    office.holds(&all[2], &[&all[0]]).await.unwrap();
    arm(guard);
    let published = office.publishes_signed_at(signed_at, &mut office.register(), &[], &[]).await;
    disarm(guard);
    published.map_err(|status| reason(&status))
}

#[tokio::test]
async fn a_list_names_whom_the_first_hold_has_put_out_though_it_was_repeated_since() {
    assert_eq!(left_out_before_the_second("").await, Err("HOLDS_PENDING".to_owned()));
    assert_eq!(left_out_before_the_second("mutant.last_hold_due").await, Ok(()), "the guard taken away");
}
