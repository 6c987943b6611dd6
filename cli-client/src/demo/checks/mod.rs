//! The checks, one file a promise. Each has its control: the same code must find, open or admit what it should, or
//! that it finds nothing says nothing.

mod blind_relay;
mod forward_only;
mod known_devices;
mod meeting;
mod nothing_lost;
mod on_the_record;
mod one_instant;
mod post_quantum;
mod sealed_at_rest;
mod sloppy_peers;

use wardline_client_core::{api::Failure, relay::RelayError};
use wardline_proto::Reason;

use super::{
    report::{Check, Report},
    scene::Played,
};

/// What a check found, before it is known for which promise.
struct Finding {
    check: &'static str,
    ok: bool,
    evidence: String,
}

impl Finding {
    fn new(check: &'static str, ok: bool, evidence: impl Into<String>) -> Self {
        Self { check, ok, evidence: evidence.into() }
    }
}

/// Checks all promises that the demo shows; a check that could not be carried out is one that fails.
pub(crate) async fn all(mut played: Played) -> (Report, Vec<Check>) {
    let mut checks = Vec::new();
    // Mistakes first: what they leave behind, if anything, the other checks see.
    let p10 = sloppy_peers::check(&mut played.scene).await;
    let p2 = known_devices::check(&played.scene).await;
    let p4 = forward_only::check(&played).await;
    let p5 = nothing_lost::check(&played).await;
    let p9 = post_quantum::check(&mut played).await;
    // It puts a device out, which the checks before still looked at.
    let desk = one_instant::desk(&played.scene).await;
    let p3 = one_instant::check(&mut played.scene).await;
    let p8 = async { on_the_record::check(&played.scene, &desk?).await }.await;
    let p6 = sealed_at_rest::check(&mut played.scene).await;
    // Last, for it stops the relay to read its files whole.
    let p1 = blind_relay::check(&mut played.scene).await;
    let promises = [
        ("P1", p1),
        ("P2", p2),
        ("P3", p3),
        ("P4", p4),
        ("P5", p5),
        ("P6", p6),
        ("P8", p8),
        ("P9", p9),
        ("P10", p10),
    ];
    for (promise, findings) in promises {
        let findings = findings.unwrap_or_else(|failure| {
            vec![Finding::new("the check can be carried out", false, failure.to_string())]
        });
        checks.extend(findings.into_iter().map(|finding| Check {
            promise,
            check: finding.check.to_owned(),
            ok: finding.ok,
            evidence: finding.evidence,
        }));
    }
    (played.scene.clinic.report, checks)
}

/// Whether an answer is a refusal for one of these reasons, and its reason in words.
fn refusal<T>(answer: Result<T, RelayError>, expected: &[Reason]) -> (bool, String) {
    match answer {
        Ok(_) => (false, "accepted".to_owned()),
        Err(RelayError::Refused { reason, .. }) => (expected.contains(&reason), reason.as_str().to_owned()),
        Err(error) => (false, chain(&error)),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

/// A defect, told.
fn defect(error: impl std::fmt::Display) -> Failure {
    Failure::defect(format!("A check could not be carried out: {error}."))
}
