//! The live connections, and how to cut them.
//!
//! A connection is entered before the last look at whether its device is in force, and a revocation marks the
//! device before it cuts: whichever comes first, no connection of a revoked device stays.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use wardline_proto::{
    DeviceId, fault,
    h3::{CloseCode, RevokedBecause},
};

use super::{ConnectionId, Limits, readers::Readers, share::Share};

/// The connections of both doors. Clones are the same table.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    last: u64,
    live: HashMap<ConnectionId, Live>,
    devices: HashMap<DeviceId, Present>,
    /// From the first stranger on.
    strangers: Option<Share>,
    /// Who came since somebody last asked who was there.
    seen: BTreeSet<DeviceId>,
    /// What clients said of themselves since then.
    said: BTreeMap<DeviceId, String>,
}

/// A device with connections.
struct Present {
    connections: BTreeSet<ConnectionId>,
    share: Share,
}

struct Live {
    device: Option<DeviceId>,
    cut: CancellationToken,
    /// For QUIC, which can say why.
    quic: Option<quinn::Connection>,
    readers: Readers,
}

impl Live {
    fn cut(&self, why: CloseCode) {
        if let Some(quic) = &self.quic {
            why.close(quic);
        }
        self.cut.cancel();
    }
}

impl Connections {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts all connections of a device; their calls end at once. Returns how many there were.
    ///
    /// Mark the device first: one that connects meanwhile is then refused by admission.
    pub fn cut_device(&self, device: &DeviceId, why: CloseCode) -> usize {
        let table = self.table();
        let connections = table.devices.get(device).into_iter().flat_map(|present| &present.connections);
        let live = connections.filter_map(|connection| table.live.get(connection));
        live.map(|live| live.cut(why)).count()
    }

    /// Cuts all connections of a device that is out; those that can are told why and since when. Returns how many there were.
    ///
    /// Mark the device first: one that connects meanwhile is then refused by admission.
    pub fn cut_revoked(&self, device: &DeviceId, because: &RevokedBecause) -> usize {
        let table = self.table();
        let connections = table.devices.get(device).into_iter().flat_map(|present| &present.connections);
        let live = connections.filter_map(|connection| table.live.get(connection));
        live.inspect(|live| {
            if let Some(quic) = &live.quic {
                because.close(quic);
            }
            live.cut.cancel();
        })
        .count()
    }

    /// The devices that had a connection since this was last asked, each once.
    #[must_use]
    pub fn take_seen(&self) -> BTreeSet<DeviceId> {
        let mut table = self.table();
        let mut seen = std::mem::take(&mut table.seen);
        seen.extend(table.devices.keys());
        seen
    }

    /// A device's client says what it is.
    pub fn says(&self, device: DeviceId, software: &str) {
        self.table().said.insert(device, software.to_owned());
    }

    /// What a device's client has said since [`take_said`](Self::take_said).
    #[must_use]
    pub fn said_by(&self, device: &DeviceId) -> Option<String> {
        self.table().said.get(device).cloned()
    }

    /// What clients said of themselves since this was last asked.
    #[must_use]
    pub fn take_said(&self) -> BTreeMap<DeviceId, String> {
        std::mem::take(&mut self.table().said)
    }

    /// Cuts one connection. Returns whether it was live.
    pub fn cut(&self, connection: ConnectionId, why: CloseCode) -> bool {
        self.table().live.get(&connection).map(|live| live.cut(why)).is_some()
    }

    /// How many connections are live.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table().live.len()
    }

    /// How many connections of a device are live.
    #[must_use]
    pub fn count_of(&self, device: &DeviceId) -> usize {
        self.table().devices.get(device).map_or(0, |present| present.connections.len())
    }

    /// Cuts all that is left.
    pub(super) fn cut_all(&self, why: CloseCode) {
        self.table().live.values().for_each(|live| live.cut(why));
    }

    /// Cuts connections with a response that has waited for its client so long. Returns how many there were.
    pub(super) fn cut_stalled(&self, patience: Duration) -> usize {
        if fault::planted("mutant.stall") {
            return 0;
        }
        let table = self.table();
        let stalled = table.live.values().filter(|live| live.readers.stalled(patience));
        stalled.map(|live| live.cut(CloseCode::Stalled)).count()
    }

    /// Enters a connection. A device with too many of them loses its oldest: what reconnects after a dead network
    /// leaves connections behind that nobody has noticed yet.
    pub(super) fn enter(
        &self,
        device: Option<DeviceId>,
        quic: Option<quinn::Connection>,
        limits: &Limits,
    ) -> Entered {
        let mut table = self.table();
        table.last += 1;
        let id = ConnectionId::new(table.last);
        let cut = CancellationToken::new();
        let share = if let Some(device) = device {
            table.seen.insert(device);
            let Present { connections, share } = table
                .devices
                .entry(device)
                .or_insert_with(|| Present { connections: BTreeSet::new(), share: Share::of_device(limits) });
            connections.insert(id);
            let (share, surplus) =
                (share.clone(), connections.len().saturating_sub(limits.connections_per_device));
            let surplus: Vec<_> = connections.iter().take(surplus).copied().collect();
            surplus
                .iter()
                .filter(|_| !fault::planted("mutant.connections_per_device"))
                .filter_map(|old| table.live.get(old))
                .for_each(|old| old.cut(CloseCode::LimitReached));
            share
        } else {
            table.strangers.get_or_insert_with(|| Share::of_strangers(limits)).clone()
        };
        let readers = Readers::default();
        table.live.insert(id, Live { device, cut: cut.clone(), quic, readers: readers.clone() });
        drop(table);
        Entered { id, cut, account: Account { share, readers }, connections: self.clone() }
    }

    fn leave(&self, id: ConnectionId) {
        let mut table = self.table();
        let Some(Live { device: Some(device), .. }) = table.live.remove(&id) else { return };
        if let Some(present) = table.devices.get_mut(&device) {
            present.connections.remove(&id);
            if present.connections.is_empty() {
                table.devices.remove(&device);
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Every change leaves the table whole before it could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("count", &self.count()).finish()
    }
}

/// What the calls of a connection are counted on.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) share: Share,
    pub(super) readers: Readers,
}

/// A place in the table; dropping it leaves.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) id: ConnectionId,
    /// Cancelled when the connection is cut.
    pub(super) cut: CancellationToken,
    /// What its calls are counted on.
    pub(super) account: Account,
    connections: Connections,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.connections.leave(self.id);
    }
}

/// A connection of a device, as a door would enter it, and what is cancelled when it is cut.
#[cfg(test)]
pub(crate) fn enter_for_tests(
    connections: &Connections,
    device: DeviceId,
) -> (impl Sized + use<>, CancellationToken) {
    let entered = connections.enter(Some(device), None, &Limits::default());
    let cut = entered.cut.clone();
    (entered, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: DeviceId = DeviceId::from_bytes([1; 16]);
    const TABLET: DeviceId = DeviceId::from_bytes([2; 16]);

    #[test]
    fn cutting_a_device_cuts_its_connections_and_no_others() {
        let (connections, limits) = (Connections::new(), Limits::default());
        let phone = [1, 2].map(|_| connections.enter(Some(PHONE), None, &limits));
        let tablet = connections.enter(Some(TABLET), None, &limits);
        let stranger = connections.enter(None, None, &limits);
        assert_eq!(connections.cut_device(&PHONE, CloseCode::Revoked), 2);
        assert!(phone.iter().all(|entered| entered.cut.is_cancelled()));
        assert!(!tablet.cut.is_cancelled() && !stranger.cut.is_cancelled());
    }

    #[test]
    fn a_device_with_too_many_connections_loses_the_oldest() {
        let limits = Limits { connections_per_device: 2, ..Limits::default() };
        let connections = Connections::new();
        let [first, second, third] = [1, 2, 3].map(|_| connections.enter(Some(PHONE), None, &limits));
        assert!(first.cut.is_cancelled());
        assert!(!second.cut.is_cancelled() && !third.cut.is_cancelled());
    }

    #[test]
    fn who_was_there_is_told_once_and_who_is_there_each_time() {
        let (connections, limits) = (Connections::new(), Limits::default());
        let stays = connections.enter(Some(PHONE), None, &limits);
        drop(connections.enter(Some(TABLET), None, &limits));
        drop(connections.enter(None, None, &limits));
        assert_eq!(connections.take_seen(), [PHONE, TABLET].into());
        assert_eq!(connections.take_seen(), [PHONE].into());
        drop(stays);
        assert_eq!(connections.take_seen(), [].into());
    }

    #[test]
    fn a_connection_that_ends_leaves_nothing_behind() {
        let (connections, limits) = (Connections::new(), Limits::default());
        let entered = connections.enter(Some(PHONE), None, &limits);
        assert_eq!((connections.count(), connections.count_of(&PHONE)), (1, 1));
        drop(entered);
        assert_eq!((connections.count(), connections.count_of(&PHONE)), (0, 0));
        assert!(connections.table().devices.is_empty());
    }
}
