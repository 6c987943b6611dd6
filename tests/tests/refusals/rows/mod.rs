//! The table: each bad input as data. What runs them is `over_quic` and `over_tcp`; what prints them is `document`.
//!
//! A row prepares what it needs honestly, names the bad call and, where it is an attack, the same call made right.

mod commits;
mod confirmations;
mod connections;
mod conversations;
mod enrolment;
mod holds;
mod issuer_requests;
mod issuers;
mod key_packages;
mod memberships;
mod messages;
mod policy;
mod record;
mod registrar;
mod renewals;
mod requests;
mod revocation;
mod unlock;

use futures::future::LocalBoxFuture;
use prost::Message;
use tonic::Code;
use wardline_client_core::relay::{ClientIdentity, TransportChoice};
use wardline_proto::Reason;

use crate::{
    house::{Caller, House},
    wire::Payload,
};

/// The calls, as HTTP paths.
pub(crate) mod path {
    macro_rules! paths {
        ($($service:literal { $($name:ident = $call:literal,)* })*) => {
            $($(pub(crate) const $name: &str = concat!("/wardline.relay.v1.", $service, "/", $call);)*)*
            /// All of them.
            pub(crate) const ALL: &[&str] = &[$($($name,)*)*];
        };
    }

    /// The services and calls that ask for no certificate.
    pub(crate) const AT_THE_DOOR: &[&str] =
        &["EnrolmentService", "OrganisationService", "UnlockService/Evaluate", "UnlockService/ConfirmUnlock"];

    paths! {
        "ConversationService" {
            CREATE_CONVERSATION = "CreateConversation",
            COMMIT = "Commit",
            SEND = "Send",
            SUBSCRIBE = "Subscribe",
            ACK = "Ack",
            GET_WINNER = "GetWinner",
        }
        "KeyPackageService" {
            PUBLISH_KEY_PACKAGES = "PublishKeyPackages",
            CLAIM_KEY_PACKAGES = "ClaimKeyPackages",
            COUNT_KEY_PACKAGES = "CountKeyPackages",
        }
        "MembershipService" {
            REPORT_OUT_OF_STEP = "ReportOutOfStep",
            ASK_MEMBERS = "AskMembers",
        }
        "RevocationService" {
            PUBLISH_REVOCATION_LIST = "PublishRevocationList",
            HOLD_DEVICES = "HoldDevices",
            GET_REVOCATION_LIST = "GetRevocationList",
            LIST_DEVICES = "ListDevices",
            GET_REMOVALS = "GetRemovals",
            CONFIRM_REMOVAL = "ConfirmRemoval",
        }
        "RecordService" {
            GET_RECORD = "GetRecord",
            GET_RECORD_PROOF = "GetRecordProof",
        }
        "DirectoryService" {
            GET_ORGANISATION = "GetOrganisation",
            LIST_PEOPLE = "ListPeople",
        }
        "OrganisationService" {
            GET_ISSUERS_LIST = "GetIssuersList",
            PUBLISH_ISSUERS_LIST = "PublishIssuersList",
        }
        "EnrolmentService" {
            GET_INVITATION = "GetInvitation",
            ENROL = "Enrol",
        }
        "RenewalService" {
            RENEW_CERTIFICATE = "RenewCertificate",
            ISSUE_RENEWAL = "IssueRenewal",
            ISSUE_RELAY_CERTIFICATES = "IssueRelayCertificates",
        }
        "UnlockService" {
            MAKE_PAIR = "MakePair",
            EVALUATE = "Evaluate",
            CONFIRM_UNLOCK = "ConfirmUnlock",
            GET_PERIOD_SECRETS = "GetPeriodSecrets",
        }
        "RegistrarService" {
            PUBLISH_INVITATION = "PublishInvitation",
            LIST_INVITATIONS = "ListInvitations",
            CANCEL_INVITATION = "CancelInvitation",
            LIST_ENROLMENTS = "ListEnrolments",
            ISSUE_CERTIFICATE = "IssueCertificate",
            REFUSE_ENROLMENT = "RefuseEnrolment",
            REQUEST_ISSUER = "RequestIssuer",
        }
    }
}

/// One bad input.
pub(crate) struct Row {
    /// What is bad.
    pub(crate) input: &'static str,
    /// The call's path; empty for what comes before any call.
    pub(crate) path: &'static str,
    /// How it is answered.
    pub(crate) expected: Expected,
    /// What the relay keeps of it.
    pub(crate) kept: Kept,
    /// How it is tried.
    pub(crate) attempt: Attempt,
}

/// How a bad input is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// A status with a reason; only what is none of our calls has none.
    Status(Code, Option<Reason>),
    /// The connection is closed for this reason.
    Closed(Reason),
    /// This TLS alert.
    Alert(u8, &'static str),
}

/// What the relay keeps of a refused input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing.
    Nothing,
    /// A change in one table.
    Only(&'static str, &'static str),
}

/// A call, prepared in a house.
type Prepared = Box<dyn for<'a> Fn(&'a House) -> LocalBoxFuture<'a, Trial> + Send + Sync>;

/// How a bad input is tried.
pub(crate) enum Attempt {
    /// A call, prepared.
    Call(Prepared),
    /// A connection with this identity and a harmless call.
    Connect(fn(&House) -> ClientIdentity),
    /// A ClientHello of TLS 1.2.
    Hello,
}

/// A call made wrong, and made right.
pub(crate) struct Trial {
    /// Who makes it wrong, and how.
    pub(crate) bad: (Caller, Payload),
    /// Who makes it right, and how.
    pub(crate) good: Option<(Caller, Payload)>,
    /// Where it is not the row's own call: that of the right one.
    pub(crate) good_path: Option<&'static str>,
    /// At most so much of a long body may be taken before the refusal, and held in memory, in bytes.
    pub(crate) taken_at_most: Option<u64>,
}

impl Trial {
    /// The same caller makes the call wrong and right.
    pub(crate) fn new(caller: Caller, bad: &impl Message, good: &impl Message) -> Self {
        Self::by((caller, bad), (caller, good))
    }

    /// One caller makes it wrong, another right.
    pub(crate) fn by(bad: (Caller, &impl Message), good: (Caller, &impl Message)) -> Self {
        let good = Some((good.0, Payload::Message(good.1.encode_to_vec())));
        Self { good, ..Self::only(bad.0, bad.1) }
    }

    /// There is no right way.
    pub(crate) fn only(caller: Caller, bad: &impl Message) -> Self {
        Self::raw(caller, Payload::Message(bad.encode_to_vec()))
    }

    /// A body of any shape.
    pub(crate) fn raw(caller: Caller, bad: Payload) -> Self {
        Self { bad: (caller, bad), good: None, good_path: None, taken_at_most: None }
    }

    /// Another call is the right one.
    pub(crate) fn right(self, path: &'static str, caller: Caller, good: &impl Message) -> Self {
        let good = Some((caller, Payload::Message(good.encode_to_vec())));
        Self { good, good_path: Some(path), ..self }
    }
}

impl Row {
    /// A call that is refused with this.
    pub(crate) fn call<F>(
        input: &'static str,
        path: &'static str,
        (code, reason): (Code, Reason),
        prepare: F,
    ) -> Self
    where
        F: for<'a> Fn(&'a House) -> LocalBoxFuture<'a, Trial> + Send + Sync + 'static,
    {
        let expected = Expected::Status(code, Some(reason));
        Self { input, path, expected, kept: Kept::Nothing, attempt: Attempt::Call(Box::new(prepare)) }
    }

    /// Whether it can be tried over this door.
    pub(crate) fn has(&self, door: TransportChoice) -> bool {
        !matches!(self.attempt, Attempt::Hello) || door == TransportChoice::Tcp
    }
}

/// A part of the table.
pub(crate) struct Section {
    /// Its heading.
    pub(crate) title: &'static str,
    /// Its rows.
    pub(crate) rows: Vec<Row>,
}

/// The table.
pub(crate) fn sections() -> Vec<Section> {
    let section = |title, rows| Section { title, rows };
    vec![
        section("Connections", connections::rows()),
        section("Requests", requests::rows()),
        section("Messages", messages::rows()),
        section("Commits and Welcomes", commits::rows()),
        section("Conversations and cursors", conversations::rows()),
        section("Membership and successors", memberships::rows()),
        section("KeyPackages", key_packages::rows()),
        section("Invitations and enrolment", enrolment::rows()),
        section("Registrars", registrar::rows()),
        section("Renewals", renewals::rows()),
        section("Issuers", issuers::rows().into_iter().chain(issuer_requests::rows()).collect()),
        section("Opening vaults", unlock::rows()),
        section("Revocation", revocation::rows()),
        section("The record", record::rows()),
        section("The policy", policy::rows()),
    ]
}
