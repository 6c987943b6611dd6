//! The policy, as the file that it can be changed in, and what a change changes.

use std::io::Write as _;

use wardline_client_core::api::PolicyShown;

use super::{line, note, object};
use crate::policy_file;

/// The policy in force.
pub(crate) fn policy(shown: &PolicyShown, json: bool) {
    if json {
        return object(shown);
    }
    if shown.changed {
        line(&format!("policy {} is in force, in list {}", shown.policy.number, shown.list));
        return;
    }
    if shown.policy.number == 0 {
        note("No policy was signed yet: this is what holds without one.", false);
    }
    // As it can be read again: none of it was written by others than issuers, and each rule was checked.
    let _ = std::io::stdout().lock().write_all(policy_file::write(&shown.policy).as_bytes());
}

/// What is about to change, beside what is printed for programs.
pub(crate) fn policy_changes(number: u64, changes: &[String]) {
    note(&format!("In place of policy {number}:"), false);
    changes.iter().for_each(|change| note(&format!("  {change}"), false));
}
