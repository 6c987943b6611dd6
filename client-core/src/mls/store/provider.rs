//! openmls' `StorageProvider` over the overlay.
//!
//! Nine objects per group have one row each and are alike; what differs stands below them. Wardline uses no
//! PSKs, no Update proposals and keeps the signature key in the vault's own table, so those are refused. Of
//! resumption PSKs, which are secrets of past epochs, an empty list is written.

use openmls::prelude::GroupId as OpenMlsGroupId;
use openmls::prelude::KeyPackageRef;
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use wardline_proto::ConversationId;

use super::MlsStore;
use crate::mls::StoreError;
use crate::mls::codec::{decode, encode};
use crate::vault::mls_rows::{Place, Scope};

const V: u16 = CURRENT_VERSION;

/// Numbers of the kinds of row; stored, so never reused.
mod kind {
    pub(super) const JOIN_CONFIG: u8 = 1;
    pub(super) const TREE: u8 = 2;
    pub(super) const INTERIM_TRANSCRIPT_HASH: u8 = 3;
    pub(super) const CONTEXT: u8 = 4;
    pub(super) const CONFIRMATION_TAG: u8 = 5;
    pub(super) const GROUP_STATE: u8 = 6;
    pub(super) const MESSAGE_SECRETS: u8 = 7;
    pub(super) const RESUMPTION_PSKS: u8 = 8;
    pub(super) const OWN_LEAF_INDEX: u8 = 9;
    pub(super) const EPOCH_SECRETS: u8 = 10;
    pub(super) const KEY_PACKAGE: u8 = 11;
    pub(super) const OWN_LEAF_NODE: u8 = 12;
    pub(super) const PROPOSAL: u8 = 13;
    pub(super) const EPOCH_KEY_PAIRS: u8 = 14;
}

/// An empty list of resumption PSKs, in openmls' own form.
#[derive(Serialize)]
struct NoResumptionPsks {
    max_number_of_secrets: usize,
    resumption_psk: [(); 0],
    cursor: usize,
}

impl MlsStore {
    fn put<T: Serialize + ?Sized>(&self, place: Place, value: &T) -> Result<(), StoreError> {
        self.overlay().put(place, encode(value)?)
    }

    fn get<T: DeserializeOwned>(&self, place: &Place) -> Result<Option<T>, StoreError> {
        let value = self.overlay().get(place)?;
        value.map(|value| decode(&value)).transpose()
    }

    fn delete(&self, place: Place) -> Result<(), StoreError> {
        self.overlay().delete(place)
    }

    fn list<T: DeserializeOwned>(&self, scope: Scope, kind: u8) -> Result<Vec<T>, StoreError> {
        let rows = self.overlay().list(scope, kind)?;
        rows.into_iter().map(|(_, value)| decode(&value)).collect()
    }

    fn delete_kind(&self, scope: Scope, kind: u8) -> Result<(), StoreError> {
        let mut overlay = self.overlay();
        overlay.list(scope, kind)?.into_iter().try_for_each(|(place, _)| overlay.delete(place))
    }

    /// Deletes a KeyPackage's private keys by its KeyPackageRef.
    pub(in crate::mls) fn forget_key_package(&self, reference: &[u8]) -> Result<(), StoreError> {
        self.delete(Place { scope: Scope::Device, kind: kind::KEY_PACKAGE, key: reference.to_vec() })
    }

    /// What is kept of a group's resumption PSKs.
    #[cfg(test)]
    pub(in crate::mls) fn resumption_row_for_tests(&self, conversation: ConversationId) -> Vec<u8> {
        let scope = Scope::Conversation(conversation);
        self.overlay().list(scope, kind::RESUMPTION_PSKS).unwrap()[0].1.to_vec()
    }

    /// The KeyPackageRefs of this device's packages that have private keys.
    pub(in crate::mls) fn key_package_references(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self.overlay().list(Scope::Device, kind::KEY_PACKAGE)?;
        Ok(rows.into_iter().map(|(place, _)| place.key).collect())
    }
}

/// The scope of a group; its id must be a conversation id.
fn scope<G: Serialize>(group_id: &G) -> Result<Scope, StoreError> {
    let group_id: OpenMlsGroupId = decode(&encode(group_id)?)?;
    let conversation = ConversationId::try_from(group_id.as_slice()).map_err(|_| StoreError::ForeignGroup)?;
    Ok(Scope::Conversation(conversation))
}

fn single<G: Serialize>(group_id: &G, kind: u8) -> Result<Place, StoreError> {
    Ok(Place { scope: scope(group_id)?, kind, key: Vec::new() })
}

fn key_package_place<K: Serialize>(reference: &K) -> Result<Place, StoreError> {
    let reference: KeyPackageRef = decode(&encode(reference)?)?;
    Ok(Place { scope: Scope::Device, kind: kind::KEY_PACKAGE, key: reference.as_slice().to_vec() })
}

fn proposal_place<G: Serialize, R: Serialize>(group_id: &G, reference: &R) -> Result<Place, StoreError> {
    Ok(Place { scope: scope(group_id)?, kind: kind::PROPOSAL, key: encode(reference)?.to_vec() })
}

fn epoch_place<G: Serialize, E: Serialize>(group_id: &G, epoch: &E, leaf: u32) -> Result<Place, StoreError> {
    let mut key = encode(epoch)?.to_vec();
    key.extend_from_slice(&leaf.to_be_bytes());
    Ok(Place { scope: scope(group_id)?, kind: kind::EPOCH_KEY_PAIRS, key })
}

/// Objects of which a group has one row each.
macro_rules! one_per_group {
    ($($write:ident, $read:ident, $delete:ident: $object:ident $kind:ident;)*) => { $(
        fn $write<GroupId: traits::GroupId<V>, T: traits::$object<V>>(
            &self,
            group_id: &GroupId,
            value: &T,
        ) -> Result<(), StoreError> {
            self.put(single(group_id, kind::$kind)?, value)
        }

        fn $read<GroupId: traits::GroupId<V>, T: traits::$object<V>>(
            &self,
            group_id: &GroupId,
        ) -> Result<Option<T>, StoreError> {
            self.get(&single(group_id, kind::$kind)?)
        }

        fn $delete<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), StoreError> {
            self.delete(single(group_id, kind::$kind)?)
        }
    )* };
}

impl StorageProvider<V> for MlsStore {
    type Error = StoreError;

    one_per_group! {
        write_mls_join_config, mls_group_join_config, delete_group_config:
            MlsGroupJoinConfig JOIN_CONFIG;
        write_tree, tree, delete_tree:
            TreeSync TREE;
        write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash:
            InterimTranscriptHash INTERIM_TRANSCRIPT_HASH;
        write_context, group_context, delete_context:
            GroupContext CONTEXT;
        write_confirmation_tag, confirmation_tag, delete_confirmation_tag:
            ConfirmationTag CONFIRMATION_TAG;
        write_message_secrets, message_secrets, delete_message_secrets:
            MessageSecrets MESSAGE_SECRETS;
        write_own_leaf_index, own_leaf_index, delete_own_leaf_index:
            LeafNodeIndex OWN_LEAF_INDEX;
        write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets:
            GroupEpochSecrets EPOCH_SECRETS;
    }

    // The trait names these type parameters in another order.
    fn write_group_state<T: traits::GroupState<V>, GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
        value: &T,
    ) -> Result<(), StoreError> {
        self.put(single(group_id, kind::GROUP_STATE)?, value)
    }

    fn group_state<T: traits::GroupState<V>, GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<T>, StoreError> {
        self.get(&single(group_id, kind::GROUP_STATE)?)
    }

    fn delete_group_state<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), StoreError> {
        self.delete(single(group_id, kind::GROUP_STATE)?)
    }

    /// Writes an empty list whatever it is given: resumption PSKs are secrets of past epochs, and nothing
    /// uses them.
    fn write_resumption_psk_store<GroupId: traits::GroupId<V>, T: traits::ResumptionPskStore<V>>(
        &self,
        group_id: &GroupId,
        _: &T,
    ) -> Result<(), StoreError> {
        let none = NoResumptionPsks { max_number_of_secrets: 0, resumption_psk: [], cursor: 0 };
        self.put(single(group_id, kind::RESUMPTION_PSKS)?, &none)
    }

    fn resumption_psk_store<GroupId: traits::GroupId<V>, T: traits::ResumptionPskStore<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<T>, StoreError> {
        self.get(&single(group_id, kind::RESUMPTION_PSKS)?)
    }

    fn delete_all_resumption_psk_secrets<GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StoreError> {
        self.delete(single(group_id, kind::RESUMPTION_PSKS)?)
    }

    fn write_signature_key_pair<K: traits::SignaturePublicKey<V>, T: traits::SignatureKeyPair<V>>(
        &self,
        _: &K,
        _: &T,
    ) -> Result<(), StoreError> {
        Err(StoreError::NotKept)
    }

    fn signature_key_pair<K: traits::SignaturePublicKey<V>, T: traits::SignatureKeyPair<V>>(
        &self,
        _: &K,
    ) -> Result<Option<T>, StoreError> {
        Ok(None)
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<V>>(&self, _: &K) -> Result<(), StoreError> {
        Ok(())
    }

    fn write_encryption_key_pair<K: traits::EncryptionKey<V>, T: traits::HpkeKeyPair<V>>(
        &self,
        _: &K,
        _: &T,
    ) -> Result<(), StoreError> {
        Err(StoreError::NotKept)
    }

    fn encryption_key_pair<T: traits::HpkeKeyPair<V>, K: traits::EncryptionKey<V>>(
        &self,
        _: &K,
    ) -> Result<Option<T>, StoreError> {
        Ok(None)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<V>>(&self, _: &K) -> Result<(), StoreError> {
        Ok(())
    }

    fn write_psk<K: traits::PskId<V>, T: traits::PskBundle<V>>(
        &self,
        _: &K,
        _: &T,
    ) -> Result<(), StoreError> {
        Err(StoreError::NotKept)
    }

    fn psk<T: traits::PskBundle<V>, K: traits::PskId<V>>(&self, _: &K) -> Result<Option<T>, StoreError> {
        Ok(None)
    }

    fn delete_psk<K: traits::PskId<V>>(&self, _: &K) -> Result<(), StoreError> {
        Ok(())
    }

    fn write_key_package<K: traits::HashReference<V>, T: traits::KeyPackage<V>>(
        &self,
        reference: &K,
        value: &T,
    ) -> Result<(), StoreError> {
        self.put(key_package_place(reference)?, value)
    }

    fn key_package<K: traits::HashReference<V>, T: traits::KeyPackage<V>>(
        &self,
        reference: &K,
    ) -> Result<Option<T>, StoreError> {
        self.get(&key_package_place(reference)?)
    }

    fn delete_key_package<K: traits::HashReference<V>>(&self, reference: &K) -> Result<(), StoreError> {
        self.delete(key_package_place(reference)?)
    }

    fn append_own_leaf_node<GroupId: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group_id: &GroupId,
        node: &T,
    ) -> Result<(), StoreError> {
        let scope = scope(group_id)?;
        let count = self.overlay().list(scope, kind::OWN_LEAF_NODE)?.len();
        let key = u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes().to_vec();
        self.put(Place { scope, kind: kind::OWN_LEAF_NODE, key }, node)
    }

    fn own_leaf_nodes<GroupId: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<T>, StoreError> {
        self.list(scope(group_id)?, kind::OWN_LEAF_NODE)
    }

    fn delete_own_leaf_nodes<GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StoreError> {
        self.delete_kind(scope(group_id)?, kind::OWN_LEAF_NODE)
    }

    fn queue_proposal<
        GroupId: traits::GroupId<V>,
        R: traits::ProposalRef<V>,
        P: traits::QueuedProposal<V>,
    >(
        &self,
        group_id: &GroupId,
        reference: &R,
        proposal: &P,
    ) -> Result<(), StoreError> {
        self.put(proposal_place(group_id, reference)?, &(reference, proposal))
    }

    fn queued_proposal_refs<GroupId: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<R>, StoreError> {
        let rows: Vec<(R, IgnoredAny)> = self.list(scope(group_id)?, kind::PROPOSAL)?;
        Ok(rows.into_iter().map(|(reference, _)| reference).collect())
    }

    fn queued_proposals<
        GroupId: traits::GroupId<V>,
        R: traits::ProposalRef<V>,
        P: traits::QueuedProposal<V>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<(R, P)>, StoreError> {
        self.list(scope(group_id)?, kind::PROPOSAL)
    }

    fn remove_proposal<GroupId: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &GroupId,
        reference: &R,
    ) -> Result<(), StoreError> {
        self.delete(proposal_place(group_id, reference)?)
    }

    fn clear_proposal_queue<GroupId: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StoreError> {
        self.delete_kind(scope(group_id)?, kind::PROPOSAL)
    }

    fn write_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        T: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &E,
        leaf: u32,
        pairs: &[T],
    ) -> Result<(), StoreError> {
        self.put(epoch_place(group_id, epoch, leaf)?, pairs)
    }

    fn encryption_epoch_key_pairs<
        GroupId: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        T: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<T>, StoreError> {
        Ok(self.get(&epoch_place(group_id, epoch, leaf)?)?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<GroupId: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        group_id: &GroupId,
        epoch: &E,
        leaf: u32,
    ) -> Result<(), StoreError> {
        self.delete(epoch_place(group_id, epoch, leaf)?)
    }
}
