//! The removal record as a file (`admin device record`), and its check without a home (`admin verify`).
//!
//! Each of its fields is checked, also those that only people read: a file in which anything was changed proves nothing.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use wardline_identity::{
    DeviceCertificate, NamingList, Outcome, ProvenAct, ProvenEntry, ProvenRecord, ProvenRemoval,
    RemovalRecord, RemovalRecordError, RootFingerprint,
};
use wardline_proto::{ConversationId, Digest, IdError, relay::SignedStatement};

use super::{Answer, Failure, FailureKind, rfc3339};
use crate::{
    error::CoreError,
    relay::Relay,
    session::{Session, removal_record},
};

/// The version of the form.
const VERSION: u32 = 1;

/// A removal record as it is written: JSON, bytes as lowercase hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovalRecordFile {
    /// 1.
    removal_record: u32,
    /// What it proves, for people.
    pub says: ProvenText,
    /// The root's certificate, DER.
    root: String,
    /// The issuers' list, signed by the root.
    issuers: StatementText,
    /// The device's certificate, DER.
    device: String,
    /// The checkpoint of the relay's record, a C2SP signed note.
    checkpoint: String,
    /// The relay's certificate that verifies it, DER.
    relay: String,
    /// What belongs to the entries about lists, in their order.
    lists: Vec<ListText>,
    /// The entries of the relay's record.
    entries: Vec<EntryText>,
}

/// A signed statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementText {
    body: String,
    signer: String,
    signature: String,
}

/// What belongs to an entry about a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListText {
    chain_before: String,
    conversations: Vec<Vec<String>>,
}

/// An entry with its inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    number: u64,
    entry: String,
    proof: Vec<String>,
}

/// What a removal record proves. It proves nothing about later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenText {
    /// The organisation's name.
    pub organisation: String,
    /// Its root's fingerprint: whoever checks it compares this.
    pub root: String,
    /// The device's id.
    pub device: String,
    /// Its user.
    pub user: String,
    /// What its owner called it.
    pub name: String,
    /// How many entries the relay's record had.
    pub record: u64,
    /// What was done to it, in order.
    pub acts: Vec<ActText>,
    /// What became of it in each conversation that it was in.
    pub removals: Vec<RemovalText>,
}

/// An act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActText {
    /// "revoked", "held" or "reinstated".
    pub change: String,
    /// Why.
    pub reason: String,
    /// The list that says so.
    pub list: u64,
    /// When it was signed, by its issuer's clock.
    pub signed: String,
    /// SHA-256 of the issuer's certificate.
    pub issuer: String,
    /// The instant, by the relay's clock and under its signature.
    pub in_force: String,
    /// In how many conversations it was, under the same signature.
    pub conversations: usize,
}

/// A conversation that the device was in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovalText {
    /// Its id.
    pub conversation: String,
    /// The list that named the device.
    pub list: u64,
    /// Since when nothing is taken there before the device is out.
    pub in_force: String,
    /// "open", "ended" (without a change: a hold ended first, or all in it were revoked), "reported" or "confirmed".
    pub state: String,
    /// When the relay took the change that put it out, or it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removed: Option<String>,
    /// The log that has the change, where it is another than the conversation's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log: Option<String>,
    /// The number of the change.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<u64>,
    /// The epoch it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u64>,
    /// SHA-256 of the change.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// Who signed that they made it: the user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// Their device.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by_device: Option<String>,
    /// Who signed that they have merged it and that the device is out: the user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmed_by: Option<String>,
    /// Their device.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmed_by_device: Option<String>,
    /// When they merged it, by their clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmed: Option<String>,
}

/// Makes the removal record of a device.
pub(super) async fn make(
    session: &Session,
    relay: &Arc<dyn Relay>,
    device: &str,
) -> Result<Answer, CoreError> {
    let (record, proven) = removal_record(session, relay, device).await?;
    Ok(Answer::RemovalRecord(Box::new(RemovalRecordFile::new(&record, &proven))))
}

impl RemovalRecordFile {
    /// A record that was checked, with what it proves.
    fn new(record: &RemovalRecord, proven: &ProvenRecord) -> Self {
        let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
        let issuers = &record.issuers;
        let list = |list: &NamingList| ListText {
            chain_before: hex(&list.chain_before),
            conversations: list
                .conversations
                .iter()
                .map(|ids| ids.iter().map(ToString::to_string).collect())
                .collect(),
        };
        let entry = |entry: &ProvenEntry| EntryText {
            number: entry.number,
            entry: hex(&entry.entry),
            proof: entry.proof.iter().map(|hash| hex(hash.as_bytes())).collect(),
        };
        Self {
            removal_record: VERSION,
            says: ProvenText::of(proven),
            root: hex(&record.root),
            issuers: StatementText {
                body: hex(&issuers.body),
                signer: hex(&issuers.signer),
                signature: hex(&issuers.signature),
            },
            device: hex(&record.device),
            checkpoint: String::from_utf8_lossy(&record.checkpoint).into_owned(),
            relay: hex(&record.relay),
            lists: record.lists.iter().map(list).collect(),
            entries: record.entries.iter().map(entry).collect(),
        }
    }

    /// The text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The record in it; what is no hex of its length says which field.
    fn read(&self) -> Result<RemovalRecord, &'static str> {
        let hex = |text: &str, what| HEXLOWER.decode(text.as_bytes()).map_err(|_| what);
        let list = |list: &ListText| {
            let ids = |ids: &Vec<String>| ids.iter().map(|id| id_of(id)).collect::<Result<Vec<_>, _>>();
            let conversations = list.conversations.iter().map(ids).collect::<Result<_, _>>()?;
            Ok(NamingList { chain_before: hex(&list.chain_before, "chain_before")?, conversations })
        };
        let entry = |entry: &EntryText| {
            let hash = |text: &String| {
                Digest::try_from(hex(text, "proof")?.as_slice()).map_err(|_: IdError| "proof")
            };
            let proof = entry.proof.iter().map(hash).collect::<Result<_, &'static str>>()?;
            Ok(ProvenEntry { number: entry.number, entry: hex(&entry.entry, "entry")?, proof })
        };
        let issuers = &self.issuers;
        Ok(RemovalRecord {
            root: hex(&self.root, "root")?,
            issuers: SignedStatement {
                body: hex(&issuers.body, "issuers")?.into(),
                signer: hex(&issuers.signer, "issuers")?.into(),
                signature: hex(&issuers.signature, "issuers")?.into(),
            },
            device: hex(&self.device, "device")?,
            checkpoint: self.checkpoint.clone().into_bytes(),
            relay: hex(&self.relay, "relay")?,
            lists: self.lists.iter().map(list).collect::<Result<_, &'static str>>()?,
            entries: self.entries.iter().map(entry).collect::<Result<_, &'static str>>()?,
        })
    }
}

fn id_of(text: &str) -> Result<ConversationId, &'static str> {
    let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| "conversations")?;
    ConversationId::try_from(bytes.as_slice()).map_err(|_| "conversations")
}

/// Checks a removal record, offline, under the root with this fingerprint; gives what it proves.
///
/// # Errors
/// [`Failure`] of kind `Unproven`, naming the first thing that does not fit; without a root, naming the fingerprint to compare.
pub fn verify_removal_record(text: &str, root: Option<&str>) -> Result<ProvenText, Failure> {
    let file: RemovalRecordFile =
        serde_json::from_str(text).map_err(|error| unproven(format!("It is no removal record: {error}.")))?;
    if file.removal_record != VERSION {
        return Err(unproven(format!("Its form has version {}, not {VERSION}.", file.removal_record)));
    }
    let record = file.read().map_err(|field| unproven(format!("Its field “{field}” cannot be read.")))?;
    let given = match root {
        Some(root) => RootFingerprint::parse(root).map_err(|error| {
            Failure::new(FailureKind::Input, "That is no root's fingerprint.", format!("{error}."), "")
        })?,
        None => record.root_fingerprint(),
    };
    let proven = record.verify(&given).map_err(|error| match error {
        RemovalRecordError::OtherRoot { actual } => Failure::new(
            FailureKind::Unproven,
            "The removal record is another organisation's.",
            format!("Its root has the fingerprint {actual}."),
            "Compare it with what wardline status shows as root.",
        ),
        error => unproven(format!("{error}.")),
    })?;
    let says = ProvenText::of(&proven);
    if says != file.says {
        return Err(unproven("What it says in words is not what it proves.".to_owned()));
    }
    match root {
        Some(_) => Ok(says),
        None => Err(Failure::new(
            FailureKind::Unproven,
            "The removal record fits together, but nothing here says whose it is.",
            format!("Its root has the fingerprint {}.", says.root),
            "If that is your organisation's (wardline status shows it), run this again with --root and the fingerprint.",
        )),
    }
}

fn unproven(why: String) -> Failure {
    Failure::new(
        FailureKind::Unproven,
        "The removal record proves nothing.",
        why,
        "Get it again from who made it: wardline admin device record DEVICE --out FILE.",
    )
}

impl ProvenText {
    fn of(proven: &ProvenRecord) -> Self {
        Self {
            organisation: proven.organisation.name().to_string(),
            root: proven.organisation.root_fingerprint().to_string(),
            device: proven.device.device().to_string(),
            user: proven.device.user().to_string(),
            name: proven.device.device_name().to_string(),
            record: proven.size,
            acts: proven.acts.iter().map(ActText::of).collect(),
            removals: proven.removals.iter().map(RemovalText::of).collect(),
        }
    }
}

impl ActText {
    fn of(act: &ProvenAct) -> Self {
        Self {
            change: act.kind.to_string(),
            reason: act.reason.to_string(),
            list: act.list,
            signed: rfc3339(act.at),
            issuer: act.issuer.to_string(),
            in_force: rfc3339(act.in_force_at),
            conversations: act.conversations.len(),
        }
    }
}

impl RemovalText {
    fn of(removal: &ProvenRemoval) -> Self {
        let mut text = Self {
            conversation: removal.conversation.to_string(),
            list: removal.list,
            in_force: rfc3339(removal.in_force_at),
            state: "open".to_owned(),
            ..Self::default()
        };
        match &removal.outcome {
            Outcome::Open => {}
            Outcome::Ended { at } => {
                "ended".clone_into(&mut text.state);
                text.removed = Some(rfc3339(*at));
            }
            Outcome::Out(commit) => {
                let confirmed = commit.confirmed.as_deref();
                let state = if confirmed.is_some() { "confirmed" } else { "reported" };
                state.clone_into(&mut text.state);
                text.removed = Some(rfc3339(commit.at));
                text.log = (commit.log != removal.conversation).then(|| commit.log.to_string());
                text.number = Some(commit.number.get());
                text.epoch = Some(commit.epoch.get());
                text.commit = Some(commit.sha256.to_string());
                (text.by, text.by_device) = named(&commit.author);
                if let Some(word) = confirmed {
                    (text.confirmed_by, text.confirmed_by_device) = named(&word.by);
                    text.confirmed = Some(rfc3339(word.merged_at));
                }
            }
        }
        text
    }
}

fn named(one: &DeviceCertificate) -> (Option<String>, Option<String>) {
    (Some(one.user().to_string()), Some(one.device().to_string()))
}
