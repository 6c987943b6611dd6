//! The tables of KeyPackages: [`KeyPackageStorage`] for the writer, [`KeyPackageView`] for readers.

pub(super) mod claims;
mod packages;

use wardline_proto::{DeviceId, Suite, UtcMillis};

use super::{ReadTx, StoreError, WriteTx, revocation::list};
use crate::domain::key_package::{
    HandedOut, Handout, KeyPackageStorage, KeyPackageView, Package, Publication, Stock,
};

impl KeyPackageStorage for WriteTx {
    async fn owner(&mut self, reference: &[u8]) -> Result<Option<DeviceId>, StoreError> {
        packages::owner(self.connection(), reference).await
    }

    async fn is_out(&mut self, device: DeviceId) -> Result<bool, StoreError> {
        list::is_out(self.connection(), device).await
    }

    async fn one_time_left(&mut self, device: DeviceId, suite: Suite) -> Result<u64, StoreError> {
        packages::one_time_left(self.connection(), device, suite).await
    }

    async fn drop_earlier(&mut self, device: DeviceId, lapses_at: UtcMillis) -> Result<(), StoreError> {
        packages::drop_earlier(self.connection(), device, lapses_at).await
    }

    async fn insert(&mut self, publication: &Publication, package: &Package) -> Result<(), StoreError> {
        packages::insert(self.connection(), publication, package).await
    }

    async fn handed_out(
        &mut self,
        claimer: DeviceId,
        request: &[u8; 16],
    ) -> Result<Vec<HandedOut>, StoreError> {
        claims::handed_out(self.connection(), claimer, request).await
    }

    async fn take(
        &mut self,
        device: DeviceId,
        suite: Suite,
        now: UtcMillis,
    ) -> Result<Option<Handout>, StoreError> {
        packages::take(self.connection(), device, suite, now).await
    }

    async fn held(
        &mut self,
        claimer: DeviceId,
        device: DeviceId,
        suite: Suite,
        since: UtcMillis,
        now: UtcMillis,
    ) -> Result<Option<Handout>, StoreError> {
        claims::held(self.connection(), claimer, (device, suite), since, now).await
    }

    async fn note(
        &mut self,
        claimer: DeviceId,
        request: &[u8; 16],
        position: usize,
        handout: &Handout,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        claims::note(self.connection(), claimer, request, position, handout, now).await
    }
}

impl WriteTx {
    /// Whose a package is, and when the certificate in it ends.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn published(&mut self, reference: &[u8]) -> Result<Option<(DeviceId, UtcMillis)>, StoreError> {
        packages::published(self.connection(), reference).await
    }
}

impl KeyPackageView for ReadTx {
    async fn stock(&mut self, device: DeviceId, from: UtcMillis) -> Result<Vec<Stock>, StoreError> {
        packages::stock(self.connection(), device, from).await
    }
}
