//! Making a commit and staging it until the relay has accepted it.

use openmls::credentials::NewSignerBundle;
use openmls::prelude::{Extension, LeafNodeIndex, LeafNodeParameters, MlsMessageOut, UnknownExtension};
use openmls_traits::OpenMlsProvider as _;
use wardline_proto::{content::ConversationSettings, fault};

use super::{Group, roster};
use crate::mls::lies::GarbagePath;
use crate::mls::parameters::{self, POSITION_EXTENSION};
use crate::mls::{Identity, Leaf, LogPosition, MlsError, MlsStore, VerifiedKeyPackage};

/// What a commit is to do. With nothing in it, it renews our own keys.
#[derive(Debug, Clone)]
pub struct CommitPlan {
    /// Devices that come in. At most one package per device; a device removed in the same commit may be added
    /// anew.
    pub adds: Vec<VerifiedKeyPackage>,
    /// Leaves that go out; never our own.
    pub removes: Vec<u32>,
    /// New settings.
    pub settings: Option<ConversationSettings>,
    /// Another certificate for our leaf, DER; its key stays.
    pub certificate: Option<Vec<u8>>,
    /// Authenticated data: in the clear for the relay.
    pub aad: Vec<u8>,
    /// Where the log stands before this commit; told to those who come in.
    pub position: LogPosition,
}

/// The messages of a staged commit.
#[derive(Clone, PartialEq, Eq)]
pub struct CommitMessages {
    /// The commit, an MLSMessage (PrivateMessage).
    pub commit: Vec<u8>,
    /// The Welcome for the adds, an MLSMessage; to be published only with an accepted commit.
    pub welcome: Option<Vec<u8>>,
}

impl Group {
    /// Makes a commit and stages it: [`pending_commit`](Group::pending_commit) is true until it is merged or
    /// cleared. Write the store together with the messages before they are sent.
    ///
    /// # Errors
    /// [`MlsError::CommitPending`], [`MlsError::NotActive`], [`MlsError::IdentityMismatch`],
    /// [`MlsError::NoSuchLeaf`], [`MlsError::PlanRefused`], [`MlsError::Store`], [`MlsError::Broken`].
    /// Nothing is changed then.
    pub fn commit(
        &mut self,
        store: &MlsStore,
        identity: &Identity<'_>,
        plan: CommitPlan,
    ) -> Result<CommitMessages, MlsError> {
        self.commit_with(store, (identity, None), plan)
    }

    /// The same; with a next identity, our leaf has that one's key and certificate from the merge on. The commit itself is signed
    /// with the key that the leaf has before it, as the members verify it.
    ///
    /// # Errors
    /// As [`Group::commit`].
    pub fn commit_with(
        &mut self,
        store: &MlsStore,
        (identity, next): (&Identity<'_>, Option<&Identity<'_>>),
        plan: CommitPlan,
    ) -> Result<CommitMessages, MlsError> {
        // 1. Refuse what cannot be.
        self.require_active()?;
        self.require_own(identity)?;
        store.require_conversation(self.conversation())?;
        if self.pending_commit() {
            return Err(MlsError::CommitPending);
        }
        for leaf in &plan.removes {
            if self.mls.member_at(LeafNodeIndex::new(*leaf)).is_none() {
                return Err(MlsError::NoSuchLeaf(*leaf));
            }
        }
        // 2. Build, then stage; the overlay goes back if either fails.
        let before = store.checkpoint();
        let outcome = self.build_and_stage(store, (identity, next), plan);
        self.mls.set_aad(Vec::new());
        if outcome.is_err() {
            store.return_to(before);
        }
        outcome
    }

    fn build_and_stage(
        &mut self,
        store: &MlsStore,
        (identity, next): (&Identity<'_>, Option<&Identity<'_>>),
        plan: CommitPlan,
    ) -> Result<CommitMessages, MlsError> {
        self.mls.set_aad(plan.aad);
        let adding = !plan.adds.is_empty();
        let mut builder = self
            .mls
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(true)
            .propose_removals(plan.removes.into_iter().map(LeafNodeIndex::new))
            .propose_adds(plan.adds.into_iter().map(|verified| verified.package));
        if let Some(settings) = &plan.settings {
            builder = builder
                .propose_group_context_extensions(parameters::context_extensions(settings)?)
                .map_err(|_| MlsError::PlanRefused)?;
        }
        if let Some(certificate) = plan.certificate {
            let identity = Identity { certificate_der: &certificate, ..*identity };
            let leaf = LeafNodeParameters::builder().with_credential_with_key(identity.credential()?);
            builder = builder.leaf_node_parameters(leaf.build());
        }
        let mut builder = builder
            .load_psks(store.storage())
            .map_err(|_| MlsError::Broken("preparing a commit"))?
            .create_group_info(false)
            .use_ratchet_tree_extension(true);
        if adding {
            let position = UnknownExtension(plan.position.encode());
            builder = builder
                .create_group_info_with_extensions([Extension::Unknown(POSITION_EXTENSION, position)])
                .map_err(|_| MlsError::Broken("preparing a Welcome"))?;
        }
        let built = if let Some(next) = next {
            let signer = next.signer();
            let new = NewSignerBundle { signer: &signer, credential_with_key: next.credential()? };
            builder.build_with_new_signer(store.rand(), store.crypto(), &identity.signer(), new, |_| true)
        } else if fault::planted("member.garbage_path") {
            let crypto = GarbagePath::over(store.crypto());
            builder.build(store.rand(), &crypto, &identity.signer(), |_| true)
        } else {
            builder.build(store.rand(), store.crypto(), &identity.signer(), |_| true)
        };
        let bundle = built
            .map_err(|_| MlsError::PlanRefused)?
            .stage_commit(store)
            .map_err(|_| MlsError::Broken("staging a commit"))?;
        let (commit, welcome, _) = bundle.into_messages();
        Ok(CommitMessages { commit: encode(&commit)?, welcome: welcome.as_ref().map(encode).transpose()? })
    }

    /// The members there will be when the pending commit is merged; `None` if none is pending.
    #[must_use]
    pub fn pending_roster(&self) -> Option<Vec<Leaf>> {
        self.mls.pending_commit().map(|staged| roster::after(&self.roster(), staged, self.own_index()))
    }
}

fn encode(message: &MlsMessageOut) -> Result<Vec<u8>, MlsError> {
    message.to_bytes().map_err(|_| MlsError::Broken("encoding a commit"))
}

impl std::fmt::Debug for CommitMessages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CommitMessages({} bytes, welcome: {})", self.commit.len(), self.welcome.is_some())
    }
}
