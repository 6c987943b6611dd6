//! Claims about requests to be an issuer's machine: few are kept, of a device the newest, and only of who may ask now.

use wardline_identity::{IssuerRequest, Role, SigningKey};
use wardline_proto::{
    Reason,
    in_place::{arm, disarm},
    relay::{
        ListEnrolmentsRequest, RequestIssuerRequest, SignedStatement, WaitingIssuer,
        registrar_service_server::RegistrarService as _,
    },
};

use super::Registrar;
use crate::founded::{Founded, Installation, from_device, reason};

struct Office {
    founded: Founded,
    registrar: Registrar,
}

impl Office {
    async fn open() -> Self {
        let founded = Founded::new();
        let registrar = Registrar::new(founded.relay().await);
        Self { founded, registrar }
    }

    fn administrator(&self, user: &str) -> Installation {
        self.founded.certify_later_as(user, Role::Administrator)
    }

    fn asks(&self, device: &Installation) -> SignedStatement {
        let (founded, now) = (&self.founded, self.founded.clock_now());
        let key = SigningKey::generate(&founded.entropy).unwrap();
        let certificate = founded.organisation().verify_device(&device.certificate, now).unwrap();
        IssuerRequest::sign(&key, (&device.key, &certificate), now).unwrap()
    }

    async fn hand_in(&self, device: &Installation, request: SignedStatement) -> Result<(), tonic::Status> {
        let message = RequestIssuerRequest { request: Some(request) };
        self.registrar.request_issuer(from_device(message, &self.founded, device)).await.map(drop)
    }

    async fn listed(&self) -> Vec<WaitingIssuer> {
        let look = ListEnrolmentsRequest { wait_seconds: 0, look_only: true };
        let request = from_device(look, &self.founded, &self.founded.founder);
        self.registrar.list_enrolments(request).await.unwrap().into_inner().issuers
    }
}

#[tokio::test]
async fn of_a_device_the_newest_request_is_kept_for_seven_days() {
    let office = Office::open().await;
    let device = office.administrator("it.b");
    let first = office.asks(&device);
    office.hand_in(&device, first.clone()).await.unwrap();
    office.founded.clock.advance_seconds(1);
    let second = office.asks(&device);
    office.hand_in(&device, second.clone()).await.unwrap();
    office.hand_in(&device, second.clone()).await.unwrap();
    let listed = office.listed().await;
    assert_eq!((listed.len(), listed[0].request.clone()), (1, Some(second.clone())));
    // Somebody repeats the old one.
    let refused = office.hand_in(&device, first.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), Reason::FieldInvalid.as_str());
    assert_eq!(office.listed().await[0].request, Some(second));
    arm("mutant.older_issuer_request");
    let taken = office.hand_in(&device, first.clone()).await;
    disarm("mutant.older_issuer_request");
    assert!(taken.is_ok() && office.listed().await[0].request == Some(first), "the guard taken away");
    office.founded.clock.advance_seconds(7 * 86_400);
    assert_eq!(office.listed().await, []);
}

#[tokio::test]
async fn twenty_devices_ask_and_no_more() {
    let office = Office::open().await;
    let mut last = None;
    for number in 0..20 {
        let device = office.administrator(&format!("it.{number}"));
        let asked = office.asks(&device);
        office.hand_in(&device, asked).await.unwrap();
        last = Some(device);
    }
    let one_more = office.administrator("it.more");
    let asked = office.asks(&one_more);
    let refused = office.hand_in(&one_more, asked).await.unwrap_err();
    assert_eq!(reason(&refused), Reason::LimitReached.as_str());
    assert_eq!(office.listed().await.len(), 20);
    // Who asks already asks again; and in a week there is room.
    office.founded.clock.advance_seconds(1);
    let last = last.unwrap();
    let again = office.asks(&last);
    office.hand_in(&last, again).await.unwrap();
    office.founded.clock.advance_seconds(7 * 86_400);
    let asked = office.asks(&one_more);
    office.hand_in(&one_more, asked).await.unwrap();
    assert_eq!(office.listed().await.len(), 1);
}

#[tokio::test]
async fn a_request_by_another_device_or_role_is_refused() {
    let office = Office::open().await;
    let (own, other) = (office.administrator("it.b"), office.administrator("it.c"));
    let refused = office.hand_in(&own, office.asks(&other)).await.unwrap_err();
    assert_eq!(reason(&refused), Reason::StatementInvalid.as_str());
    let doctor = office.founded.certify_later_as("dr.a", Role::Clinician);
    let refused = office.hand_in(&doctor, office.asks(&doctor)).await.unwrap_err();
    assert_eq!(reason(&refused), Reason::RoleRequired.as_str());
    office.hand_in(&own, office.asks(&own)).await.unwrap();
    assert_eq!(office.listed().await.len(), 1, "the control");
}
