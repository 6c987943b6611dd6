//! Wakes those who wait for an enrolment: devices for their judgement, issuers for a claim.
//!
//! A bell rings after the change is on disk; who hears it reads the database. A ring that comes before
//! anybody listens is no loss, because listeners subscribe before they read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::gauge;
use tokio::sync::{Semaphore, SemaphorePermit, broadcast};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wardline_proto::{InvitationId, UtcMillis};

/// The bell of one relay. Clones are the same one.
#[derive(Debug, Clone)]
pub struct EnrolmentBell {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// `None`: only for registrars.
    rings: broadcast::Sender<Option<InvitationId>>,
    /// For devices that wait for their judgement.
    seats: Semaphore,
    /// For issuers that wait for a claim: however many devices wait, there is somebody to judge them.
    registrar_seats: Semaphore,
    stopping: CancellationToken,
    /// Milliseconds since 1970 UTC; 0 before the first.
    registrar_seen_at: AtomicU64,
}

/// A place to wait in, until a deadline.
#[derive(Debug)]
pub struct Waiting<'a> {
    rings: broadcast::Receiver<Option<InvitationId>>,
    stopping: &'a CancellationToken,
    deadline: Option<Instant>,
    _seat: Option<Seat<'a>>,
}

#[derive(Debug)]
struct Seat<'a>(#[expect(dead_code, reason = "held for its drop")] SemaphorePermit<'a>);

impl EnrolmentBell {
    /// A bell with room for `seats` devices beside the registrars; all are sent home when `stopping` is cancelled.
    #[must_use]
    pub fn new(seats: usize, stopping: CancellationToken) -> Self {
        let (rings, _) = broadcast::channel(RINGS_KEPT);
        let (seats, registrar_seats) = (Semaphore::new(seats), Semaphore::new(REGISTRAR_SEATS));
        let registrar_seen_at = AtomicU64::new(0);
        Self { shared: Arc::new(Shared { rings, seats, registrar_seats, stopping, registrar_seen_at }) }
    }

    /// Something about this invitation's enrolment is on disk.
    pub fn ring(&self, id: InvitationId) {
        // No listeners is no error.
        drop(self.shared.rings.send(Some(id)));
    }

    /// Something is on disk that only an issuer waits for.
    pub fn ring_for_registrars(&self) {
        drop(self.shared.rings.send(None));
    }

    /// Takes a place to wait in for at most `patience`, before reading what to wait for. Without a free place
    /// the wait is over at once.
    #[must_use]
    pub fn listen(&self, patience: Duration) -> Waiting<'_> {
        self.listen_in(&self.shared.seats, patience)
    }

    /// [`EnrolmentBell::listen`] for an issuer's machine, whose places no device takes.
    #[must_use]
    pub fn listen_as_registrar(&self, patience: Duration) -> Waiting<'_> {
        self.listen_in(&self.shared.registrar_seats, patience)
    }

    fn listen_in<'a>(&'a self, seats: &'a Semaphore, patience: Duration) -> Waiting<'a> {
        let seat = if patience.is_zero() { None } else { seats.try_acquire().ok() }.map(Seat::take);
        let deadline = seat.as_ref().map(|_| Instant::now() + patience);
        let rings = self.shared.rings.subscribe();
        Waiting { rings, stopping: &self.shared.stopping, deadline, _seat: seat }
    }

    /// An issuer asked for what waits.
    pub fn registrar_seen(&self, now: UtcMillis) {
        self.shared.registrar_seen_at.fetch_max(now.get(), Ordering::Relaxed);
    }

    /// When an issuer last asked; `None` if none did since the relay started.
    #[must_use]
    pub fn registrar_seen_at(&self) -> Option<UtcMillis> {
        let millis = self.shared.registrar_seen_at.load(Ordering::Relaxed);
        (millis > 0).then(|| UtcMillis::new(millis))
    }
}

impl Waiting<'_> {
    /// Waits for a ring about one invitation. False: the time is over, or the relay stops.
    pub async fn for_invitation(&mut self, id: InvitationId) -> bool {
        self.heard(|rung| rung == Some(id)).await
    }

    /// Waits for a ring about any. False: the time is over, or the relay stops.
    pub async fn for_any(&mut self) -> bool {
        self.heard(|_| true).await
    }

    async fn heard(&mut self, meant: impl Fn(Option<InvitationId>) -> bool) -> bool {
        let Some(deadline) = self.deadline else { return false };
        let (rings, stopping) = (&mut self.rings, self.stopping);
        let ring = async {
            loop {
                match rings.recv().await {
                    Ok(id) if meant(id) => return true,
                    Ok(_) => {}
                    // Too many at once to remember them all: one may have been meant.
                    Err(broadcast::error::RecvError::Lagged(_)) => return true,
                    Err(broadcast::error::RecvError::Closed) => return false,
                }
            }
        };
        tokio::select! {
            rung = ring => rung,
            () = tokio::time::sleep_until(deadline) => false,
            () = stopping.cancelled() => false,
        }
    }
}

impl<'a> Seat<'a> {
    fn take(permit: SemaphorePermit<'a>) -> Self {
        gauge!("wardline_enrolment_waits").increment(1.0);
        Self(permit)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        gauge!("wardline_enrolment_waits").decrement(1.0);
    }
}

/// A listener that is behind by more just reads the database once more.
const RINGS_KEPT: usize = 256;

/// Each of an organisation's registrars has one call waiting, and perhaps one that was cut and is not noticed yet.
const REGISTRAR_SEATS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const A: InvitationId = InvitationId::from_bytes([1; 16]);
    const B: InvitationId = InvitationId::from_bytes([2; 16]);
    const LONG: Duration = Duration::from_secs(30);

    fn bell(seats: usize) -> EnrolmentBell {
        EnrolmentBell::new(seats, CancellationToken::new())
    }

    #[tokio::test]
    async fn a_ring_between_listening_and_waiting_is_heard() {
        let bell = bell(1);
        let mut waiting = bell.listen(LONG);
        bell.ring(A);
        assert!(waiting.for_invitation(A).await);
    }

    #[tokio::test]
    async fn a_ring_for_another_wakes_only_those_who_wait_for_any() {
        let bell = bell(2);
        let (mut mine, mut any) = (bell.listen(Duration::from_millis(20)), bell.listen(LONG));
        bell.ring(B);
        assert!(any.for_any().await);
        assert!(!mine.for_invitation(A).await, "its time is over");
    }

    #[tokio::test]
    async fn more_rings_than_are_kept_wake_everybody() {
        let bell = bell(1);
        let mut waiting = bell.listen(LONG);
        (0..=RINGS_KEPT).for_each(|_| bell.ring(B));
        assert!(waiting.for_invitation(A).await);
    }

    #[tokio::test]
    async fn without_a_free_seat_nobody_waits_and_a_seat_is_given_back() {
        let bell = bell(1);
        let first = bell.listen(LONG);
        assert!(!bell.listen(LONG).for_any().await, "at once");
        drop(first);
        let mut second = bell.listen(LONG);
        bell.ring(A);
        assert!(second.for_any().await);
    }

    #[tokio::test]
    async fn devices_that_take_all_their_seats_leave_the_registrars_theirs() {
        let bell = bell(1);
        let _device = bell.listen(LONG);
        let mut registrar = bell.listen_as_registrar(LONG);
        bell.ring(A);
        assert!(registrar.for_any().await);
        assert!(!bell.listen(LONG).for_any().await, "the control: no seat is left");
    }

    #[tokio::test]
    async fn a_stopping_relay_sends_listeners_home() {
        let stopping = CancellationToken::new();
        let bell = EnrolmentBell::new(1, stopping.clone());
        let begun = Instant::now();
        let mut waiting = bell.listen(LONG);
        stopping.cancel();
        assert!(!waiting.for_any().await);
        assert!(begun.elapsed() < LONG / 2);
    }
}
