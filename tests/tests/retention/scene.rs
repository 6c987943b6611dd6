//! A ward of two, and what is asked of it again and again.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use wardline_tests::{Device, Ward, programs};

pub(crate) const WARD: &str = "Ward 4";
pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;

/// A ward in which two people talk.
pub(crate) struct Scene {
    pub ward: Ward,
    pub doctor: Device,
    pub nurse: Device,
}

impl Scene {
    pub(crate) fn set() -> Self {
        let ward = Ward::quick(programs!());
        let [doctor, nurse] = ward.people(["doctor-a", "nurse-b"]);
        doctor.cli(&["conversation", "create", WARD, "--with", "nurse-b"]).good();
        nurse.cli(&["sync"]).good();
        Self { ward, doctor, nurse }
    }

    /// Has a policy put in force, made from the one in force by a change of its file; what the command answers.
    pub(crate) fn policy(&self, change: impl FnOnce(String) -> String) -> Value {
        let file = self.policy_file(change);
        self.ward.administrator.ask(&["admin", "policy", "publish", &file, "--yes"])
    }

    /// The file of the policy in force, changed.
    pub(crate) fn policy_file(&self, change: impl FnOnce(String) -> String) -> String {
        let shown = self.ward.administrator.cli(&["admin", "policy", "show"]).good().stdout;
        let changed = change(shown.clone());
        assert_ne!(changed, shown, "it changes something");
        let file = self.ward.folder().join("policy.toml");
        std::fs::write(&file, changed).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

/// For how many seconds a device keeps a message, from when the relay took it.
pub(crate) fn life(device: &Device, text: &str) -> i64 {
    let read = device.ask_all(&["read", WARD]);
    let message = read.iter().find(|one| one["text"] == text).unwrap_or_else(|| panic!("{text}: {read:?}"));
    let at = |field: &str| OffsetDateTime::parse(message[field].as_str().unwrap(), &Rfc3339).unwrap();
    (at("expires") - at("time")).whole_seconds()
}

/// Whether a life is so long, rounded down to a whole minute, hour or day.
pub(crate) fn is_about(life: i64, seconds: i64) -> bool {
    let step = match seconds {
        ..=DAY => 60,
        _ if seconds <= 30 * DAY => HOUR,
        _ => DAY,
    };
    (seconds - step..=seconds).contains(&life)
}
