//! The overlay: rows changed, in flight and kept, and which scopes were loaded at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wardline_proto::ConversationId;
use zeroize::Zeroizing;

use crate::mls::StoreError;
use crate::vault::mls_rows::{Changes, Place, Scope, Value};

/// The rows of one unit of work.
#[derive(Default)]
pub(super) struct Overlay {
    loaded: BTreeSet<Scope>,
    kept: BTreeMap<Place, Value>,
    in_flight: Layer,
    changed: Layer,
}

/// Changes on top of a lower layer; `None` deletes.
#[derive(Default, Clone)]
struct Layer {
    purged: BTreeSet<ConversationId>,
    rows: BTreeMap<Place, Option<Value>>,
}

/// What was changed at some point, to go back to.
pub(in crate::mls) struct Checkpoint(Layer);

impl Overlay {
    pub(super) fn put(&mut self, place: Place, value: Zeroizing<Vec<u8>>) -> Result<(), StoreError> {
        self.require(place.scope)?;
        self.changed.rows.insert(place, Some(Arc::new(value)));
        Ok(())
    }

    pub(super) fn delete(&mut self, place: Place) -> Result<(), StoreError> {
        self.require(place.scope)?;
        self.changed.rows.insert(place, None);
        Ok(())
    }

    pub(super) fn get(&self, place: &Place) -> Result<Option<Value>, StoreError> {
        self.require(place.scope)?;
        for layer in [&self.changed, &self.in_flight] {
            if let Some(value) = layer.rows.get(place) {
                return Ok(value.clone());
            }
            if layer.purges(place.scope) {
                return Ok(None);
            }
        }
        Ok(self.kept.get(place).cloned())
    }

    /// All rows of a kind, by key.
    pub(super) fn list(&self, scope: Scope, kind: u8) -> Result<Vec<(Place, Value)>, StoreError> {
        self.require(scope)?;
        let of_kind = |place: &&Place| place.scope == scope && place.kind == kind;
        let layered = self.in_flight.rows.keys().chain(self.changed.rows.keys());
        let places: BTreeSet<&Place> = self.kept.keys().chain(layered).filter(of_kind).collect();
        let mut rows = Vec::new();
        for place in places {
            if let Some(value) = self.get(place)? {
                rows.push((place.clone(), value));
            }
        }
        Ok(rows)
    }

    /// Every row of a conversation goes.
    pub(super) fn purge(&mut self, conversation: ConversationId) -> Result<(), StoreError> {
        let scope = Scope::Conversation(conversation);
        self.require(scope)?;
        self.changed.rows.retain(|place, _| place.scope != scope);
        self.changed.purged.insert(conversation);
        Ok(())
    }

    pub(super) fn require(&self, scope: Scope) -> Result<(), StoreError> {
        if self.loaded.contains(&scope) { Ok(()) } else { Err(StoreError::NotLoaded) }
    }

    /// Takes what the vault has of a scope; what was changed in it and not written is lost.
    pub(super) fn load(&mut self, scope: Scope, rows: Vec<(Place, Value)>) {
        self.forget(scope);
        self.kept.extend(rows);
        self.loaded.insert(scope);
    }

    pub(super) fn forget(&mut self, scope: Scope) {
        self.loaded.remove(&scope);
        self.kept.retain(|place, _| place.scope != scope);
        for layer in [&mut self.in_flight, &mut self.changed] {
            layer.rows.retain(|place, _| place.scope != scope);
            layer.purged.retain(|conversation| Scope::Conversation(*conversation) != scope);
        }
    }

    pub(super) fn is_changed(&self) -> bool {
        !(self.changed.is_empty() && self.in_flight.is_empty())
    }

    pub(super) fn drain(&mut self) -> Changes {
        let changed = std::mem::take(&mut self.changed);
        self.in_flight.cover(changed);
        Changes {
            purged: self.in_flight.purged.iter().copied().collect(),
            rows: self.in_flight.rows.iter().map(|(place, value)| (place.clone(), value.clone())).collect(),
        }
    }

    pub(super) fn confirm(&mut self) {
        let written = std::mem::take(&mut self.in_flight);
        self.kept.retain(|place, _| !written.purges(place.scope));
        for (place, value) in written.rows {
            match value {
                Some(value) => drop(self.kept.insert(place, value)),
                None => drop(self.kept.remove(&place)),
            }
        }
    }

    pub(super) fn roll_back(&mut self) {
        self.in_flight = Layer::default();
        self.changed = Layer::default();
    }

    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint(self.changed.clone())
    }

    pub(super) fn return_to(&mut self, checkpoint: Checkpoint) {
        self.changed = checkpoint.0;
    }
}

impl Layer {
    fn purges(&self, scope: Scope) -> bool {
        matches!(scope, Scope::Conversation(conversation) if self.purged.contains(&conversation))
    }

    fn is_empty(&self) -> bool {
        self.purged.is_empty() && self.rows.is_empty()
    }

    /// Lays a newer layer over this one.
    fn cover(&mut self, newer: Self) {
        self.rows.retain(|place, _| !newer.purges(place.scope));
        self.purged.extend(newer.purged);
        self.rows.extend(newer.rows);
    }
}
