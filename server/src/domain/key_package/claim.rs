//! ClaimKeyPackages: hands out one package per device.

use std::collections::BTreeSet;

use wardline_proto::{DeviceId, Suite, UtcMillis, fault};

use super::{HandedOut, Handout, KeyPackageError, KeyPackageStorage, low_for};

/// A request for packages.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The caller.
    pub claimer: DeviceId,
    /// Chosen once per intent by the caller.
    pub request: [u8; 16],
    /// Whose packages. A device named twice is answered once.
    pub devices: Vec<DeviceId>,
    /// Of which suite.
    pub suite: Suite,
}

/// The answer, and who needs to publish more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimOutcome {
    /// One per device that has one, in the order asked.
    pub handouts: Vec<Handout>,
    /// Devices that run low now.
    pub low: Vec<DeviceId>,
}

/// Hands out one package per device; the same request gets the same packages, and so does, for an hour, another
/// request of the same caller while no commit has used them: nobody empties a device's stock by asking. A package
/// that a commit has used meanwhile opens nothing any more: the same request gets another in its place. Of a device that is
/// revoked or on hold none is handed out, whoever was given one before.
///
/// # Errors
/// Only those of the store.
pub async fn claim<S: KeyPackageStorage>(
    storage: &mut S,
    claim: &Claim,
    now: UtcMillis,
) -> Result<ClaimOutcome, KeyPackageError> {
    let mut outcome = ClaimOutcome { handouts: Vec::new(), low: Vec::new() };
    let before = storage.handed_out(claim.claimer, &claim.request).await?;
    if !before.is_empty() {
        for HandedOut { position, handout, used } in before {
            if storage.is_out(handout.device).await? && !fault::planted("mutant.package_of_revoked") {
                continue;
            }
            if used {
                hand_out(storage, claim, handout.device, position, now, &mut outcome).await?;
            } else {
                outcome.handouts.push(handout);
            }
        }
        return Ok(outcome);
    }
    let mut asked = BTreeSet::new();
    for device in claim.devices.iter().copied().filter(|device| asked.insert(*device)) {
        let position = outcome.handouts.len();
        hand_out(storage, claim, device, position, now, &mut outcome).await?;
    }
    Ok(outcome)
}

/// Adds a package of `device` to the answer, if it has one.
async fn hand_out<S: KeyPackageStorage>(
    storage: &mut S,
    claim: &Claim,
    device: DeviceId,
    position: usize,
    now: UtcMillis,
    outcome: &mut ClaimOutcome,
) -> Result<(), KeyPackageError> {
    if storage.is_out(device).await? && !fault::planted("mutant.package_of_revoked") {
        return Ok(());
    }
    let again = storage.held(claim.claimer, device, claim.suite, hour_before(now), now).await?;
    let fresh = again.is_none();
    let handout = match again {
        Some(handout) => Some(handout),
        None => storage.take(device, claim.suite, now).await?,
    };
    let Some(handout) = handout else { return Ok(()) };
    storage.note(claim.claimer, &claim.request, position, &handout, now).await?;
    outcome.handouts.push(handout);
    if fresh && low_for(storage.one_time_left(device, claim.suite).await?) {
        outcome.low.push(device);
    }
    Ok(())
}

const fn hour_before(now: UtcMillis) -> UtcMillis {
    UtcMillis::new(now.get().saturating_sub(60 * 60 * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversation::{ConversationError, WelcomeFault};
    use crate::domain::key_package::{ONE_TIME_LOW, Stock, stock};
    use crate::domain::ward::{Says, Ward, device};

    async fn left(ward: &Ward, of: u8) -> Vec<Stock> {
        let read = ward.store.read("stock", move |tx| Box::pin(stock(tx, device(of), UtcMillis::new(0))));
        let stock: Result<_, KeyPackageError> = read.await;
        stock.unwrap()
    }

    #[tokio::test]
    async fn each_one_time_package_goes_out_once_and_the_last_resort_stands_in() {
        let ward = Ward::empty().await;
        ward.publish(1, 2, 1).await.unwrap();
        let mut references = Vec::new();
        for claimer in 6..10 {
            let outcome = ward.claim(claimer, 1, &[1]).await.unwrap();
            references.push(outcome.handouts[0].reference.clone());
        }
        assert_ne!(references[0], references[1]);
        assert!(!references[..2].contains(&references[2]));
        assert_eq!(references[2], references[3], "the last resort again");
        let suite = Suite::X25519;
        assert_eq!(left(&ward, 1).await, [Stock { suite, one_time: 0, unused_last_resort: false }]);
    }

    #[tokio::test]
    async fn the_same_request_gets_the_same_packages_and_others_do_not() {
        let ward = Ward::empty().await;
        for owner in [1, 2] {
            ward.publish(owner, 5, 0).await.unwrap();
        }
        let first = ward.claim(9, 1, &[2, 3, 1, 2]).await.unwrap();
        let owners: Vec<_> = first.handouts.iter().map(|handout| handout.device).collect();
        assert_eq!(owners, [device(2), device(1)], "in the order asked, each once, none for who has none");
        let ward = ward.reopened().await;
        assert_eq!(ward.claim(9, 1, &[2, 3, 1, 2]).await.unwrap().handouts, first.handouts);
        assert_ne!(ward.claim(8, 1, &[2, 1]).await.unwrap().handouts, first.handouts);
        assert_eq!(left(&ward, 1).await[0].one_time, 3);
    }

    #[tokio::test]
    async fn packages_claimed_side_by_side_are_all_different() {
        let ward = Ward::empty().await;
        ward.publish(1, 30, 0).await.unwrap();
        let all = futures::future::join_all((0..30).map(|claimer| ward.claim(100 + claimer, 1, &[1]))).await;
        let references: BTreeSet<_> =
            all.into_iter().map(|outcome| outcome.unwrap().handouts.remove(0).reference).collect();
        assert_eq!(references.len(), 30);
        assert_eq!(ward.claim(9, 99, &[1]).await.unwrap().handouts, []);
    }

    #[tokio::test]
    async fn a_device_is_asked_for_more_below_twenty() {
        let ward = Ward::empty().await;
        ward.publish(1, usize::try_from(ONE_TIME_LOW).unwrap() + 1, 0).await.unwrap();
        assert_eq!(ward.claim(9, 1, &[1]).await.unwrap().low, []);
        assert_eq!(ward.claim(8, 2, &[1]).await.unwrap().low, [device(1)]);
    }

    #[tokio::test]
    async fn one_who_asks_and_asks_gets_the_same_unused_package_for_an_hour() {
        let ward = Ward::with(&[1]).await;
        ward.publish(2, 5, 1).await.unwrap();
        let first = ward.claim(1, 1, &[2]).await.unwrap().handouts;
        for request in 2..100 {
            assert_eq!(ward.claim(1, request, &[2]).await.unwrap().handouts, first);
            ward.pass(36);
        }
        assert_eq!(left(&ward, 2).await[0].one_time, 4);
        assert_ne!(ward.claim(8, 1, &[2]).await.unwrap().handouts, first, "the control: another asks");
        // The hour runs from the first answer, not from the last.
        ward.pass(72);
        let second = ward.claim(1, 100, &[2]).await.unwrap().handouts;
        assert_ne!(second, first, "the control: an hour later");
        assert_eq!(
            ward.claim(1, 2, &[2]).await.unwrap().handouts,
            first,
            "the same request, the same answer"
        );
    }

    #[tokio::test]
    async fn a_one_time_package_serves_one_commit_however_often_it_was_handed_out() {
        let ward = Ward::with(&[1]).await;
        ward.publish(2, 5, 0).await.unwrap();
        let package = ward.claim(1, 1, &[2]).await.unwrap().handouts.remove(0).reference;
        assert_eq!(ward.claim(1, 2, &[2]).await.unwrap().handouts[0].reference, package);
        let joins = Says { joins: &[2], roster: &[1, 2], ..Says::default() };
        ward.hand_in(ward.commit_of(1, 0, joins, vec![package.clone()])).await.unwrap();
        ward.commit(1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await.unwrap();
        let again = ward.hand_in(ward.commit_of(1, 2, joins, vec![package.clone()])).await;
        assert!(matches!(again, Err(ConversationError::Welcome(WelcomeFault::References))), "{again:?}");
        let next = ward.claim(1, 3, &[2]).await.unwrap().handouts.remove(0).reference;
        assert_ne!(next, package, "used: within the hour there is another");
        assert!(ward.hand_in(ward.commit_of(1, 2, joins, vec![next])).await.is_ok(), "the control");
    }

    #[tokio::test]
    async fn a_request_whose_package_another_of_its_callers_commits_used_gets_another() {
        let ward = Ward::with(&[1]).await;
        for owner in [2, 3] {
            ward.publish(owner, 5, 0).await.unwrap();
        }
        // Two wishes of one device, side by side: both are given the same package, one is first.
        let first = ward.claim(1, 1, &[2, 3]).await.unwrap().handouts;
        let second = ward.claim(1, 2, &[2]).await.unwrap().handouts.remove(0).reference;
        assert_eq!(second, first[0].reference);
        let joins = Says { joins: &[2], roster: &[1, 2], ..Says::default() };
        ward.hand_in(ward.commit_of(1, 0, joins, vec![second.clone()])).await.unwrap();
        ward.commit(1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await.unwrap();
        let again = ward.claim(1, 1, &[2, 3]).await.unwrap().handouts;
        assert_ne!(again[0].reference, second);
        assert_eq!(again[1], first[1], "the control: what nobody used is the same");
        assert_eq!(ward.claim(1, 1, &[2, 3]).await.unwrap().handouts, again, "and from then on");
        let both = Says { joins: &[2, 3], roster: &[1, 2, 3], ..Says::default() };
        let references = again.into_iter().map(|handout| handout.reference).collect();
        assert!(ward.hand_in(ward.commit_of(1, 2, both, references)).await.is_ok());
        let spent = ward.hand_in(ward.commit_of(1, 3, joins, vec![second])).await;
        assert!(spent.is_err(), "what was used stays used");
    }

    #[tokio::test]
    async fn a_last_resort_package_serves_a_commit_for_each_time_it_was_handed_out() {
        let ward = Ward::with(&[1]).await;
        ward.publish(2, 0, 1).await.unwrap();
        let package = ward.claim(1, 1, &[2]).await.unwrap().handouts.remove(0).reference;
        ward.claim(1, 2, &[2]).await.unwrap();
        let joins = Says { joins: &[2], roster: &[1, 2], ..Says::default() };
        for epoch in [0, 2] {
            ward.hand_in(ward.commit_of(1, epoch, joins, vec![package.clone()])).await.unwrap();
            let leaves = Says { leaves: &[2], roster: &[1], ..Says::default() };
            ward.commit(1, epoch + 1, leaves).await.unwrap();
        }
        let third = ward.hand_in(ward.commit_of(1, 4, joins, vec![package.clone()])).await;
        assert!(matches!(third, Err(ConversationError::Welcome(WelcomeFault::References))), "{third:?}");
        // Replaced: its device may have destroyed the key, so it is not given again within the hour either.
        ward.claim(1, 3, &[2]).await.unwrap();
        ward.publish(2, 0, 1).await.unwrap();
        assert_ne!(ward.claim(1, 4, &[2]).await.unwrap().handouts[0].reference, package);
    }

    #[tokio::test]
    async fn a_package_whose_certificate_lapsed_is_not_handed_out() {
        let ward = Ward::empty().await;
        ward.publish(1, 1, 1).await.unwrap();
        ward.pass(90 * 86_400);
        assert_eq!(ward.claim(9, 1, &[1]).await.unwrap().handouts, []);
    }
}
