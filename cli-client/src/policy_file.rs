//! The policy as a file that people change: TOML, with a remark beside each rule.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Deserialize;
use wardline_client_core::api::{Failure, FailureKind, PolicyText, read_span, short_span};

/// The file's shape. What is missing or unknown is refused: a rule that was misspelt must not count as none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    number: u64,
    messages: Messages,
    open_vaults: OpenVaults,
    #[serde(default)]
    oldest_versions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Messages {
    longest_life: String,
    usual_life: String,
    longest_text: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenVaults {
    longest_unattended: String,
    longest_unreached: String,
}

/// The file's text.
pub(crate) fn write(policy: &PolicyText) -> String {
    let mut text = format!(
        "# What your organisation demands of every device. To change it: wardline admin policy edit

number = {}    # the policy that this was made from; leave it as it is

[messages]
longest_life = \"{}\"    # no message is kept for longer: 5m to 365d
usual_life = \"{}\"      # what new conversations start with
longest_text = {}      # in bytes: 256 to 65536

# When a vault that is kept open (wardline unlock) closes by itself.
[open_vaults]
longest_unattended = \"{}\"    # after so long without a command: 1m to 24h
longest_unreached = \"{}\"      # after so long without the relay: 5m to 3d

# The oldest version of each client that takes part, such as: wardline = \"0.1.0\". One that is not named may be of any version.
[oldest_versions]
",
        policy.number,
        short_span(policy.life_seconds_max),
        short_span(policy.life_seconds_default),
        policy.text_bytes_max,
        short_span(policy.auto_lock_seconds),
        short_span(policy.max_open_seconds),
    );
    for (name, version) in &policy.minimum_versions {
        let _ = writeln!(text, "{name} = \"{version}\"");
    }
    text
}

/// Reads one.
pub(crate) fn read(text: &str) -> Result<PolicyText, Failure> {
    let File { number, messages, open_vaults, oldest_versions } =
        toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end()))?;
    let span = |rule: &str, written: &str| {
        let seconds = read_span(written).map_err(|error| wrong(&format!("{rule}: {error}")))?;
        u32::try_from(seconds).map_err(|_| wrong(&format!("{rule}: “{written}” is too long")))
    };
    Ok(PolicyText {
        number,
        life_seconds_max: span("longest_life", &messages.longest_life)?,
        life_seconds_default: span("usual_life", &messages.usual_life)?,
        text_bytes_max: messages.longest_text,
        minimum_versions: oldest_versions,
        auto_lock_seconds: span("longest_unattended", &open_vaults.longest_unattended)?,
        max_open_seconds: span("longest_unreached", &open_vaults.longest_unreached)?,
    })
}

fn wrong(why: &str) -> Failure {
    Failure::new(
        FailureKind::Input,
        "This is not a policy.",
        why,
        "Compare it with one that is: wardline admin policy show.",
    )
}

/// What one policy says otherwise than another, one line a rule.
pub(crate) fn changes(before: &PolicyText, after: &PolicyText) -> Vec<String> {
    let span = |name: &str, before: u32, after: u32| {
        (before != after).then(|| format!("{name}: {} → {}", short_span(before), short_span(after)))
    };
    let mut lines: Vec<String> = [
        span("longest_life", before.life_seconds_max, after.life_seconds_max),
        span("usual_life", before.life_seconds_default, after.life_seconds_default),
        (before.text_bytes_max != after.text_bytes_max)
            .then(|| format!("longest_text: {} → {}", before.text_bytes_max, after.text_bytes_max)),
        span("longest_unattended", before.auto_lock_seconds, after.auto_lock_seconds),
        span("longest_unreached", before.max_open_seconds, after.max_open_seconds),
    ]
    .into_iter()
    .flatten()
    .collect();
    let names = before.minimum_versions.keys().chain(after.minimum_versions.keys());
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let version = |policy: &PolicyText| {
            policy.minimum_versions.get(name).cloned().unwrap_or_else(|| "any".to_owned())
        };
        if version(before) != version(after) {
            lines.push(format!("oldest {name}: {} → {}", version(before), version(after)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> PolicyText {
        PolicyText {
            number: 3,
            life_seconds_max: 604_800,
            life_seconds_default: 86_400,
            text_bytes_max: 4_096,
            minimum_versions: BTreeMap::from([("wardline".to_owned(), "0.1.0".to_owned())]),
            auto_lock_seconds: 300,
            max_open_seconds: 28_800,
        }
    }

    #[test]
    fn a_policy_reads_as_it_was_written() {
        assert_eq!(read(&write(&policy())).unwrap(), policy());
        let none = PolicyText { minimum_versions: BTreeMap::new(), ..policy() };
        assert_eq!(read(&write(&none)).unwrap(), none);
    }

    #[test]
    fn what_is_misspelt_or_missing_is_refused_and_named() {
        let text = write(&policy());
        for (from, to, names) in [
            ("longest_life", "longest_live", "longest_live"),
            ("usual_life = \"1d\"", "", "usual_life"),
            ("\"7d\"", "\"a week\"", "longest_life"),
            ("number = 3", "number = -1", "number"),
            ("[messages]", "[message]", "message"),
            ("\"7d\"", "\"99999d\"", "too long"),
        ] {
            let failure = read(&text.replace(from, to)).unwrap_err();
            assert!(failure.why.contains(names), "{names}: {}", failure.why);
        }
    }

    #[test]
    fn changes_are_told_rule_by_rule() {
        let mut after = policy();
        assert!(changes(&policy(), &after).is_empty());
        after.life_seconds_max = 2_592_000;
        after.minimum_versions = BTreeMap::from([("app".to_owned(), "1.0.0".to_owned())]);
        assert_eq!(
            changes(&policy(), &after),
            ["longest_life: 7d → 30d", "oldest app: any → 1.0.0", "oldest wardline: 0.1.0 → any"]
        );
    }
}
