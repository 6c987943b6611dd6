//! What the rules need stored. Implemented by the store; runs inside its transactions.

use std::future::Future;

use bytes::Bytes;
use wardline_proto::{DeviceId, Suite, UtcMillis};

use super::{Package, Publication};
use crate::store::StoreError;

/// Reads and writes of one transaction.
pub trait KeyPackageStorage: Send {
    /// Whose package has this reference.
    fn owner(
        &mut self,
        reference: &[u8],
    ) -> impl Future<Output = Result<Option<DeviceId>, StoreError>> + Send;

    /// Whether a device is revoked or on hold.
    fn is_out(&mut self, device: DeviceId) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// How many one-time packages of `device` nobody has claimed.
    fn one_time_left(
        &mut self,
        device: DeviceId,
        suite: Suite,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Packages of `device` by a certificate that lapses before this are handed out no more.
    fn drop_earlier(
        &mut self,
        device: DeviceId,
        lapses_at: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores a package; a last-resort one replaces the one before.
    fn insert(
        &mut self,
        publication: &Publication,
        package: &Package,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What `claimer` was handed out for `request`, in the order asked.
    fn handed_out(
        &mut self,
        claimer: DeviceId,
        request: &[u8; 16],
    ) -> impl Future<Output = Result<Vec<HandedOut>, StoreError>> + Send;

    /// Takes one package of `device` whose certificate is in force at `now`: the oldest one-time, else the
    /// last-resort one. `None` if it has none.
    fn take(
        &mut self,
        device: DeviceId,
        suite: Suite,
        now: UtcMillis,
    ) -> impl Future<Output = Result<Option<Handout>, StoreError>> + Send;

    /// What `claimer` was handed out of `device` after `since` for the first time and has not used, if that can
    /// still be given: its certificate is in force at `now`, and no newer last-resort package replaced it.
    fn held(
        &mut self,
        claimer: DeviceId,
        device: DeviceId,
        suite: Suite,
        since: UtcMillis,
        now: UtcMillis,
    ) -> impl Future<Output = Result<Option<Handout>, StoreError>> + Send;

    /// Notes that it went to `claimer` for `request`, in place of what stood at that position.
    fn note(
        &mut self,
        claimer: DeviceId,
        request: &[u8; 16],
        position: usize,
        handout: &Handout,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads of one consistent view.
pub trait KeyPackageView: Send {
    /// What is left of `device`'s packages whose certificate lapses no earlier than `from`, per suite that has any.
    fn stock(
        &mut self,
        device: DeviceId,
        from: UtcMillis,
    ) -> impl Future<Output = Result<Vec<Stock>, StoreError>> + Send;
}

/// A package that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handout {
    /// Whose it is.
    pub device: DeviceId,
    /// Its suite.
    pub suite: Suite,
    /// Its KeyPackageRef.
    pub reference: Bytes,
    /// The MLSMessage.
    pub bytes: Bytes,
}

/// A package at its place in an answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOut {
    /// The place.
    pub position: usize,
    /// The package.
    pub handout: Handout,
    /// Whether a commit has used it.
    pub used: bool,
}

/// What is left of a device's packages of one suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    /// The suite.
    pub suite: Suite,
    /// One-time packages that nobody has claimed.
    pub one_time: u64,
    /// Whether there is a last-resort package that nobody has claimed.
    pub unused_last_resort: bool,
}
