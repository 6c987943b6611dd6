//! The greeting, both ways: do we share a protocol version, and what the relay says first.

use tonic::Status;
use wardline_identity::{Forbidden, Policy};
use wardline_proto::relay::{ClientGreeting, RelayGreeting};
use wardline_proto::{Reason, VERSIONS, fault};

use super::status::{Refusal, field_invalid};
use crate::{relay_identity::Applied, state::Relay};

/// What the relay says first on every stream and enrolment call.
pub(crate) async fn of(relay: &Relay) -> Result<RelayGreeting, Status> {
    let head = relay.record.note(&relay.store).await?;
    let applies = Applied {
        list_number: relay.revocations.number(),
        policy_number: relay.revocations.policy().number,
        holds_sha256: relay.revocations.holds_digest(),
        record_head: head,
    };
    Ok(relay.identity.greeting(relay.clock.now(), applies))
}

/// Accepts a client that speaks a version of ours and is as new as the policy demands; answers what it says it is.
pub(crate) fn check<'a>(greeting: Option<&'a ClientGreeting>, policy: &Policy) -> Result<&'a str, Status> {
    let software = understood(greeting)?;
    permitted(software, policy)?;
    Ok(software)
}

/// Accepts a client that speaks a version of ours; answers what it says it is.
pub(crate) fn understood(greeting: Option<&ClientGreeting>) -> Result<&str, Status> {
    let greeting = greeting.ok_or_else(|| field_invalid("greeting", "is missing"))?;
    let versions = greeting.versions.ok_or_else(|| field_invalid("greeting.versions", "is missing"))?;
    if versions.lowest == 0 || versions.highest < versions.lowest {
        return Err(field_invalid("greeting.versions", "is a range from 1 on, the lowest first"));
    }
    if greeting.software.chars().count() > SOFTWARE_CHARACTERS_MAX {
        return Err(field_invalid("greeting.software", "at most 64 characters"));
    }
    if versions.highest < VERSIONS.lowest || versions.lowest > VERSIONS.highest {
        let message = format!(
            "the relay speaks protocol versions {} to {}; update the older of the two",
            VERSIONS.lowest, VERSIONS.highest
        );
        let refusal = Refusal::new(Reason::UpgradeRequired, message)
            .with("lowest", VERSIONS.lowest)
            .with("highest", VERSIONS.highest);
        return Err(refusal.into());
    }
    Ok(&greeting.software)
}

/// Whether what a client says it is may take part by the policy.
pub(crate) fn permitted(software: &str, policy: &Policy) -> Result<(), Status> {
    match policy.permits_software(software) {
        Err(Forbidden::Software(minimum)) if !fault::planted("relay.any_software") => {
            let message = format!("the organisation's policy asks for {minimum} or newer; update this app");
            Err(Refusal::new(Reason::SoftwareTooOld, message).with("minimum", minimum).into())
        }
        _ => Ok(()),
    }
}

/// As in the .proto.
const SOFTWARE_CHARACTERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use tonic::Code;
    use wardline_identity::{Rules, Software};
    use wardline_proto::in_place::{arm, disarm};
    use wardline_proto::relay::VersionRange;

    use super::*;

    fn greeted(lowest: u32, highest: u32) -> Result<(), Status> {
        let versions = Some(VersionRange { lowest, highest });
        check(Some(&ClientGreeting { versions, ..ClientGreeting::default() }), &Policy::UNSET).map(|_| ())
    }

    #[test]
    fn a_client_that_is_older_than_the_policy_permits_is_told_which_would_do() {
        let minimum_versions = vec![Software::new("wardline", "0.2.0").unwrap()];
        let policy = Policy { number: 1, rules: Rules { minimum_versions, ..Policy::UNSET.rules } };
        let greeted = |software: &str| {
            let greeting = ClientGreeting {
                versions: Some(VERSIONS),
                software: software.to_owned(),
                ..ClientGreeting::default()
            };
            check(Some(&greeting), &policy).map(ToOwned::to_owned)
        };
        assert_eq!(greeted("wardline/0.2.0").unwrap(), "wardline/0.2.0");
        let refused = greeted("wardline/0.1.9").unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("wardline/0.2.0"), "{}", refused.message());
        arm("relay.any_software");
        let lenient = greeted("wardline/0.1.9");
        disarm("relay.any_software");
        assert!(lenient.is_ok(), "the guard taken away");
    }

    #[test]
    fn a_client_that_shares_a_version_is_welcome() {
        assert!(greeted(1, 1).is_ok());
        assert!(greeted(1, u32::MAX).is_ok());
    }

    #[test]
    fn a_client_from_the_future_is_told_to_upgrade() {
        let status = greeted(VERSIONS.highest + 1, VERSIONS.highest + 2).unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(status.message().contains("1 to 1"));
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        for (lowest, highest) in [(0, 1), (2, 1), (0, 0)] {
            assert_eq!(greeted(lowest, highest).unwrap_err().code(), Code::InvalidArgument);
        }
        assert_eq!(check(None, &Policy::UNSET).unwrap_err().code(), Code::InvalidArgument);
    }
}
