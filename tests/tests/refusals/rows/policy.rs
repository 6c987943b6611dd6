//! What the policy of the organisation does not permit.

use tonic::Code;
use wardline_identity::{Clock as _, Policy, RevocationAct, Rules, Software, SystemClock};
use wardline_proto::{
    Reason,
    relay::{ClientGreeting, PublishRevocationListRequest, SendRequest, SubscribeRequest},
};

use super::{
    Row, Trial,
    path::{PUBLISH_REVOCATION_LIST, SEND, SUBSCRIBE},
    revocation::{publishes, register},
};
use crate::{
    house::{Caller, House, greeting},
    talk::{Talk, life},
};

type Refusal = (Code, Reason);
const POLICY: Refusal = (Code::FailedPrecondition, Reason::PolicyRefused);
const OLD: Refusal = (Code::FailedPrecondition, Reason::SoftwareTooOld);
const CONFLICT: Refusal = (Code::Aborted, Reason::ListConflict);

/// Messages live for a day short of a year at most, and one client has to be of version 2.
fn policy(number: u64) -> Policy {
    let minimum_versions = vec![Software::new("old-make", "2.0.0").expect("a version")];
    let rules = Rules { life_seconds_max: 364 * 86_400, minimum_versions, ..Policy::UNSET.rules };
    Policy { number, rules }
}

/// The next list with a policy, and what is pending beside the one in force.
async fn listed(house: &House, policy: &Policy) -> PublishRevocationListRequest {
    let (register, authority) = (register(house).await, &house.authority);
    let issuer = *authority.issuer.certificate().fingerprint();
    let acts: Vec<RevocationAct> = register.taken_up(issuer).collect();
    let next = (acts.as_slice(), policy);
    let now = SystemClock.now();
    let list = register.sign_next_policy(&authority.issuer, &authority.organisation, next, now);
    publishes(list.expect("a list"), &acts)
}

/// The relay goes by it from now on.
async fn in_force(house: &House) {
    if register(house).await.policy().number == 0 {
        let list = listed(house, &policy(1)).await;
        house.good(Caller::Office, PUBLISH_REVOCATION_LIST, &list).await;
    }
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::call("a life that the policy does not permit", SEND, POLICY, |house| Box::pin(too_long(house))),
        Row::call("a client older than the policy permits", SUBSCRIBE, OLD, |house| Box::pin(too_old(house))),
        Row::call("a list whose policy is an older one", PUBLISH_REVOCATION_LIST, CONFLICT, |house| {
            Box::pin(fallen(house))
        }),
    ]
}

async fn too_long(house: &House) -> Trial {
    in_force(house).await;
    let mut talk = Talk::new(house).await;
    let good = talk.message();
    let bad = talk.encrypt(&life(364 * 86_400 + 1));
    Trial::new(Caller::Doctor, &SendRequest { message: bad.into(), ..good.clone() }, &good)
}

async fn too_old(house: &House) -> Trial {
    in_force(house).await;
    let software = |software: &str| {
        let greeting =
            greeting().map(|greeting| ClientGreeting { software: software.to_owned(), ..greeting });
        SubscribeRequest { greeting, cursors: Vec::new() }
    };
    Trial::new(Caller::Doctor, &software("old-make/1.9.9"), &software("old-make/2.0.0"))
}

async fn fallen(house: &House) -> Trial {
    in_force(house).await;
    let bad = listed(house, &Policy::UNSET).await;
    let good = listed(house, &policy(1)).await;
    Trial::new(Caller::Office, &bad, &good)
}
