//! Who is shaking hands at a door, and how many of them come from one address.
//!
//! An address is an IPv4 address or an IPv6 /64: what one party has for nothing (RFC 6177). Each door has its own
//! doorstep, so that silence at one never shuts the other.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;

/// What one party has of an IPv6 address for itself.
const PREFIX: u128 = !0 << 64;

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

    fn count(&self, remote: IpAddr) -> usize {
        self.counts().get(&prefix(remote)).copied().unwrap_or(0)
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
#[derive(Debug)]
pub(super) struct Doorstep {
    places: Arc<Semaphore>,
    addresses: Addresses,
    most: usize,
}

/// A place on a doorstep; dropping it leaves.
#[derive(Debug)]
pub(super) struct Handshake {
    _place: OwnedSemaphorePermit,
    _address: AddressPlace,
}

impl Doorstep {
    pub(super) fn new(limits: &Limits) -> Self {
        let most = limits.handshakes.min(Semaphore::MAX_PERMITS);
        let addresses = Addresses::new(limits.handshakes_per_address);
        Self { places: Arc::new(Semaphore::new(most)), addresses, most }
    }

    /// A place; `None` if there is none, or none for this address.
    pub(super) fn enter(&self, remote: IpAddr) -> Option<Handshake> {
        let address = self.addresses.enter(remote)?;
        let place = self.places.clone().try_acquire_owned().ok()?;
        Some(Handshake { _place: place, _address: address })
    }

    /// Whether more than half of all places, or of this address's, are taken.
    pub(super) fn crowded(&self, remote: IpAddr) -> bool {
        self.places.available_permits() < self.most / 2
            || self.addresses.count(remote) > self.addresses.most.div_ceil(2)
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

    #[test]
    fn a_doorstep_that_one_address_fills_has_room_for_others() {
        let limits = Limits { handshakes: 8, handshakes_per_address: 2, ..Limits::default() };
        let doorstep = Doorstep::new(&limits);
        let held: Vec<_> = (0..4).filter_map(|_| doorstep.enter(ip("192.0.2.1"))).collect();
        assert_eq!(held.len(), 2);
        assert!(doorstep.crowded(ip("192.0.2.1")));
        assert!(!doorstep.crowded(ip("192.0.2.2")));
        assert!(doorstep.enter(ip("192.0.2.2")).is_some());
    }
}
