//! How many writes of one device may be under way: there is one writer for everybody.
//!
//! A write counts from before it is queued until it is answered, also when its caller has gone away, so that
//! nobody fills the queue by hanging up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wardline_proto::DeviceId;

/// The writes under way. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct WritePermits {
    under_way: Arc<Mutex<HashMap<DeviceId, usize>>>,
}

/// The right to one write; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct WritePermit {
    permits: WritePermits,
    device: DeviceId,
}

impl WritePermits {
    /// The right to one more write, unless the device has [`WRITES_PER_DEVICE_MAX`] under way.
    #[must_use]
    pub fn take(&self, device: DeviceId) -> Option<WritePermit> {
        let mut under_way = self.under_way();
        let count = under_way.entry(device).or_default();
        if *count >= WRITES_PER_DEVICE_MAX {
            return None;
        }
        *count += 1;
        drop(under_way);
        Some(WritePermit { permits: self.clone(), device })
    }

    fn give_back(&self, device: DeviceId) {
        let mut under_way = self.under_way();
        if let Some(count) = under_way.get_mut(&device) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&device);
            }
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<DeviceId, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WritePermit {
    fn drop(&mut self) {
        self.permits.give_back(self.device);
    }
}

/// A client waits for its answers; a few conversations side by side need a few.
pub const WRITES_PER_DEVICE_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: DeviceId = DeviceId::from_bytes([1; 16]);
    const TABLET: DeviceId = DeviceId::from_bytes([2; 16]);

    #[test]
    fn a_device_has_eight_writes_under_way_and_gets_a_place_back_with_each_answer() {
        let permits = WritePermits::default();
        let mut held: Vec<_> = (0..WRITES_PER_DEVICE_MAX).map(|_| permits.take(PHONE).unwrap()).collect();
        assert!(permits.take(PHONE).is_none());
        assert!(permits.take(TABLET).is_some(), "each device has its own");
        drop(held.pop());
        assert!(permits.take(PHONE).is_some());
        drop(held);
        assert!(permits.under_way().is_empty(), "nothing stays of those who wrote");
    }
}
