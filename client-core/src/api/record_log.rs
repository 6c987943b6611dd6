//! The relay's record, one line an act (`admin log`), and whether all of it is what the relay has signed for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wardline_identity::RecordAct;
use wardline_proto::{DeviceId, UtcMillis};

use super::{
    Answer,
    execute::user_id,
    record_words::{Names, words},
    rfc3339,
};
use crate::{
    error::CoreError,
    relay::Relay,
    session::{Listed, Numbered, Session, listed_devices, named_device, read_record, rebuild_record},
};

/// Which entries are wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RecordFilter {
    /// Only those from this instant on, in milliseconds since 1970 UTC.
    #[serde(default)]
    pub since_ms: Option<u64>,
    /// Only those that name this user or a device of theirs.
    #[serde(default)]
    pub user: Option<String>,
    /// Only those that name this device: its id or an unambiguous prefix.
    #[serde(default)]
    pub device: Option<String>,
    /// Also rebuild the root from all entries and compare it with the one that the relay has signed.
    #[serde(default)]
    pub verify: bool,
}

/// Entries of the relay's record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordLog {
    /// By number.
    pub entries: Vec<RecordLine>,
    /// What was checked, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checked: Option<RecordChecked>,
}

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Its number, from 0.
    pub number: u64,
    /// When, by the relay's clock.
    pub time: String,
    /// What was done: "list_in_force", "device_certified" and so on; "unknown" if this version does not know it.
    pub act: String,
    /// The devices that it names, by id.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub devices: Vec<String>,
    /// The same in words.
    pub text: String,
}

/// What all entries together came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordChecked {
    /// How many entries the relay has signed for.
    pub size: u64,
    /// The root of the tree over them that it has signed.
    pub root: String,
    /// Whether the entries that it gives are those.
    pub fits: bool,
}

impl RecordChecked {
    fn nothing() -> Self {
        Self { size: 0, root: String::new(), fits: false }
    }
}

/// Which entries are shown.
struct Wanted {
    since: UtcMillis,
    user: Option<String>,
    devices: Option<Vec<DeviceId>>,
}

/// Reads the record.
pub(super) async fn log(
    session: &Session,
    relay: &Arc<dyn Relay>,
    filter: RecordFilter,
) -> Result<Answer, CoreError> {
    let listed = listed_devices(session, relay, None).await?;
    let called = listed.iter().map(|one| (one.device(), called(one))).collect();
    let names = Names::new(session.core().await.device.organisation.clone(), called);
    let device = filter.device.as_deref().map(|text| named_device(&listed, text)).transpose()?;
    let user = filter.user.as_deref().map(user_id).transpose()?;
    let devices = match (device, &user) {
        (Some(device), _) => Some(vec![device.device()]),
        (None, Some(user)) => {
            let theirs = listed.iter().filter(|one| one.certificate.user() == user);
            Some(theirs.map(Listed::device).collect())
        }
        (None, None) => None,
    };
    let since = UtcMillis::new(filter.since_ms.unwrap_or(0));
    let wanted = Wanted { since, user: user.map(|user| user.to_string()), devices };
    let mut entries = Vec::new();
    let each = |entry: Numbered| entries.extend(line(&entry, &wanted, &names));
    let checked = if filter.verify {
        let rebuilt = rebuild_record(session, relay, each).await?;
        // A relay that has signed for nothing has nothing that could be checked.
        Some(rebuilt.map_or_else(RecordChecked::nothing, |rebuilt| RecordChecked {
            size: rebuilt.size,
            root: rebuilt.head.root().to_string(),
            fits: rebuilt.fits,
        }))
    } else {
        read_record(session, relay, device.map(Listed::device), each).await?;
        None
    };
    Ok(Answer::Record(RecordLog { entries, checked }))
}

/// "doctor-a's “phone” (5b1c77f0)".
fn called(one: &Listed) -> String {
    let certificate = &one.certificate;
    format!("{}'s “{}” ({:.8})", certificate.user(), certificate.device_name(), one.device().to_string())
}

/// An entry as it is shown, if it is wanted.
fn line(entry: &Numbered, wanted: &Wanted, names: &Names) -> Option<RecordLine> {
    let Some(said) = &entry.said else {
        let all = wanted.devices.is_none() && wanted.since == UtcMillis::new(0);
        return all.then(|| RecordLine {
            number: entry.number,
            time: String::new(),
            act: "unknown".to_owned(),
            devices: Vec::new(),
            text: "something that this version of Wardline does not know".to_owned(),
        });
    };
    let devices = said.act.devices();
    let about = |wanted: &Vec<DeviceId>| devices.iter().any(|device| wanted.contains(device));
    let names_user = wanted.user.is_some() && wanted.user.as_deref() == user_of(&said.act);
    if said.at < wanted.since || !names_user && !wanted.devices.as_ref().is_none_or(about) {
        return None;
    }
    Some(RecordLine {
        number: entry.number,
        time: rfc3339(said.at),
        act: said.act.as_str().to_owned(),
        devices: devices.iter().map(ToString::to_string).collect(),
        text: words(&said.act, names),
    })
}

/// The user whom an act names by their id.
fn user_of(act: &RecordAct) -> Option<&str> {
    match act {
        RecordAct::InvitationPublished { user, .. } | RecordAct::DeviceCertified { user, .. } => {
            Some(user.as_str())
        }
        _ => None,
    }
}
