//! Opening what the log brings: messages are decrypted, commits staged, our own recognised.

use openmls::prelude::{
    LeafNodeIndex, ProcessMessageError, ProcessedMessageContent, Proposal, Sender,
    StagedCommit as OpenMlsStagedCommit,
};
use wardline_proto::content::ConversationSettings;
use zeroize::Zeroizing;

use super::{Group, roster};
use crate::mls::{Leaf, MlsError, MlsStore, inspect, parameters};

/// What an entry was.
#[derive(Debug)]
pub enum Processed {
    /// A message of a member.
    Message {
        /// Who wrote it; MLS has verified the signature with this leaf's key.
        sender: Leaf,
        /// Its authenticated data.
        aad: Vec<u8>,
        /// What it says.
        plaintext: Zeroizing<Vec<u8>>,
    },
    /// A commit of another member, verified and ready to merge.
    Commit(Box<StagedCommit>),
    /// A message or commit that claims to be our own. MLS cannot open or verify it: any member can write our
    /// leaf into the sender field. It is ours only if its bytes are those in the outbox.
    Own,
}

/// A commit of another member, not merged yet.
pub struct StagedCommit {
    /// Who made it: the leaf before the commit.
    pub sender: Leaf,
    /// Its authenticated data.
    pub aad: Vec<u8>,
    /// Who comes in, at the places they will have.
    pub adds: Vec<Leaf>,
    /// Who goes out.
    pub removes: Vec<Leaf>,
    /// The committer's new leaf, if the commit renews it (ours always do): the certificate may be another
    /// one.
    pub updated: Option<Leaf>,
    /// The settings once it is merged; `None` if they are then missing or malformed.
    pub settings_after: Option<ConversationSettings>,
    /// Whether the commit changes the group's extensions, where the settings are.
    pub settings_changed: bool,
    /// Whether the group's extensions after it are settings and nothing of which we do not know.
    pub context_is_ours: bool,
    /// Proposals of kinds that no client of ours makes: updates by value, PSKs, re-initialisation, unknown
    /// ones.
    pub foreign_proposals: usize,
    /// All members after it.
    pub roster_after: Vec<Leaf>,
    /// Whether it removes this device.
    pub self_removed: bool,
    pub(super) staged: Box<OpenMlsStagedCommit>,
}

impl Group {
    /// Opens an entry of the log. A message uses up its key; a commit waits in the result to be merged.
    /// If the result is not stored, neither may the store be.
    ///
    /// # Errors
    /// [`MlsError::Malformed`], [`MlsError::OtherConversation`], [`MlsError::EpochPast`],
    /// [`MlsError::EpochAhead`], [`MlsError::CannotOpen`] for bad entries, with nothing changed;
    /// [`MlsError::NotActive`], [`MlsError::Store`].
    pub fn process(&mut self, store: &MlsStore, message: &[u8]) -> Result<Processed, MlsError> {
        // 1. Only what belongs to this group and epoch.
        let (header, message) = inspect::parse(message)?;
        if header.conversation != self.conversation() {
            return Err(MlsError::OtherConversation);
        }
        self.require_active()?;
        store.require_conversation(self.conversation())?;
        let (expected, actual) = (self.epoch(), header.epoch);
        match actual.cmp(&expected) {
            std::cmp::Ordering::Less => return Err(MlsError::EpochPast { expected, actual }),
            std::cmp::Ordering::Greater => return Err(MlsError::EpochAhead { expected, actual }),
            std::cmp::Ordering::Equal => {}
        }
        // 2. Open it; a failure leaves the overlay as it was.
        let before = store.checkpoint();
        let processed = self.mls.process_message(store, message).map_err(|error| {
            store.return_to(before);
            match error {
                ProcessMessageError::StorageError(error) => MlsError::Store(error),
                _ => MlsError::CannotOpen,
            }
        })?;
        // 3. Say who sent what.
        let sender = match processed.sender() {
            Sender::Member(index) => self.leaf(*index)?,
            _ => return Err(MlsError::CannotOpen),
        };
        let aad = processed.aad().to_vec();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => {
                Ok(Processed::Message { sender, aad, plaintext: Zeroizing::new(message.into_bytes()) })
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                Ok(Processed::Commit(Box::new(self.describe(sender, aad, staged))))
            }
            ProcessedMessageContent::OwnPrivateMessage | ProcessedMessageContent::OwnPendingCommit => {
                Ok(Processed::Own)
            }
            // Cannot be: proposals were refused by their header.
            _ => Err(MlsError::CannotOpen),
        }
    }

    fn leaf(&self, index: LeafNodeIndex) -> Result<Leaf, MlsError> {
        let node = self.mls.public_group().leaf(index).ok_or(MlsError::CannotOpen)?;
        Ok(Leaf::of_node(index.u32(), node))
    }

    fn describe(&self, sender: Leaf, aad: Vec<u8>, staged: Box<OpenMlsStagedCommit>) -> StagedCommit {
        let before = self.roster();
        let context = staged.group_context();
        let foreign = |proposal: &Proposal| {
            !matches!(proposal, Proposal::Add(_) | Proposal::Remove(_) | Proposal::GroupContextExtensions(_))
        };
        StagedCommit {
            aad,
            adds: roster::added(&before, &staged),
            removes: roster::removed(&before, &staged),
            updated: roster::updated(sender.index, &staged),
            settings_after: parameters::settings(context),
            settings_changed: context.extensions() != self.mls.extensions(),
            context_is_ours: parameters::is_ours(context),
            foreign_proposals: staged.queued_proposals().filter(|queued| foreign(queued.proposal())).count(),
            roster_after: roster::after(&before, &staged, sender.index),
            self_removed: staged.self_removed(),
            sender,
            staged,
        }
    }
}

impl std::fmt::Debug for StagedCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StagedCommit")
            .field("sender", &self.sender.index)
            .field("adds", &self.adds.len())
            .field("removes", &self.removes.len())
            .field("self_removed", &self.self_removed)
            .finish_non_exhaustive()
    }
}
