//! All services behind the doors, each with its size limits and with whom it is for.

use std::sync::Arc;

use tonic::Request;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use wardline_identity::ACTS_MAX;
use wardline_proto::DESCRIPTORS;
use wardline_proto::relay::conversation_service_server::ConversationServiceServer;
use wardline_proto::relay::directory_service_server::DirectoryServiceServer;
use wardline_proto::relay::enrolment_service_server::EnrolmentServiceServer;
use wardline_proto::relay::key_package_service_server::KeyPackageServiceServer;
use wardline_proto::relay::membership_service_server::MembershipServiceServer;
use wardline_proto::relay::organisation_service_server::OrganisationServiceServer;
use wardline_proto::relay::record_service_server::RecordServiceServer;
use wardline_proto::relay::registrar_service_server::RegistrarServiceServer;
use wardline_proto::relay::renewal_service_server::RenewalServiceServer;
use wardline_proto::relay::revocation_service_server::RevocationServiceServer;
use wardline_proto::relay::unlock_service_server::UnlockServiceServer;

use crate::config::LimitsConfig;
use crate::service::authorise;
use crate::service::conversation::Conversations;
use crate::service::directory::Directory;
use crate::service::enrolment::Enrolment;
use crate::service::key_package::KeyPackages;
use crate::service::membership::Memberships;
use crate::service::organisation::Issuing;
use crate::service::record::Record;
use crate::service::registrar::Registrar;
use crate::service::renewal::Renewals;
use crate::service::revocation::Revocation;
use crate::service::unlock::Unlocking;
use crate::state::Relay;

/// The longest request with KeyPackages: 200 of 16 KiB, with room for what goes with them.
const KEY_PACKAGES_BYTES: usize = 200 * 16 * 1024 + 64 * 1024;

/// The longest revocation list: 1,000 acts of some 80 bytes, and its head.
const LIST_BYTES: usize = ACTS_MAX * 96 + 64 * 1024;

/// The longest issuers' list, and a device with it. At the door for strangers a request has 256 KiB: room for 7,000 kept
/// certificates.
const ISSUERS_BYTES: usize = 1024 * 1024 + 64 * 1024;

/// The longest request that carries certificates, statements and names only.
const SMALL_BYTES: usize = 256 * 1024;

/// The services of `relay`. Health and reflection are for certified devices only, like the rest: to strangers
/// the relay says nothing but how to enrol.
#[must_use]
pub fn routes(relay: &Arc<Relay>, limits: &LimitsConfig) -> Routes {
    macro_rules! sized {
        ($server:ident, $service:expr, $request_bytes:expr) => {
            $server::new($service)
                .max_decoding_message_size($request_bytes)
                .max_encoding_message_size(limits.response_bytes_max)
        };
    }
    let certified = {
        let relay = Arc::clone(relay);
        move |request: Request<()>| authorise::device(&relay, &request).map(|_| request)
    };
    let (_, health) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .build_v1()
        .expect("our own descriptors decode");
    let conversations = Conversations::new(Arc::clone(relay));
    Routes::new(sized!(ConversationServiceServer, conversations, limits.request_bytes_max))
        .add_service(sized!(KeyPackageServiceServer, KeyPackages::new(Arc::clone(relay)), KEY_PACKAGES_BYTES))
        .add_service(sized!(MembershipServiceServer, Memberships::new(Arc::clone(relay)), SMALL_BYTES))
        .add_service(sized!(DirectoryServiceServer, Directory::new(Arc::clone(relay)), SMALL_BYTES))
        .add_service(sized!(EnrolmentServiceServer, Enrolment::new(Arc::clone(relay)), SMALL_BYTES))
        .add_service(sized!(OrganisationServiceServer, Issuing::new(Arc::clone(relay)), ISSUERS_BYTES))
        .add_service(sized!(RevocationServiceServer, Revocation::new(Arc::clone(relay)), LIST_BYTES))
        .add_service(sized!(RecordServiceServer, Record::new(Arc::clone(relay)), SMALL_BYTES))
        .add_service(sized!(RegistrarServiceServer, Registrar::new(Arc::clone(relay)), SMALL_BYTES))
        .add_service(sized!(RenewalServiceServer, Renewals::new(Arc::clone(relay)), SMALL_BYTES))
        .add_service(sized!(UnlockServiceServer, Unlocking::new(Arc::clone(relay)), SMALL_BYTES))
        .add_service(InterceptedService::new(health, certified.clone()))
        .add_service(InterceptedService::new(reflection, certified))
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tonic::{Code, Status};
    use tower::ServiceExt as _;

    use super::*;
    use crate::{config::Config, founded::Founded};

    /// What is said to a message that claims to be so long; nothing of it is sent.
    async fn said(services: &Routes, path: &str, claimed: usize) -> Code {
        let length = u32::try_from(claimed).unwrap().to_be_bytes();
        let body = Full::from([&[0], &length[..]].concat());
        let request = http::Request::post(format!("/wardline.relay.v1.{path}")).body(body).unwrap();
        let response = services.clone().prepare().oneshot(request).await.unwrap();
        Status::from_header_map(response.headers()).unwrap().code()
    }

    #[tokio::test]
    async fn no_call_of_the_transport_takes_more_than_it_needs() {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let services = routes(&relay, &Config::default().limits);
        let conversation = Config::default().limits.request_bytes_max;
        for (path, most) in [
            ("ConversationService/Commit", conversation),
            ("KeyPackageService/PublishKeyPackages", 200 * 16 * 1024 + 64 * 1024),
            ("MembershipService/AskMembers", 256 * 1024),
            ("DirectoryService/ListPeople", 256 * 1024),
            ("EnrolmentService/Enrol", 256 * 1024),
            ("RegistrarService/IssueCertificate", 256 * 1024),
            ("RenewalService/RenewCertificate", 256 * 1024),
            ("UnlockService/Evaluate", 256 * 1024),
            ("OrganisationService/PublishIssuersList", 1024 * 1024 + 64 * 1024),
            ("RecordService/GetRecordProof", 256 * 1024),
            ("RevocationService/PublishRevocationList", 1_000 * 96 + 64 * 1024),
        ] {
            assert_eq!(said(&services, path, most + 1).await, Code::OutOfRange, "{path}");
            assert_ne!(said(&services, path, most).await, Code::OutOfRange, "{path}");
        }
    }
}
