//! The holds that stand beside the newest list until it names their devices, and the responders whom it names.
//!
//! A list that has done anything to a device since is what counts: so a hold that was ended is not put on again by who keeps the
//! statement.

use prost::bytes::Bytes;
use wardline_proto::{DeviceId, Digest, fault};

use super::{
    PendingHold, RevocationAct, RevocationKind, RevocationList, RevocationRegister, hold::digest_of_all,
};
use crate::{HoldError, Organisation, UserId};

impl RevocationRegister {
    /// Whether the newest list names this user as one whose devices may put others on hold.
    #[must_use]
    pub fn is_responder(&self, user: &UserId) -> bool {
        self.responders().contains(user)
    }

    /// The users whom the newest list names so, ascending.
    #[must_use]
    pub fn responders(&self) -> &[UserId] {
        self.list.as_ref().map_or(&[], RevocationList::responders)
    }

    /// Takes in a hold that was verified; whether it was new.
    ///
    /// # Errors
    /// [`HoldError::Over`] if the list has named all its devices since, or before.
    pub fn hold(&mut self, hold: PendingHold) -> Result<bool, HoldError> {
        if !self.may_hold(&hold)? {
            return Ok(false);
        }
        let stand: Vec<RevocationAct> = hold.acts().filter(|act| self.stands(act)).collect();
        for act in stand {
            // Of several the latest: once a list has taken that up, none of them is put on again.
            let before = self.held.insert(act.device, act);
            if let Some(before) = before.filter(|before| before.at >= act.at) {
                self.held.insert(before.device, before);
            }
        }
        self.holds.push(hold);
        Ok(true)
    }

    /// Whether [`Self::hold`] would change anything.
    ///
    /// # Errors
    /// As there.
    pub fn may_hold(&self, hold: &PendingHold) -> Result<bool, HoldError> {
        if !hold.acts().any(|act| self.stands(&act)) {
            return Err(HoldError::Over);
        }
        Ok(!self.holds.iter().any(|known| known.digest() == hold.digest()))
    }

    /// Drops the holds whose signers' certificates are no longer good by this organisation, because their issuer was struck: no list
    /// could take them up any more. Gives the devices that are in force again by that.
    pub fn drop_struck(&mut self, organisation: &Organisation) -> Vec<DeviceId> {
        let before: Vec<DeviceId> = self.held.keys().copied().collect();
        let (dropped, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.holds).into_iter().partition(|hold| hold.is_struck(organisation));
        if dropped.is_empty() {
            self.holds = kept;
            return Vec::new();
        }
        self.held.clear();
        for hold in kept {
            // Each stood beside this list before.
            let _ = self.hold(hold);
        }
        before.into_iter().filter(|device| !self.held.contains_key(device)).collect()
    }

    /// The holds that the list does not name yet, in the order in which they came.
    #[must_use]
    pub fn holds(&self) -> &[PendingHold] {
        &self.holds
    }

    /// The hold by which alone a device is out.
    #[must_use]
    pub fn hold_of(&self, device: &DeviceId) -> Option<&PendingHold> {
        let act = self.held.get(device)?;
        self.holds.iter().find(|hold| hold.acts().any(|one| one == *act))
    }

    /// By what they are told: empty if there are none.
    #[must_use]
    pub fn holds_digest(&self) -> Bytes {
        digest_of_all(&self.holds)
    }

    /// What the next list has to begin with: the holds that no list names yet, with the issuer who signs it.
    pub fn taken_up(&self, issuer: Digest) -> impl Iterator<Item = RevocationAct> {
        self.held.values().map(move |act| RevocationAct { issuer, ..*act })
    }

    /// Whether a hold counts beside the list: nothing was done to the device, or its last hold was over before.
    fn stands(&self, act: &RevocationAct) -> bool {
        fault::planted("mutant.hold_again")
            || self
                .devices
                .get(&act.device)
                .is_none_or(|listed| listed.kind == RevocationKind::Reinstated && listed.at < act.at)
    }

    /// Forgets the holds that the list names by now.
    pub(super) fn forget_holds(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        held.retain(|_, act| self.stands(act));
        self.held = held;
        let held = &self.held;
        self.holds.retain(|hold| hold.acts().any(|act| held.contains_key(&act.device)));
    }
}
