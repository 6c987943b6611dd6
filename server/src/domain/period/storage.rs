//! What period secrets ask of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use wardline_proto::{Period, UtcMillis};

use super::Secret;
use crate::store::StoreError;

/// Reads of one consistent view.
pub trait PeriodView: Send {
    /// The secrets of these periods, which are in order; without those that have none.
    fn period_secrets(
        &mut self,
        periods: &[Period],
    ) -> impl Future<Output = Result<BTreeMap<Period, Secret>, StoreError>> + Send;
}

/// Writes of one transaction.
pub trait PeriodStorage: Send {
    /// The periods that have a secret.
    fn periods(&mut self) -> impl Future<Output = Result<BTreeSet<Period>, StoreError>> + Send;

    /// Keeps the secrets of periods that have none; one at least, some hundred at most.
    fn keep_period_secrets(
        &mut self,
        secrets: &[(Period, Secret)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes the secrets of periods that are over. Returns how many.
    fn end_periods(&mut self, now: UtcMillis) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
