//! The policy as commands and answers have it.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use wardline_identity::{Policy, Rules, Software};

use super::{Answer, Failure, FailureKind};
use crate::{
    error::CoreError,
    relay::Relay,
    session::{InForce, Session, publish_policy, show_policy},
};

/// What is done with the policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyTask {
    /// Shows it.
    Show,
    /// Puts another in force, in place of the one whose number it has.
    Publish {
        /// The rules, and the number of the policy that they were made from.
        policy: PolicyText,
    },
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyText {
    /// Its number; 0 before the first was signed.
    pub number: u64,
    /// The longest life of a message, in seconds.
    pub life_seconds_max: u32,
    /// The life that a new conversation starts with, in seconds.
    pub life_seconds_default: u32,
    /// The longest text, in bytes.
    pub text_bytes_max: u32,
    /// The oldest version of each client that takes part, by its name.
    pub minimum_versions: BTreeMap<String, String>,
    /// After how long without a command an open vault is closed, in seconds.
    pub auto_lock_seconds: u32,
    /// After how long without the relay it is, in seconds.
    pub max_open_seconds: u32,
}

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyShown {
    /// What it says.
    pub policy: PolicyText,
    /// The number of the list of revoked devices that it is part of; 0 before the first.
    pub list: u64,
    /// Whether it was put in force by this command.
    pub changed: bool,
}

/// Shows the policy or puts another in force.
pub(super) async fn policy(
    session: &Session,
    relay: &Arc<dyn Relay>,
    task: PolicyTask,
) -> Result<Answer, CoreError> {
    let in_force = match task {
        PolicyTask::Show => show_policy(session, relay).await?,
        PolicyTask::Publish { policy } => {
            let rules = policy.rules()?;
            publish_policy(session, relay, (policy.number, &rules)).await?
        }
    };
    Ok(Answer::Policy(shown(&in_force)))
}

fn shown((policy, list, changed): &InForce) -> PolicyShown {
    PolicyShown { policy: PolicyText::of(policy), list: *list, changed: *changed }
}

impl PolicyText {
    fn of(policy: &Policy) -> Self {
        let versions = policy.rules.minimum_versions.iter();
        Self {
            number: policy.number,
            life_seconds_max: policy.rules.life_seconds_max,
            life_seconds_default: policy.rules.life_seconds_default,
            text_bytes_max: policy.rules.text_bytes_max,
            minimum_versions: versions.map(|one| (one.name().to_owned(), one.version())).collect(),
            auto_lock_seconds: policy.rules.auto_lock_seconds,
            max_open_seconds: policy.rules.max_open_seconds,
        }
    }

    fn rules(&self) -> Result<Rules, Failure> {
        let versions = self.minimum_versions.iter().map(|(name, version)| Software::new(name, version));
        let versions = versions.collect::<Result<_, _>>().map_err(|error| {
            let how = "Write them as in: wardline = \"0.1.0\".";
            Failure::new(FailureKind::Input, "This policy cannot be signed.", format!("{error}."), how)
        })?;
        Ok(Rules {
            life_seconds_max: self.life_seconds_max,
            life_seconds_default: self.life_seconds_default,
            text_bytes_max: self.text_bytes_max,
            minimum_versions: versions,
            auto_lock_seconds: self.auto_lock_seconds,
            max_open_seconds: self.max_open_seconds,
        })
    }
}
