//! An entry of the record: an act, and when the relay took it.

use prost::bytes::Bytes;
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, Epoch, InvitationId, UtcMillis};

use super::RemovalConfirmation;
use crate::{RevocationAct, Role, UserId};

/// An entry. Its signed parts are claims until somebody checks them: the record says that they came, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordEntry {
    /// By the relay's clock.
    pub at: UtcMillis,
    /// What was done.
    pub act: RecordAct,
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RecordAct {
    /// A list of issuers was taken.
    IssuersListTaken {
        /// As the root signed it.
        list: SignedStatement,
    },
    /// An invitation was published.
    InvitationPublished {
        /// Which.
        invitation: InvitationId,
        /// SHA-256 of the record as it was signed.
        record: Digest,
        /// Who is invited.
        user: UserId,
        /// As what.
        role: Role,
        /// SHA-256 of the certificate of the issuer who signed it.
        issuer: Digest,
        /// The device that published it.
        by: DeviceId,
        /// The device that the invited one replaces.
        replaces: Option<DeviceId>,
    },
    /// An invitation was withdrawn.
    InvitationWithdrawn {
        /// Which.
        invitation: InvitationId,
        /// The device that did it; `None`: the relay, because its issuer was struck.
        by: Option<DeviceId>,
    },
    /// A device was certified.
    DeviceCertified {
        /// Which.
        device: DeviceId,
        /// Whose it is.
        user: UserId,
        /// What it may do.
        role: Role,
        /// SHA-256 of its certificate.
        certificate: Digest,
        /// SHA-256 of the certificate of the issuer who signed that.
        issuer: Digest,
        /// The device that handed it in; `None`: it came with the relay's bundle or an issuers' list.
        by: Option<DeviceId>,
    },
    /// An enrolment was refused.
    EnrolmentRefused {
        /// By which invitation.
        invitation: InvitationId,
        /// The device that asked.
        device: DeviceId,
        /// The device that refused it; `None`: the relay, because the device id is revoked, or in use, or
        /// the invitation's issuer was struck.
        by: Option<DeviceId>,
    },
    /// A revocation list is in force.
    ListInForce {
        /// As an issuer signed it.
        list: SignedStatement,
        /// What was new in it.
        acts: Vec<RevocationAct>,
        /// The relay's signed answer.
        answer: SignedStatement,
        /// The certificate that verifies the answer.
        relay_certificate: Bytes,
    },
    /// Devices were put on hold by a statement of another device.
    DevicesHeld {
        /// Which.
        devices: Vec<DeviceId>,
        /// What was said.
        statement: SignedStatement,
        /// The certificate of the device that signed it.
        certificate: Bytes,
        /// The relay's signed answer.
        answer: SignedStatement,
        /// The certificate that verifies the answer.
        relay_certificate: Bytes,
    },
    /// The relay's own next certificates were handed in.
    RelayCertified {
        /// SHA-256 of the certificate of its Ed25519 key, and of its P-256 key.
        certificates: [Digest; 2],
        /// SHA-256 of the certificate of the issuer who signed both.
        issuer: Digest,
        /// The device that handed them in.
        by: DeviceId,
    },
    /// Passcodes were tried at a device's vault, which was not opened since.
    VaultTried {
        /// Whose vault it is.
        device: DeviceId,
        /// How many tries count by now.
        tries: u32,
        /// It was one too many: nothing opens the vault any more.
        closed: bool,
    },
    /// A device is out of a conversation that it had to leave.
    RemovalClosed {
        /// The device.
        device: DeviceId,
        /// The conversation.
        conversation: ConversationId,
        /// The list that named it.
        list_number: u64,
        /// How; `None` where the hold ended first, or all in the conversation were revoked.
        commit: Option<ClosingCommit>,
    },
    /// A second member has confirmed that devices are out.
    RemovalConfirmed {
        /// What it says.
        confirmation: RemovalConfirmation,
        /// As it was signed.
        statement: SignedStatement,
        /// The certificate that verifies it.
        certificate: Bytes,
    },
    /// A log was closed.
    LogClosed {
        /// Which.
        conversation: ConversationId,
        /// The commit that could not be followed; 0 where all in it were revoked, or its maker let nobody in.
        number: EntryNumber,
        /// The reports that closed it.
        reports: Vec<SignedStatement>,
    },
    /// A closed log goes on.
    SuccessorNamed {
        /// The closed one.
        conversation: ConversationId,
        /// The one that goes on.
        successor: ConversationId,
        /// The device that made it.
        by: DeviceId,
    },
}

/// The commit by which a device went out.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosingCommit {
    /// The log that has it: the conversation's, or its successor's.
    pub log: ConversationId,
    /// Its number there.
    pub number: EntryNumber,
    /// The epoch it ended.
    pub epoch: Epoch,
    /// SHA-256 of its MLS message.
    pub sha256: Digest,
    /// A `CommitAuthor` signed by the member who made it.
    pub author: SignedStatement,
    /// The certificate that verifies it.
    pub author_certificate: Bytes,
}

impl RecordAct {
    /// The word for it, in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::IssuersListTaken { .. } => "issuers_list_taken",
            Self::InvitationPublished { .. } => "invitation_published",
            Self::InvitationWithdrawn { .. } => "invitation_withdrawn",
            Self::DeviceCertified { .. } => "device_certified",
            Self::EnrolmentRefused { .. } => "enrolment_refused",
            Self::ListInForce { .. } => "list_in_force",
            Self::DevicesHeld { .. } => "devices_held",
            Self::RelayCertified { .. } => "relay_certified",
            Self::VaultTried { .. } => "vault_tried",
            Self::RemovalClosed { .. } => "removal_closed",
            Self::RemovalConfirmed { .. } => "removal_confirmed",
            Self::LogClosed { .. } => "log_closed",
            Self::SuccessorNamed { .. } => "successor_named",
        }
    }

    /// The devices that it names by their ids, ascending: whom it is about, and who did it. What only a certificate or a
    /// statement's signer names is not among them.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceId> {
        let mut devices: Vec<DeviceId> = match self {
            Self::IssuersListTaken { .. } | Self::LogClosed { .. } => Vec::new(),
            Self::InvitationPublished { by, replaces, .. } => {
                [Some(*by), *replaces].into_iter().flatten().collect()
            }
            Self::InvitationWithdrawn { by, .. } => by.iter().copied().collect(),
            Self::SuccessorNamed { by, .. } | Self::RelayCertified { by, .. } => vec![*by],
            Self::DeviceCertified { device, by, .. } | Self::EnrolmentRefused { device, by, .. } => {
                [Some(*device), *by].into_iter().flatten().collect()
            }
            Self::ListInForce { acts, .. } => acts.iter().map(|act| act.device).collect(),
            Self::DevicesHeld { devices, .. } => devices.clone(),
            Self::RemovalClosed { device, .. } | Self::VaultTried { device, .. } => vec![*device],
            Self::RemovalConfirmed { confirmation, .. } => confirmation.devices.clone(),
        };
        devices.sort_unstable();
        devices.dedup();
        devices
    }
}
