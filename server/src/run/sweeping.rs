//! Runs the sweep now and then, while the clock can be believed and until the relay stops.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wardline_identity::RevocationList;
use wardline_proto::UtcMillis;

use crate::domain::period::{PeriodError, make_ahead};
use crate::domain::revocation::run_out;
use crate::jobs::clock_guard::{ClockGuard, Verdict};
use crate::jobs::sweep::{self, Swept};
use crate::state::Relay;
use crate::store::StoreError;

/// Sweeps until `stopping`, which also cuts a pass that is under way: the next run of the relay finishes it.
pub(super) async fn sweep_until(relay: Arc<Relay>, pause: Duration, stopping: CancellationToken) {
    let mut sweeper = Sweeper::new(relay);
    let sweeping = async {
        let mut due = Instant::now();
        loop {
            if let Err(error) = sweeper.end_periods().await {
                tracing::warn!(
                    error = &error as &dyn Error,
                    "secrets of periods that are over were not deleted"
                );
            }
            let now = sweeper.relay.clock.now();
            if Instant::now() < due {
                tokio::time::sleep(until_next(now, due.saturating_duration_since(Instant::now()))).await;
                continue;
            }
            due = Instant::now() + pause;
            match sweeper.pass().await {
                Ok(Some(swept)) => {
                    metrics::counter!("wardline_entry_bodies_dropped_total")
                        .increment(swept.expired + swept.shared);
                    tracing::debug!(?swept, "swept");
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(error = &error as &dyn Error, "the sweep was cut short"),
            }
        }
    };
    let never: Option<std::convert::Infallible> = stopping.run_until_cancelled(sweeping).await;
    debug_assert!(never.is_none());
}

/// The sweep, its clock guard and how long both have run.
struct Sweeper {
    relay: Arc<Relay>,
    begun: Instant,
    /// Absent until the last run's pass was read.
    guard: Option<ClockGuard>,
    /// The same for periods.
    periods: Option<ClockGuard>,
}

impl Sweeper {
    fn new(relay: Arc<Relay>) -> Self {
        Self { relay, begun: Instant::now(), guard: None, periods: None }
    }

    /// One pass; `None` if the clock is not believed: then nothing was deleted.
    async fn pass(&mut self) -> Result<Option<Swept>, StoreError> {
        let store = &self.relay.store;
        let mut guard = match self.guard.take() {
            Some(guard) => guard,
            None => {
                let last =
                    store.read("last_pass", |tx| Box::pin(async move { tx.last_pass(SWEEP).await })).await?;
                ClockGuard::since(last)
            }
        };
        let (now, running) = (self.relay.clock.now(), self.begun.elapsed());
        let verdict = guard.judge(now, running, self.relay.devices.newest_signed_time());
        let guard = self.guard.insert(guard);
        match verdict {
            Verdict::Go => {}
            Verdict::GoOn => tracing::info!("the clock is believed again: the sweep goes on"),
            Verdict::Hold { ahead } => {
                tracing::warn!(
                    ahead_seconds = ahead.as_secs(),
                    "the clock has jumped ahead: nothing is deleted until it is right, or until an issuer \
                     certifies a device at this time"
                );
                return Ok(None);
            }
            Verdict::HoldOn => return Ok(None),
        }
        Self::end_holds(&self.relay, now).await?;
        let swept = sweep::run_once(store, now).await?;
        store
            .write("note_pass", move |tx| Box::pin(async move { tx.note_pass(SWEEP, now).await }))
            .await
            .map_err(|error: StoreError| error)?;
        guard.passed(now, running);
        Ok(Some(swept))
    }

    /// Deletes the secrets of periods that are over, and makes those to come; `None` if the clock is not believed: then nothing was deleted. None
    /// of a period that is over is handed out all the same.
    async fn end_periods(&mut self) -> Result<Option<u64>, StoreError> {
        let store = &self.relay.store;
        let mut guard = match self.periods.take() {
            Some(guard) => guard,
            None => {
                let last = store.read("last_pass", |tx| Box::pin(async move { tx.last_pass(PERIODS).await }));
                ClockGuard::strict(last.await?)
            }
        };
        let (now, running) = (self.relay.clock.now(), self.begun.elapsed());
        let verdict = guard.judge(now, running, signed_time(&self.relay));
        let guard = self.periods.insert(guard);
        match verdict {
            Verdict::Go | Verdict::GoOn => {}
            Verdict::Hold { ahead } => {
                tracing::warn!(
                    ahead_seconds = ahead.as_secs(),
                    "the clock has jumped ahead: no secrets of periods are deleted until it is right, or until an issuer \
                     has signed a list or a certificate at this time"
                );
                return Ok(None);
            }
            Verdict::HoldOn => return Ok(None),
        }
        let ended = sweep::end_periods(store, now).await?;
        make_periods(&self.relay, now).await;
        store
            .write("note_pass", move |tx| Box::pin(async move { tx.note_pass(PERIODS, now).await }))
            .await
            .map_err(|error: StoreError| error)?;
        guard.passed(now, running);
        Ok(Some(ended))
    }

    /// Holds that have run out are carried out for good, which a clock that is ahead must not do either.
    async fn end_holds(relay: &Relay, now: UtcMillis) -> Result<(), StoreError> {
        let ended = relay
            .store
            .write("end_holds", move |tx| Box::pin(async move { run_out(tx, now).await }))
            .await
            .map_err(|error: StoreError| error)?;
        ended.refused.iter().for_each(|invitation| relay.enrolments.ring(*invitation));
        for device in ended.devices {
            tracing::info!(device.id = %device, "a hold has run out: the device is revoked for good");
        }
        Ok(())
    }
}

/// Makes the secrets of periods to come. What fails now is made when a device asks.
async fn make_periods(relay: &Relay, now: UtcMillis) {
    let entropy = Arc::clone(&relay.entropy);
    let made = relay
        .store
        .write("make_periods", move |tx| Box::pin(async move { make_ahead(tx, &*entropy, now).await }))
        .await;
    if let Err(error) = made.map_err(|error: PeriodError| error) {
        tracing::warn!(error = &error as &dyn Error, "no secrets were made for periods to come");
    }
}

/// How long until the next look: periods end at whole minutes, and their secrets with them.
fn until_next(now: UtcMillis, due: Duration) -> Duration {
    const MINUTE: u64 = 60_000;
    due.min(Duration::from_millis(MINUTE - now.get() % MINUTE))
}

/// The newest time that an issuer has signed: in a certificate, or in the list of revoked devices, which is signed again every hour.
fn signed_time(relay: &Relay) -> Option<UtcMillis> {
    let listed = relay.revocations.list().and_then(|list| RevocationList::stored(list).ok());
    relay.devices.newest_signed_time().max(listed.map(|list| list.signed_at()))
}

/// The jobs' names in the database.
const SWEEP: &str = "sweep";
const PERIODS: &str = "periods";

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use wardline_identity::RevocationKind;
    use wardline_proto::DeviceId;
    use wardline_proto::relay::enrolment_service_server::EnrolmentService as _;
    use wardline_proto::relay::registrar_service_server::RegistrarService as _;
    use wardline_proto::relay::revocation_service_server::RevocationService as _;
    use wardline_proto::relay::{EnrolRequest, EnrolmentState, PublishInvitationRequest};

    use super::*;
    use crate::domain::period::PeriodStorage as _;
    use crate::domain::revocation::RevocationStorage as _;
    use crate::founded::{Founded, from_device, from_stranger, greeting};
    use crate::service::enrolment::Enrolment;
    use crate::service::registrar::Registrar;
    use crate::service::revocation::Revocation;

    const DAY: u64 = 86_400;

    async fn sweeper(founded: &Founded) -> Sweeper {
        Sweeper::new(founded.relay().await)
    }

    /// As after a restart of the relay.
    async fn restarted(sweeper: Sweeper, founded: &Founded) -> Sweeper {
        sweeper.relay.store.close().await;
        Sweeper::new(founded.relay().await)
    }

    async fn stored(sweeper: &Sweeper) -> Option<UtcMillis> {
        let read = sweeper.relay.store.read("last_pass", |tx| Box::pin(tx.last_pass(SWEEP)));
        let last: Result<_, StoreError> = read.await;
        last.unwrap()
    }

    #[tokio::test]
    async fn a_clock_that_jumps_deletes_nothing_until_it_is_right() {
        let founded = Founded::new();
        let mut sweeper = sweeper(&founded).await;
        // The founder's certificate is an issuer's word for the time: an hour later it is none any more.
        assert!(sweeper.pass().await.unwrap().is_some());
        founded.clock.advance_seconds(3_000);
        assert!(sweeper.pass().await.unwrap().is_some(), "the control: less than an hour");
        let before = founded.clock_now();
        founded.clock.advance_seconds(DAY);
        assert_eq!(sweeper.pass().await.unwrap(), None);
        assert_eq!(sweeper.pass().await.unwrap(), None, "also the next time");
        assert_eq!(stored(&sweeper).await, Some(before));
        founded.clock.set(before.plus_seconds(60));
        assert!(sweeper.pass().await.unwrap().is_some(), "the control: it is right again");
        assert_eq!(stored(&sweeper).await, Some(before.plus_seconds(60)));
    }

    /// How many periods have a secret.
    async fn secrets(sweeper: &Sweeper) -> usize {
        let read = sweeper.relay.store.write("periods", |tx| Box::pin(async move { tx.periods().await }));
        let periods: Result<_, StoreError> = read.await;
        periods.unwrap().len()
    }

    #[tokio::test]
    async fn secrets_of_periods_are_made_ahead_and_deleted_by_a_clock_that_is_believed_also_after_a_restart()
    {
        let founded = Founded::new();
        let mut first = sweeper(&founded).await;
        assert_eq!(first.end_periods().await.unwrap(), Some(0));
        let made = secrets(&first).await;
        assert!(made > 6_000, "{made}");
        founded.clock.advance_seconds(600);
        assert_eq!(first.end_periods().await.unwrap(), Some(10), "the control");
        assert!(secrets(&first).await.abs_diff(made) < 3, "as many as before");
        founded.clock.advance_seconds(2 * 3_600 + DAY);
        let mut second = restarted(first, &founded).await;
        assert_eq!(second.end_periods().await.unwrap(), None, "nobody has signed that time");
        let list = founded.first_list(DeviceId::from_bytes([9; 16]), RevocationKind::Held);
        let calls = Revocation::new(Arc::clone(&second.relay));
        calls.publish_revocation_list(from_device(list, &founded, &founded.founder)).await.unwrap();
        assert!(second.end_periods().await.unwrap() > Some(1_000), "an issuer has");
    }

    #[test]
    fn a_look_comes_at_each_whole_minute() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(until_next(UtcMillis::new(59_990), hour), Duration::from_millis(10));
        assert_eq!(until_next(UtcMillis::new(60_000), hour), Duration::from_secs(60));
        assert_eq!(until_next(UtcMillis::new(60_000), Duration::from_secs(1)), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn the_last_pass_is_remembered_across_a_restart() {
        let founded = Founded::new();
        let mut first = sweeper(&founded).await;
        first.pass().await.unwrap().unwrap();
        founded.clock.advance_seconds(29 * DAY);
        let mut second = restarted(first, &founded).await;
        assert!(second.pass().await.unwrap().is_some(), "the control: off for a month");
        founded.clock.advance_seconds(31 * DAY);
        let mut third = restarted(second, &founded).await;
        assert_eq!(third.pass().await.unwrap(), None);
        // An issuer signs at this time.
        let phone = founded.certify_later("doctor-a");
        let certificate = founded.organisation();
        let certificate =
            certificate.verify_device(&phone.certificate, wardline_identity::DateCheck::Skip).unwrap();
        third.relay.devices.insert(certificate);
        assert!(third.pass().await.unwrap().is_some());
    }

    /// How many holds are not carried out for good.
    async fn holds(relay: &Relay) -> usize {
        let read = relay.store.write("holds", |tx| Box::pin(async move { tx.holds().await }));
        let holds: Result<Vec<_>, StoreError> = read.await;
        holds.unwrap().len()
    }

    #[tokio::test]
    async fn a_hold_is_carried_out_for_good_when_it_has_run_out_by_a_clock_that_is_believed() {
        let founded = Founded::new();
        let mut sweeper = sweeper(&founded).await;
        let calls = Revocation::new(Arc::clone(&sweeper.relay));
        let held = founded.first_list(DeviceId::from_bytes([9; 16]), RevocationKind::Held);
        calls.publish_revocation_list(from_device(held, &founded, &founded.founder)).await.unwrap();
        sweeper.pass().await.unwrap().unwrap();
        assert_eq!(holds(&sweeper.relay).await, 1, "the control: it has not run out");
        founded.clock.advance_seconds(8 * DAY);
        assert_eq!(sweeper.pass().await.unwrap(), None);
        assert_eq!(holds(&sweeper.relay).await, 1, "the clock has jumped");
        // An issuer signs at this time.
        let phone = founded.certify_later("doctor-a");
        let organisation = founded.organisation();
        let certificate = organisation.verify_device(&phone.certificate, wardline_identity::DateCheck::Skip);
        sweeper.relay.devices.insert(certificate.unwrap());
        assert!(sweeper.pass().await.unwrap().is_some());
        assert_eq!(holds(&sweeper.relay).await, 0);
    }

    #[tokio::test]
    async fn who_waits_with_the_id_of_a_device_whose_hold_runs_out_is_told_at_once() {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let (invitation, record) = founded.invite("doctor-a");
        let publish = PublishInvitationRequest { record: Some(record.clone()) };
        let registrar = Registrar::new(Arc::clone(&relay));
        registrar.publish_invitation(from_device(publish, &founded, &founded.founder)).await.unwrap();
        let claimant = founded.claimant();
        let request = |wait_seconds| EnrolRequest {
            greeting: greeting(),
            invitation_id: invitation.id().to_wire(),
            claim: Some(founded.claim(&invitation, &record, &claimant, [7; 32])),
            wait_seconds,
        };
        let enrolment = Enrolment::new(Arc::clone(&relay));
        let waiting = enrolment.enrol(from_stranger(request(0), [7; 32])).await.unwrap().into_inner();
        assert_eq!(waiting.state(), EnrolmentState::Waiting, "the control");
        let calls = Revocation::new(Arc::clone(&relay));
        let held = founded.first_list(claimant.device, RevocationKind::Held);
        calls.publish_revocation_list(from_device(held, &founded, &founded.founder)).await.unwrap();
        let ends = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = founded.clock_now().plus_seconds(8 * DAY);
            Sweeper::end_holds(&relay, now).await.unwrap();
        };
        let waits = enrolment.enrol(from_stranger(request(30), [7; 32]));
        let soon = tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(waits, ends) }).await;
        assert_eq!(soon.expect("at once").0.unwrap().into_inner().state(), EnrolmentState::Refused);
    }

    #[tokio::test]
    async fn a_stopping_relay_does_not_wait_for_a_pass_to_end() {
        let founded = Founded::new();
        let relay = founded.relay().await;
        // The writer is busy with something else: the pass waits for its turn.
        let (release, released) = oneshot::channel::<()>();
        let (begun, began) = oneshot::channel();
        let store = relay.store.clone();
        let busy = tokio::spawn(async move {
            let write = store.write("busy", move |_| {
                Box::pin(async move {
                    begun.send(()).unwrap();
                    drop(released.await);
                    Ok::<_, StoreError>(())
                })
            });
            write.await
        });
        began.await.unwrap();
        let stopping = CancellationToken::new();
        let sweeping =
            tokio::spawn(sweep_until(Arc::clone(&relay), Duration::from_millis(1), stopping.clone()));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!sweeping.is_finished(), "the control: it is under way");
        stopping.cancel();
        tokio::time::timeout(Duration::from_secs(5), sweeping).await.unwrap().unwrap();
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
    }
}
