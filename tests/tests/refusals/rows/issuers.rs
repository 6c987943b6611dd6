//! Lists of issuers that are not taken. What is asked here needs the root's signature, and no certificate.

use tonic::Code;
use wardline_client_core::relay::Relay as _;
use wardline_identity::{
    Clock as _, DisplayName, Organisation, Role, StandingList, Strike, SystemClock, SystemEntropy,
};
use wardline_proto::{
    Digest, Reason,
    relay::{GetIssuersListRequest, PublishIssuersListRequest, SignedStatement},
};

use super::{
    Row, Trial,
    path::{GET_ISSUERS_LIST, PUBLISH_ISSUERS_LIST},
};
use crate::{
    authority::Authority,
    house::{Caller, House},
};

type Refusal = (Code, Reason);
const FIELD: Refusal = (Code::InvalidArgument, Reason::FieldInvalid);
const STATEMENT: Refusal = (Code::InvalidArgument, Reason::StatementInvalid);
const CONFLICT: Refusal = (Code::Aborted, Reason::IssuersConflict);
const LIST: Refusal = (Code::Aborted, Reason::ListConflict);
const MISMATCH: Refusal = (Code::InvalidArgument, Reason::CertificateMismatch);

/// The organisation by the relay's list, and the relay's own certificates.
async fn in_force(house: &House) -> (Organisation, Vec<Vec<u8>>) {
    let (relay, root) = (house.connect(Caller::Stranger).await, &house.authority.root);
    let proof = Some(root.prove(&relay.exporter()));
    let shown =
        relay.get_issuers_list(GetIssuersListRequest { proof, keep_still: false }).await.expect("a list");
    let wire = shown.organisation.expect("an organisation");
    let organisation = Organisation::verify(&wire, &root.fingerprint(), SystemClock.now());
    let relays = shown.relay_certificates.iter().map(|der| der.to_vec()).collect();
    (organisation.expect("an organisation"), relays)
}

/// A request with the list of this number, by this root, that has the house's issuer.
fn list(house: &House, authority: &Authority, number: u64) -> PublishIssuersListRequest {
    let issuers = [house.authority.issuer.certificate_der()];
    let list = authority.root.sign_issuers_list(number, &issuers).expect("a list");
    publishes(list, &[])
}

fn publishes(list: SignedStatement, first: &[u8]) -> PublishIssuersListRequest {
    PublishIssuersListRequest { list: Some(list), first_device: first.to_vec().into() }
}

/// The right list, and a wrong one made from the house and the right number.
fn published<F>(input: &'static str, refusal: Refusal, wrong: F) -> Row
where
    F: Fn(&House, u64, &[Vec<u8>]) -> PublishIssuersListRequest + Send + Sync + Copy + 'static,
{
    Row::call(input, PUBLISH_ISSUERS_LIST, refusal, move |house| {
        Box::pin(async move {
            let (organisation, relays) = in_force(house).await;
            let number = organisation.issuers_number() + 1;
            let bad = wrong(house, number, &relays);
            Trial::new(Caller::Stranger, &bad, &list(house, &house.authority, number))
        })
    })
}

/// A new issuer, and the list of this number by which the house's own is struck and keeps these.
fn strike(house: &House, number: u64, kept: &[Vec<u8>], standing: Option<StandingList>) -> SignedStatement {
    let (authority, label) = (&house.authority, DisplayName::parse("Second").expect("a name"));
    let second = authority.root.found_issuer(&label, &SystemEntropy, SystemClock.now()).expect("an issuer");
    let kept = kept.iter().map(|der| Digest::of(der)).collect();
    let strike = Strike { certificate: authority.issuer.certificate_der().to_vec(), kept, since: None };
    authority.root.sign_issuers(number, &[second.certificate_der()], (&[strike], standing)).expect("a list")
}

fn proven(input: &'static str, proof: fn(&House, &[u8; 32]) -> SignedStatement) -> Row {
    Row::call(input, GET_ISSUERS_LIST, STATEMENT, move |house| {
        Box::pin(async move {
            let exporter = house.wire(Caller::Stranger).await.exporter;
            let ask = |proof| GetIssuersListRequest { proof: Some(proof), keep_still: false };
            let (bad, good) = (proof(house, &exporter), house.authority.root.prove(&exporter));
            Trial::new(Caller::Stranger, &ask(bad), &ask(good))
        })
    })
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        proven("a proof of the root over another connection", |house, _| {
            house.authority.root.prove(&[7; 32])
        }),
        proven("a proof of another organisation's root", |_, exporter| {
            Authority::found("St. Elsewhere").root.prove(exporter)
        }),
        Row::call("no proof of the root", GET_ISSUERS_LIST, FIELD, |house| {
            Box::pin(async move {
                let exporter = house.wire(Caller::Stranger).await.exporter;
                let good = GetIssuersListRequest {
                    proof: Some(house.authority.root.prove(&exporter)),
                    keep_still: false,
                };
                Trial::new(Caller::Stranger, &GetIssuersListRequest::default(), &good)
            })
        }),
        published("no list", FIELD, |_, _, _| PublishIssuersListRequest::default()),
        published("a list of issuers by another root", STATEMENT, |house, number, _| {
            list(house, &Authority::found("St. Elsewhere"), number)
        }),
        published("a list of issuers that skips a number", CONFLICT, |house, number, _| {
            list(house, &house.authority, number + 1)
        }),
        published("the first list of issuers again", CONFLICT, |house, _, _| {
            publishes(house.authority.organisation.to_wire().issuers.expect("a list"), &[])
        }),
        published(
            "a list that does not keep the relay's own certificates",
            FIELD,
            |house, number, relays| publishes(strike(house, number, &relays[..1], None), &[]),
        ),
        published(
            "a strike on top of a list of revoked devices that is not in force",
            LIST,
            |house, number, relays| {
                let other = StandingList { number: 1_000, digest: Digest::of(b"another") };
                publishes(strike(house, number, relays, Some(other)), &[])
            },
        ),
        published("a clinician as the first device", MISMATCH, |house, number, _| {
            let clinician = house.authority.certify("doctor-a", Role::Clinician, SystemClock.now());
            let good = list(house, &house.authority, number);
            PublishIssuersListRequest { first_device: clinician.certificate.der().to_vec().into(), ..good }
        }),
        published("a first device whose id is in use", FIELD, |house, number, _| {
            let office = house.caller(Caller::Office).certificate.der().to_vec();
            PublishIssuersListRequest { first_device: office.into(), ..list(house, &house.authority, number) }
        }),
    ]
}
