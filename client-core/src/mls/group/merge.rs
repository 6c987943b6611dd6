//! Ending an epoch: merging a commit, another's or our own, or giving our own up.

use openmls_traits::OpenMlsProvider as _;
use wardline_proto::Epoch;

use super::{Group, StagedCommit};
use crate::mls::{MlsError, MlsStore};

impl Group {
    /// Merges a staged commit. A pending commit of ours is dropped with the epoch it was for. If it removed
    /// this device the group is inactive now: [`delete`](Group::delete) it in the same transaction.
    ///
    /// # Errors
    /// [`MlsError::StaleCommit`] with nothing changed; [`MlsError::Store`], [`MlsError::Broken`]: load the
    /// group again.
    pub fn merge_staged(&mut self, store: &MlsStore, commit: StagedCommit) -> Result<(), MlsError> {
        self.require_active()?;
        let context = commit.staged.group_context();
        let next = Epoch::new(context.epoch().as_u64());
        if context.group_id() != self.mls.group_id() || next != self.epoch().next() {
            return Err(MlsError::StaleCommit);
        }
        self.merging(store, |group| {
            group
                .mls
                .merge_staged_commit(store, *commit.staged)
                .map_err(|_| MlsError::Broken("merging a commit"))
        })
    }

    /// Merges our pending commit: the relay has accepted it.
    ///
    /// # Errors
    /// [`MlsError::NoCommitPending`]; [`MlsError::Store`], [`MlsError::Broken`]: load the group again.
    pub fn merge_pending(&mut self, store: &MlsStore) -> Result<(), MlsError> {
        self.require_pending()?;
        self.merging(store, |group| {
            group.mls.merge_pending_commit(store).map_err(|_| MlsError::Broken("merging our commit"))
        })
    }

    /// Gives our pending commit up: the relay has said that it did not win.
    ///
    /// # Errors
    /// [`MlsError::NoCommitPending`]; [`MlsError::Store`]: load the group again.
    pub fn clear_pending(&mut self, store: &MlsStore) -> Result<(), MlsError> {
        self.require_pending()?;
        Ok(self.mls.clear_pending_commit(store.storage())?)
    }

    /// A merge that fails halfway leaves no rows behind; the group in memory is unusable then.
    fn merging(
        &mut self,
        store: &MlsStore,
        merge: impl FnOnce(&mut Self) -> Result<(), MlsError>,
    ) -> Result<(), MlsError> {
        store.require_conversation(self.conversation())?;
        let before = store.checkpoint();
        merge(self).inspect_err(|_| store.return_to(before))
    }

    fn require_pending(&self) -> Result<(), MlsError> {
        if self.pending_commit() { Ok(()) } else { Err(MlsError::NoCommitPending) }
    }
}
