//! Each RPC: its request as bytes, decoded alone, and carried through the relay's own services.

use std::cell::RefCell;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use wardline_proto::{Reason, relay as pb};

use crate::{
    house::{Caller, House},
    statements::same_again,
    target::{Input, Target, fuzz, samples},
    tree::Format,
};

/// One RPC.
pub(crate) struct Call {
    /// Its service and name.
    pub(crate) path: &'static str,
    /// Who makes it.
    pub(crate) caller: Caller,
    /// Its samples, and the two targets with it.
    pub(crate) samples: &'static str,
}

thread_local! {
    /// A relay at which all samples were called, and its call.
    static HOUSE: RefCell<Option<House>> = const { RefCell::new(None) };
}

macro_rules! calls {
    ($($test:ident: $service:literal $name:literal $request:ident $caller:ident,)*) => {
        /// All RPCs, in an order in which a relay takes all samples.
        pub(crate) const CALLS: &[Call] = &[$(Call {
            path: concat!($service, "/", $name),
            caller: Caller::$caller,
            samples: concat!("rpc.", $name),
        },)*];

        /// Decodes alone: a message reads the same again, within its memory.
        mod decoded {
            use super::*;

            $(#[test]
            fn $test() {
                fuzz(&Target {
                    name: concat!("rpc.", $name),
                    format: Format::Protobuf(0),
                    sign: None,
                    inputs: 1_000,
                    at_most: usize::MAX,
                    memory: (8 * 1024, 384),
                    check: |input: &Input| {
                        same_again::<pb::$request>(&input.bytes);
                        prost::Message::decode(input.bytes.as_slice()).is_ok_and(|_: pb::$request| true)
                    },
                });
            }

            )*
        }

        /// Served: through routes, codec, service, rules and database.
        mod served {
            use super::*;

            $(#[test]
            fn $test() {
                const CALL: Call = Call {
                    path: concat!($service, "/", $name),
                    caller: Caller::$caller,
                    samples: concat!("rpc.", $name),
                };
                serve(&CALL, concat!("served.", $name), |input| answered(&CALL, input));
            }

            )*
        }
    };
}

calls! {
    publish_invitation: "RegistrarService" "PublishInvitation" PublishInvitationRequest Office,
    get_invitation: "EnrolmentService" "GetInvitation" GetInvitationRequest Nobody,
    enrol: "EnrolmentService" "Enrol" EnrolRequest Nobody,
    list_invitations: "RegistrarService" "ListInvitations" ListInvitationsRequest Office,
    list_enrolments: "RegistrarService" "ListEnrolments" ListEnrolmentsRequest Office,
    issue_certificate: "RegistrarService" "IssueCertificate" IssueCertificateRequest Office,
    cancel_invitation: "RegistrarService" "CancelInvitation" CancelInvitationRequest Office,
    refuse_enrolment: "RegistrarService" "RefuseEnrolment" RefuseEnrolmentRequest Office,
    renew_certificate: "RenewalService" "RenewCertificate" RenewCertificateRequest Doctor,
    issue_renewal: "RenewalService" "IssueRenewal" IssueRenewalRequest Office,
    make_pair: "UnlockService" "MakePair" MakePairRequest Doctor,
    evaluate: "UnlockService" "Evaluate" EvaluateRequest Nobody,
    get_period_secrets: "UnlockService" "GetPeriodSecrets" GetPeriodSecretsRequest Doctor,
    confirm_unlock: "UnlockService" "ConfirmUnlock" ConfirmUnlockRequest Nobody,
    issue_relay_certificates: "RenewalService" "IssueRelayCertificates" IssueRelayCertificatesRequest Office,
    request_issuer: "RegistrarService" "RequestIssuer" RequestIssuerRequest Office,
    get_organisation: "DirectoryService" "GetOrganisation" GetOrganisationRequest Doctor,
    get_issuers_list: "OrganisationService" "GetIssuersList" GetIssuersListRequest Nobody,
    list_people: "DirectoryService" "ListPeople" ListPeopleRequest Doctor,
    publish_key_packages: "KeyPackageService" "PublishKeyPackages" PublishKeyPackagesRequest Office,
    count_key_packages: "KeyPackageService" "CountKeyPackages" CountKeyPackagesRequest Office,
    claim_key_packages: "KeyPackageService" "ClaimKeyPackages" ClaimKeyPackagesRequest Doctor,
    create_conversation: "ConversationService" "CreateConversation" CreateConversationRequest Doctor,
    commit: "ConversationService" "Commit" CommitRequest Doctor,
    send: "ConversationService" "Send" SendRequest Doctor,
    ack: "ConversationService" "Ack" AckRequest Doctor,
    get_winner: "ConversationService" "GetWinner" GetWinnerRequest Doctor,
    subscribe: "ConversationService" "Subscribe" SubscribeRequest Doctor,
    report_out_of_step: "MembershipService" "ReportOutOfStep" ReportOutOfStepRequest Doctor,
    ask_members: "MembershipService" "AskMembers" AskMembersRequest Doctor,
    publish_revocation_list: "RevocationService" "PublishRevocationList" PublishRevocationListRequest Doctor,
    hold_devices: "RevocationService" "HoldDevices" HoldDevicesRequest Office,
    get_revocation_list: "RevocationService" "GetRevocationList" GetRevocationListRequest Doctor,
    list_devices: "RevocationService" "ListDevices" ListDevicesRequest Office,
    get_removals: "RevocationService" "GetRemovals" GetRemovalsRequest Office,
    confirm_removal: "RevocationService" "ConfirmRemoval" ConfirmRemovalRequest Doctor,
    get_record: "RecordService" "GetRecord" GetRecordRequest Office,
    get_record_proof: "RecordService" "GetRecordProof" GetRecordProofRequest Doctor,
    publish_issuers_list: "OrganisationService" "PublishIssuersList" PublishIssuersListRequest Nobody,
}

/// Fuzzes a call at a relay that has taken every sample of every call.
fn serve(call: &'static Call, name: &'static str, check: fn(&Input) -> bool) {
    let house = House::new();
    for before in CALLS {
        for sample in samples(before.samples) {
            let answer = house.call(before.path, before.caller, &sample);
            if let Err(status) = answer {
                typed(before.path, &status);
            }
        }
    }
    HOUSE.set(Some(house));
    let target = Target {
        name,
        format: Format::Protobuf(0),
        sign: None,
        inputs: 200,
        at_most: 20_000,
        // Of this thread; the database has its own.
        memory: (512 * 1024, 512),
        check,
    };
    // A sample that was taken once is refused or taken again: both are answers.
    crate::target::fuzz_answers(&target, samples(call.samples));
    HOUSE.set(None);
}

/// Makes the call; what is refused says why, and has stored nothing.
fn answered(call: &Call, input: &Input) -> bool {
    HOUSE.with_borrow_mut(|house| {
        let house = house.as_mut().expect("a relay");
        // Limits are of a time: none is in the way of the next input.
        house.clock.advance_seconds(61);
        let before = house.stored();
        match house.call(call.path, call.caller, &input.bytes) {
            Ok(()) => true,
            Err(status) => {
                typed(call.path, &status);
                let after = house.stored();
                assert!(after == before, "{} refused ({}) and stored something", call.path, status.message());
                false
            }
        }
    })
}

/// A refusal has a reason of ours, and is not the relay's own fault.
fn typed(path: &str, status: &Status) {
    // The codec's own words for what is no message.
    if status.code() == Code::Internal && status.message().contains("failed to decode Protobuf message") {
        return;
    }
    assert_ne!(status.code(), Code::Internal, "{path}: {}", status.message());
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{path} says no more than {status:?}"));
    assert_eq!(info.domain, Reason::DOMAIN, "{path}: {info:?}");
    assert!(Reason::parse(&info.reason).is_some(), "{path}: {info:?}");
}
