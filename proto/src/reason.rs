//! The stable reasons a request is refused for: `google.rpc.ErrorInfo.reason`, domain `wardline`.
//!
//! A reason never changes its meaning and is never reused; messages may change. `docs/api` lists each with the
//! gRPC code it travels with.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a request was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All reasons, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The wire's spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// The relay and the client share no protocol version. FAILED_PRECONDITION.
    UpgradeRequired = "UPGRADE_REQUIRED",
    /// The client is older than the policy permits. FAILED_PRECONDITION; metadata "minimum".
    SoftwareTooOld = "SOFTWARE_TOO_OLD",
    /// The call needs a device certificate. UNAUTHENTICATED.
    CertificateRequired = "CERTIFICATE_REQUIRED",
    /// The certificate is not one of this organisation's in force. UNAUTHENTICATED.
    CertificateInvalid = "CERTIFICATE_INVALID",
    /// The issuer of the certificate was struck, and the certificate is not among those that stay good. UNAUTHENTICATED.
    CertificateStruck = "CERTIFICATE_STRUCK",
    /// The device was revoked. PERMISSION_DENIED.
    DeviceRevoked = "DEVICE_REVOKED",
    /// The certificate's role does not permit the call. PERMISSION_DENIED.
    RoleRequired = "ROLE_REQUIRED",
    /// A P-256 certificate gives API access, never membership. PERMISSION_DENIED.
    MemberKeyRequired = "MEMBER_KEY_REQUIRED",
    /// A field is missing, malformed or beyond its limit. INVALID_ARGUMENT, with BadRequest.
    FieldInvalid = "FIELD_INVALID",
    /// A signed statement does not verify. INVALID_ARGUMENT.
    StatementInvalid = "STATEMENT_INVALID",
    /// No such invitation. NOT_FOUND.
    InvitationUnknown = "INVITATION_UNKNOWN",
    /// The invitation has expired. FAILED_PRECONDITION.
    InvitationExpired = "INVITATION_EXPIRED",
    /// Another device has used the invitation. FAILED_PRECONDITION.
    InvitationSpent = "INVITATION_SPENT",
    /// The invitation was withdrawn. FAILED_PRECONDITION.
    InvitationCancelled = "INVITATION_CANCELLED",
    /// No such pair of an unlock key and the relay's, or not the caller's. NOT_FOUND.
    PairUnknown = "PAIR_UNKNOWN",
    /// The vault was tried too often: its pair is destroyed, and nothing opens it any more. FAILED_PRECONDITION.
    VaultClosed = "VAULT_CLOSED",
    /// The vault is an older copy than the one that was opened last. FAILED_PRECONDITION; metadata "generation".
    VaultOlder = "VAULT_OLDER",
    /// Tries are spaced from the fourth on. RESOURCE_EXHAUSTED, with RetryInfo; it did not count.
    UnlockSpaced = "UNLOCK_SPACED",
    /// No such request waits. NOT_FOUND.
    EnrolmentUnknown = "ENROLMENT_UNKNOWN",
    /// The certificate handed in does not fit the request. INVALID_ARGUMENT.
    CertificateMismatch = "CERTIFICATE_MISMATCH",
    /// Not an MLSMessage. INVALID_ARGUMENT.
    MessageMalformed = "MESSAGE_MALFORMED",
    /// An MLSMessage of a kind that has no place here. INVALID_ARGUMENT.
    MessageKindRefused = "MESSAGE_KIND_REFUSED",
    /// The message belongs to another group. INVALID_ARGUMENT.
    GroupMismatch = "GROUP_MISMATCH",
    /// The epoch has moved on, or is not reached. ABORTED; metadata "epoch".
    EpochConflict = "EPOCH_CONFLICT",
    /// The device sent its 2,048 messages of this epoch; commit first. FAILED_PRECONDITION.
    EpochFull = "EPOCH_FULL",
    /// The revocation list does not go on from the relay's. ABORTED; metadata "number", "acts".
    ListConflict = "LIST_CONFLICT",
    /// A list leaves out devices that are on hold by a statement. ABORTED; metadata "holds".
    HoldsPending = "HOLDS_PENDING",
    /// Who signed it may not put that device on hold, or the hold is over. PERMISSION_DENIED; metadata "device".
    HoldRefused = "HOLD_REFUSED",
    /// The issuers' list does not go on from the relay's. ABORTED; metadata "number".
    IssuersConflict = "ISSUERS_CONFLICT",
    /// A commit lets in a device that is revoked or on hold. FAILED_PRECONDITION; metadata "device".
    JoinRevoked = "JOIN_REVOKED",
    /// A commit lets in a device whose certificate's issuer was struck. FAILED_PRECONDITION; metadata "device", "number".
    JoinStruck = "JOIN_STRUCK",
    /// A revoked device must leave first. FAILED_PRECONDITION.
    RevocationPending = "REVOCATION_PENDING",
    /// The log is closed: a successor takes over. FAILED_PRECONDITION; metadata "successor" once it is made.
    ConversationClosed = "CONVERSATION_CLOSED",
    /// Another successor came first. ALREADY_EXISTS; metadata "successor".
    SuccessorExists = "SUCCESSOR_EXISTS",
    /// The entry that a statement names is another in the log. FAILED_PRECONDITION.
    EntryMismatch = "ENTRY_MISMATCH",
    /// No such conversation, or the caller is not in it. PERMISSION_DENIED.
    NotAMember = "NOT_A_MEMBER",
    /// The conversation id is taken. ALREADY_EXISTS.
    ConversationExists = "CONVERSATION_EXISTS",
    /// Joins, leaves or roster in the authenticated data do not fit. INVALID_ARGUMENT.
    DeclarationMismatch = "DECLARATION_MISMATCH",
    /// The Welcome does not fit the joins or the packages handed out. INVALID_ARGUMENT.
    WelcomeMismatch = "WELCOME_MISMATCH",
    /// The KeyPackage is not one of the caller's. INVALID_ARGUMENT.
    KeyPackageInvalid = "KEY_PACKAGE_INVALID",
    /// A message's life is beyond the bounds. INVALID_ARGUMENT.
    LifeOutOfRange = "LIFE_OUT_OF_RANGE",
    /// The policy in force does not permit it. FAILED_PRECONDITION; metadata "rule", "policy" (its number).
    PolicyRefused = "POLICY_REFUSED",
    /// A cursor past the head. INVALID_ARGUMENT.
    CursorBeyondHead = "CURSOR_BEYOND_HEAD",
    /// The conversation would have more than 500 devices. FAILED_PRECONDITION.
    ConversationFull = "CONVERSATION_FULL",
    /// More than ten commits a minute. RESOURCE_EXHAUSTED, with RetryInfo.
    CommitRate = "COMMIT_RATE",
    /// Another member's commit comes first for two seconds. RESOURCE_EXHAUSTED, with RetryInfo.
    YieldTurn = "YIELD_TURN",
    /// Too many requests or streams, or a request that is too long. RESOURCE_EXHAUSTED, with RetryInfo where waiting
    /// helps.
    LimitReached = "LIMIT_REACHED",
    /// The relay's disk is full. RESOURCE_EXHAUSTED, with RetryInfo; nothing was stored.
    StorageFull = "STORAGE_FULL",
    /// The relay's disk cannot be written. UNAVAILABLE, with RetryInfo; nothing was stored.
    StorageUnavailable = "STORAGE_UNAVAILABLE",
    /// The relay is stopping. UNAVAILABLE, with RetryInfo.
    ShuttingDown = "SHUTTING_DOWN",
    /// A newer stream of the same device took over. ABORTED.
    StreamReplaced = "STREAM_REPLACED",
    /// No such call. UNIMPLEMENTED.
    CallUnknown = "CALL_UNKNOWN",
    /// The caller's deadline or the relay's patience is over. DEADLINE_EXCEEDED.
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    /// A defect of the relay; its log has the cause. INTERNAL.
    Internal = "INTERNAL",
}

impl Reason {
    /// From the wire's spelling; `None` for one this build does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }

    /// `google.rpc.ErrorInfo.domain` of every error of ours.
    pub const DOMAIN: &'static str = "wardline";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
