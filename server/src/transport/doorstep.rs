//! Who is shaking hands at a door, and how many of them come from one address.
//!
//! An address is an IPv4 address or an IPv6 /64: what one party has for nothing (RFC 6177). Each door has its own
//! doorstep, so that silence at one never shuts the other.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wardline_proto::fault;

use super::Limits;

/// What one party has of an IPv6 address for itself.
const PREFIX: u128 = !0 << 64;

/// After this a handshake that goes on may lose its place to a newer one: many times what a distant client needs.
const LONG: Duration = Duration::from_secs(1);

/// Counts by address; clones are the same count.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

impl Addresses {
    /// At most so many of each address.
    pub(super) fn new(most: usize) -> Self {
        Self { counts: Arc::default(), most }
    }

    /// A place; `None` if the address has all of its own.
    pub(super) fn enter(&self, remote: IpAddr) -> Option<AddressPlace> {
        let address = prefix(remote);
        let mut counts = self.counts();
        let count = counts.get(&address).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        counts.insert(address, count + 1);
        drop(counts);
        Some(AddressPlace { address, addresses: self.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those of its address; dropping it leaves.
#[derive(Debug)]
pub(super) struct AddressPlace {
    address: IpAddr,
    addresses: Addresses,
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts();
        let left = counts.get(&self.address).map_or(0, |count| count - 1);
        if left == 0 {
            counts.remove(&self.address);
        } else {
            counts.insert(self.address, left);
        }
    }
}

/// Those who are shaking hands at one door.
///
/// Who comes to a full doorstep takes the place of one who has said nothing, else of one who has taken long: silence
/// costs its opener nothing, so it must not cost anybody else a place. Of those it is the oldest from the address
/// with the most; where an address has all of its own, from itself.
#[derive(Debug, Clone)]
pub(super) struct Doorstep {
    guests: Arc<Mutex<Guests>>,
    most: usize,
    most_of_one: usize,
}

#[derive(Debug, Default)]
struct Guests {
    last: u64,
    /// By when they came.
    present: BTreeMap<u64, Guest>,
    /// How many of each address.
    counts: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Guest {
    address: IpAddr,
    since: Instant,
    silent: bool,
    sent_away: CancellationToken,
}

/// A place on a doorstep; dropping it leaves.
#[derive(Debug)]
pub(super) struct Handshake {
    guest: u64,
    sent_away: CancellationToken,
    doorstep: Doorstep,
}

impl Doorstep {
    pub(super) fn new(limits: &Limits) -> Self {
        let (most, most_of_one) = (limits.handshakes, limits.handshakes_per_address);
        Self { guests: Arc::default(), most, most_of_one }
    }

    /// A place; `None` if there is none, or none for this address.
    pub(super) fn enter(&self, remote: IpAddr) -> Option<Handshake> {
        let address = prefix(remote);
        let mut guests = self.guests();
        let unlimited = fault::planted("mutant.doorstep");
        if guests.count(address) >= self.most_of_one && !unlimited {
            guests.send_away(Some(address))?;
        }
        if guests.present.len() >= self.most && !unlimited {
            guests.send_away(None)?;
        }
        guests.last += 1;
        let (guest, sent_away) = (guests.last, CancellationToken::new());
        let present = Guest { address, since: Instant::now(), silent: true, sent_away: sent_away.clone() };
        guests.present.insert(guest, present);
        *guests.counts.entry(address).or_default() += 1;
        drop(guests);
        Some(Handshake { guest, sent_away, doorstep: self.clone() })
    }

    /// Whether more than half of all places, or of this address's, are taken.
    pub(super) fn crowded(&self, remote: IpAddr) -> bool {
        let guests = self.guests();
        guests.present.len() * 2 > self.most || guests.count(prefix(remote)) * 2 > self.most_of_one
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        // Every change leaves the guests whole before it could panic.
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handshake {
    /// The client has said what only one who means it says.
    pub(super) fn has_spoken(&self) {
        if let Some(guest) = self.doorstep.guests().present.get_mut(&self.guest) {
            guest.silent = false;
        }
    }

    /// Resolves when the place is somebody else's.
    pub(super) async fn sent_away(&self) {
        self.sent_away.cancelled().await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.doorstep.guests().leave(self.guest);
    }
}

impl Guests {
    fn count(&self, address: IpAddr) -> usize {
        self.counts.get(&address).copied().unwrap_or(0)
    }

    /// Frees a place: one of this address's, if it is named. `None` if all have spoken and none has taken long.
    fn send_away(&mut self, of: Option<IpAddr>) -> Option<()> {
        let candidates = || self.present.iter().filter(|(_, guest)| of.is_none_or(|of| of == guest.address));
        // The oldest of the address with the most; `max_by_key` gives the last of equals, so they come backwards.
        let worst = |guests: &mut dyn DoubleEndedIterator<Item = (&u64, &Guest)>| {
            guests.rev().max_by_key(|(_, guest)| self.count(guest.address)).map(|(id, _)| *id)
        };
        let silent = worst(&mut candidates().filter(|(_, guest)| guest.silent));
        let slow = || worst(&mut candidates().filter(|(_, guest)| guest.since.elapsed() >= LONG));
        let id = silent.or_else(slow).filter(|_| !fault::planted("mutant.first_come"))?;
        let guest = self.leave(id)?;
        guest.sent_away.cancel();
        Some(())
    }

    fn leave(&mut self, id: u64) -> Option<Guest> {
        let guest = self.present.remove(&id)?;
        let left = self.count(guest.address) - 1;
        if left == 0 {
            self.counts.remove(&guest.address);
        } else {
            self.counts.insert(guest.address, left);
        }
        Some(guest)
    }
}

fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & PREFIX).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_its_places_and_no_more() {
        let addresses = Addresses::new(2);
        let (first, _second) = (addresses.enter(ip("192.0.2.1")), addresses.enter(ip("192.0.2.1")));
        assert!(addresses.enter(ip("192.0.2.1")).is_none());
        assert!(addresses.enter(ip("::ffff:192.0.2.1")).is_none(), "the same, seen by a socket for both");
        assert!(addresses.enter(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(addresses.enter(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_whole_ipv6_subnet_is_one_address() {
        let addresses = Addresses::new(1);
        let _first = addresses.enter(ip("2001:db8:0:1::1"));
        assert!(addresses.enter(ip("2001:db8:0:1:ffff::2")).is_none());
        assert!(addresses.enter(ip("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn addresses_that_left_leave_nothing_behind() {
        let addresses = Addresses::new(2);
        drop((addresses.enter(ip("192.0.2.1")), addresses.enter(ip("192.0.2.1"))));
        assert!(addresses.counts().is_empty());
    }

    fn doorstep(handshakes: usize, handshakes_per_address: usize) -> Doorstep {
        Doorstep::new(&Limits { handshakes, handshakes_per_address, ..Limits::default() })
    }

    /// Somebody who has said something.
    fn speaker(doorstep: &Doorstep, address: &str) -> Option<Handshake> {
        doorstep.enter(ip(address)).inspect(Handshake::has_spoken)
    }

    fn is_in(handshake: &Handshake) -> bool {
        !handshake.sent_away.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn a_doorstep_that_one_address_fills_has_room_for_others() {
        let doorstep = doorstep(8, 2);
        let held: Vec<_> = (0..4).filter_map(|_| speaker(&doorstep, "192.0.2.1")).collect();
        assert_eq!(held.len(), 2, "nobody is sent away who has just spoken");
        assert!(doorstep.crowded(ip("192.0.2.1")));
        assert!(!doorstep.crowded(ip("192.0.2.2")));
        assert!(doorstep.enter(ip("192.0.2.2")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_make_room_at_once_and_those_who_spoke_only_when_they_took_long() {
        let doorstep = doorstep(2, 2);
        let silent = doorstep.enter(ip("192.0.2.1")).expect("a place");
        let first = speaker(&doorstep, "192.0.2.2").expect("a place");
        let second = speaker(&doorstep, "192.0.2.3").expect("the place of the silent one");
        assert!(!is_in(&silent) && is_in(&first));
        assert!(doorstep.enter(ip("192.0.2.4")).is_none(), "both have spoken");
        tokio::time::advance(LONG).await;
        assert!(doorstep.enter(ip("192.0.2.4")).is_some());
        assert!(!is_in(&first) && is_in(&second), "the oldest goes");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_most_places_loses_one() {
        let doorstep = doorstep(4, 3);
        let single = doorstep.enter(ip("192.0.2.1")).expect("a place");
        let crowd = [(); 3].map(|()| doorstep.enter(ip("192.0.2.2")).expect("a place"));
        let own = doorstep.enter(ip("192.0.2.2")).expect("in the place of one of its own");
        assert!(!is_in(&crowd[0]) && is_in(&crowd[1]) && is_in(&single));
        let other = doorstep.enter(ip("192.0.2.3")).expect("a place");
        assert!(!is_in(&crowd[1]) && is_in(&crowd[2]) && is_in(&single), "though it has waited longest");
        drop((single, crowd, own, other));
        assert!(doorstep.guests().present.is_empty() && doorstep.guests().counts.is_empty());
    }
}
