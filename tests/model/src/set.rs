//! A set of devices.

use std::fmt;

/// A device, by its place.
pub(crate) type Device = u8;

/// Devices; there are at most eight.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Set(u8);

impl Set {
    /// Nobody.
    pub(crate) const NOBODY: Self = Self(0);

    /// The first so many.
    pub(crate) fn first(count: u8) -> Self {
        (0..count).fold(Self::NOBODY, Self::with)
    }

    /// One device.
    pub(crate) fn of(device: Device) -> Self {
        Self(1 << device)
    }

    pub(crate) fn with(self, device: Device) -> Self {
        Self(self.0 | 1 << device)
    }

    pub(crate) fn has(self, device: Device) -> bool {
        self.0 & 1 << device != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn less(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Device> {
        (0..8).filter(move |device| self.has(*device))
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
