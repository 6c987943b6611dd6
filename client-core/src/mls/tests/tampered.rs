//! What a changed client does: MLS messages that ours never makes.

use openmls::prelude::{
    CredentialType, Extension, ExtensionType, Extensions, ExternalSender, LeafNodeIndex, LeafNodeParameters,
    RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls_traits::OpenMlsProvider as _;

use super::ward::Device;
use crate::mls::Identity;
use crate::mls::parameters::SETTINGS_EXTENSION;

impl Device {
    /// A commit that puts another certificate into our own leaf, with our own key.
    pub(super) fn commit_with_certificate(&mut self, der: &[u8]) -> Vec<u8> {
        let identity = Identity { key: &self.key, certificate_der: der };
        let leaf =
            LeafNodeParameters::builder().with_credential_with_key(identity.credential().unwrap()).build();
        let group = self.group.as_mut().unwrap().mls_mut_for_tests();
        let bundle = group
            .commit_builder()
            .leaf_node_parameters(leaf)
            .load_psks(self.store.storage())
            .unwrap()
            .build(self.store.rand(), self.store.crypto(), &identity.signer(), |_| true)
            .unwrap()
            .stage_commit(&self.store)
            .unwrap();
        bundle.commit().to_bytes().unwrap()
    }

    /// A commit that makes the settings unreadable and lets an outsider propose.
    pub(super) fn commit_with_bad_context(&mut self) -> Vec<u8> {
        let identity = Identity { key: &self.key, certificate_der: &self.der };
        let outsider = identity.credential().unwrap();
        let required = RequiredCapabilitiesExtension::new(
            &[ExtensionType::Unknown(SETTINGS_EXTENSION)],
            &[],
            &[CredentialType::X509],
        );
        let extensions = Extensions::from_vec(vec![
            Extension::RequiredCapabilities(required),
            Extension::Unknown(SETTINGS_EXTENSION, UnknownExtension(b"\xff\xff\xff".to_vec())),
            Extension::ExternalSenders(vec![ExternalSender::new(
                outsider.signature_key,
                outsider.credential,
            )]),
        ])
        .unwrap();
        let group = self.group.as_mut().unwrap().mls_mut_for_tests();
        let bundle = group
            .commit_builder()
            .propose_group_context_extensions(extensions)
            .unwrap()
            .load_psks(self.store.storage())
            .unwrap()
            .build(self.store.rand(), self.store.crypto(), &identity.signer(), |_| true)
            .unwrap()
            .stage_commit(&self.store)
            .unwrap();
        bundle.commit().to_bytes().unwrap()
    }

    /// A proposal that travels alone.
    pub(super) fn proposal_alone(&mut self) -> Vec<u8> {
        let identity = Identity { key: &self.key, certificate_der: &self.der };
        let group = self.group.as_mut().unwrap().mls_mut_for_tests();
        let (proposal, _) =
            group.propose_remove_member(&self.store, &identity.signer(), LeafNodeIndex::new(0)).unwrap();
        group.clear_pending_proposals(&self.store).unwrap();
        proposal.to_bytes().unwrap()
    }
}
