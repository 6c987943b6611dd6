//! Claims about the secrets of periods: whose they are, until when they are handed out, and that nothing is left of them then.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::Status;
use wardline_identity::RevocationKind;
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::GetPeriodSecretsRequest;
use wardline_proto::relay::revocation_service_server::RevocationService as _;
use wardline_proto::relay::unlock_service_server::UnlockService as _;
use wardline_proto::{Period, UtcMillis};

use super::Unlocking;
use crate::domain::period::{PeriodView as _, ends_ahead};
use crate::founded::{Founded, Installation, from_device, reason};
use crate::jobs::sweep;
use crate::service::revocation::Revocation;
use crate::state::Relay;
use crate::store::StoreError;

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

struct Scene {
    founded: Founded,
    relay: Arc<Relay>,
    calls: Unlocking,
    phone: Installation,
}

impl Scene {
    async fn set() -> Self {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let phone = founded.certify_later("doctor-a");
        founded.know(&relay, &phone).await;
        let calls = Unlocking::new(Arc::clone(&relay));
        Self { founded, relay, calls, phone }
    }

    /// The whole minute in so many seconds.
    fn end(&self, seconds: u64) -> u64 {
        let at = self.founded.clock_now().plus_seconds(seconds).get();
        at - at % 60_000
    }

    async fn asks(&self, device: &Installation, ends: &[u64]) -> Result<BTreeMap<u64, Vec<u8>>, Status> {
        let request = GetPeriodSecretsRequest { period_ends_ms: ends.to_vec() };
        let answer = self.calls.get_period_secrets(from_device(request, &self.founded, device)).await?;
        let secrets = answer.into_inner().secrets.into_iter();
        Ok(secrets.map(|one| (one.period_ends_ms, one.secret.to_vec())).collect())
    }

    async fn passes(&self, seconds: u64) {
        self.founded.clock.advance_seconds(seconds);
        sweep::end_periods(&self.relay.store, self.founded.clock_now()).await.unwrap();
    }
}

#[tokio::test]
async fn a_period_has_one_secret_a_device_until_it_is_over() {
    let scene = Scene::set().await;
    let other = scene.founded.certify_later("nurse-b");
    scene.founded.know(&scene.relay, &other).await;
    let ends = [scene.end(10 * MINUTE), scene.end(11 * MINUTE)];
    let first = scene.asks(&scene.phone, &ends).await.unwrap();
    assert_eq!(first.len(), 2);
    assert_eq!(scene.asks(&scene.phone, &ends).await.unwrap(), first, "the same again");
    let others = scene.asks(&other, &ends).await.unwrap();
    let all: std::collections::BTreeSet<_> = first.values().chain(others.values()).collect();
    assert_eq!(all.len(), 4, "each its own");
    scene.founded.clock.set(UtcMillis::new(ends[0] - 1));
    assert_eq!(scene.asks(&scene.phone, &ends).await.unwrap(), first, "the control: a moment before");
    scene.founded.clock.set(UtcMillis::new(ends[0]));
    assert_eq!(scene.asks(&scene.phone, &ends).await.unwrap().keys().collect::<Vec<_>>(), [&ends[1]]);
    arm("mutant.period_outlived");
    assert_eq!(scene.asks(&scene.phone, &ends).await.unwrap(), first, "the guard taken away");
    disarm("mutant.period_outlived");
}

/// What a relay gives out of a period that is over, if it refuses nothing.
async fn left_after(guard: &'static str) -> usize {
    let scene = Scene::set().await;
    let end = scene.end(10 * MINUTE);
    assert_eq!(scene.asks(&scene.phone, &[end]).await.unwrap().len(), 1, "the control");
    arm(guard);
    scene.passes(10 * MINUTE).await;
    disarm(guard);
    arm("mutant.period_outlived");
    let left = scene.asks(&scene.phone, &[end]).await.unwrap().len();
    disarm("mutant.period_outlived");
    left
}

#[tokio::test]
async fn when_a_period_is_over_its_secret_is_deleted() {
    assert_eq!(left_after("").await, 0);
    assert_eq!(left_after("mutant.period_secret_kept").await, 1, "the guard taken away");
}

#[tokio::test]
async fn a_deleted_secret_is_in_no_file() {
    let scene = Scene::set().await;
    let period = scene.end(10 * MINUTE);
    scene.asks(&scene.phone, &[period]).await.unwrap();
    let period = Period::ending(UtcMillis::new(period)).unwrap();
    let read = scene
        .relay
        .store
        .read("secret", move |tx| Box::pin(async move { tx.period_secrets(&[period]).await }));
    let read: Result<_, StoreError> = read.await;
    let secret = *read.unwrap()[&period].to_bytes();
    let on_disk = || {
        let file = scene.founded.data().database();
        let files = [file.clone(), file.with_extension("sqlite-wal")];
        let held = |bytes: Vec<u8>| bytes.windows(secret.len()).any(|window| window == secret);
        files.into_iter().any(|file| std::fs::read(file).map(held).unwrap_or(false))
    };
    assert!(on_disk(), "the control: it was there");
    scene.passes(10 * MINUTE).await;
    assert!(!on_disk());
}

#[tokio::test]
async fn nothing_is_handed_out_further_ahead_than_any_message_may_live() {
    let scene = Scene::set().await;
    let far = [scene.end(5 * DAY) / 3_600_000 * 3_600_000 + 60_000, scene.end(400 * DAY)];
    assert_eq!(scene.asks(&scene.phone, &far).await.unwrap(), BTreeMap::new());
    let near = [scene.end(3 * DAY), scene.end(30 * DAY) / 3_600_000 * 3_600_000];
    assert_eq!(scene.asks(&scene.phone, &near).await.unwrap().len(), 2, "the control");
}

#[tokio::test]
async fn whoever_comes_back_from_a_copy_of_three_days_ago_has_the_secrets_of_what_came_since() {
    let now = UtcMillis::new(1_800_000_000_000);
    let made = ends_ahead(now);
    assert!(made.len() < 7_000, "{}", made.len());
    let later = now.plus_seconds(3 * DAY);
    for life in [300, DAY, DAY + 1, 30 * DAY, 30 * DAY + 1, 365 * DAY] {
        for sent in [now, later] {
            let end = wardline_proto::expiry(sent, u32::try_from(life).unwrap());
            let period = wardline_proto::Period::ending(end).unwrap();
            assert!(made.binary_search(&period).is_ok(), "{life} s from {sent:?}");
        }
    }
}

#[tokio::test]
async fn a_device_that_is_out_gets_no_secrets() {
    let scene = Scene::set().await;
    let end = scene.end(10 * MINUTE);
    assert_eq!(scene.asks(&scene.phone, &[end]).await.unwrap().len(), 1, "the control");
    let revocation = Revocation::new(Arc::clone(&scene.relay));
    let list = scene.founded.first_list(scene.phone.device, RevocationKind::Held);
    let list = from_device(list, &scene.founded, &scene.founded.founder);
    revocation.publish_revocation_list(list).await.unwrap();
    assert_eq!(reason(&scene.asks(&scene.phone, &[end]).await.unwrap_err()), "DEVICE_REVOKED");
    // A call that had begun before the list.
    let late = async || {
        let period = Period::ending(UtcMillis::new(end)).unwrap();
        super::period_secrets::of(&scene.relay, scene.phone.device, &[period]).await
    };
    assert_eq!(reason(&late().await.unwrap_err()), "DEVICE_REVOKED");
    arm("mutant.secrets_after");
    assert_eq!(late().await.unwrap().len(), 1, "the guard taken away");
    disarm("mutant.secrets_after");
}
