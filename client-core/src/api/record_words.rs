//! An act of the record in words, on one line.

use std::collections::HashMap;

use wardline_identity::{
    DateCheck, Organisation, RecordAct, RevocationAct, RevocationKind, RevocationList, StatementLabel,
};
use wardline_proto::{
    ConversationId, DeviceId, Digest, InvitationId,
    relay::{IssuersList, SignedStatement},
};

/// What people call devices, and whose signatures count.
pub(super) struct Names {
    organisation: Organisation,
    devices: HashMap<DeviceId, String>,
}

impl Names {
    pub(super) fn new(organisation: Organisation, devices: HashMap<DeviceId, String>) -> Self {
        Self { organisation, devices }
    }

    fn called(&self, device: &DeviceId) -> String {
        let known = self.devices.get(device).cloned();
        known.unwrap_or_else(|| format!("device {:.8}", device.to_string()))
    }

    /// Whose issuer this is.
    fn issuer(&self, fingerprint: &[u8]) -> String {
        let known = Digest::try_from(fingerprint).ok();
        let issuer = known.and_then(|known| self.organisation.issuer_of(&known).cloned());
        let user = issuer.and_then(|issuer| issuer.user().map(ToString::to_string));
        user.map_or_else(|| "an issuer".to_owned(), |user| format!("{user}'s issuer"))
    }

    /// "signed by …", if the device with this certificate has signed it.
    fn signer(&self, certificate: &[u8], (label, statement): (StatementLabel, &SignedStatement)) -> String {
        let by = self.organisation.verify_device(certificate, DateCheck::Skip).ok();
        match by.filter(|by| by.verify_statement(label, statement).is_ok()) {
            Some(by) => format!("signed by {}", self.called(&by.device())),
            None => "with a signature that does not verify".to_owned(),
        }
    }
}

/// How many acts of one list are named.
const NAMED_MAX: usize = 5;

/// What was done, by whom and to whom.
pub(super) fn words(act: &RecordAct, names: &Names) -> String {
    let device = |id: &DeviceId| names.called(id);
    match act {
        RecordAct::IssuersListTaken { list } => {
            let read: Option<IssuersList> = prost::Message::decode(list.body.clone()).ok();
            let (number, issuers) = read.map_or((0, 0), |list| (list.number, list.certificates.len()));
            format!("the relay took list {number} of issuers, with {issuers}")
        }
        RecordAct::InvitationPublished { invitation, user, role, by, replaces, .. } => {
            let place =
                replaces.map_or_else(String::new, |replaced| format!(" in place of {}", device(&replaced)));
            let invitation = short_invitation(invitation);
            format!("{} invited {user} as {}{place} (invitation {invitation})", device(by), role.as_str())
        }
        RecordAct::InvitationWithdrawn { invitation, by } => {
            let invitation = short_invitation(invitation);
            match by {
                Some(by) => format!("{} withdrew invitation {invitation}", device(by)),
                None => format!("the relay withdrew invitation {invitation}: its issuer was struck"),
            }
        }
        RecordAct::DeviceCertified { device: one, user, role, by, .. } => {
            let by = by.map_or_else(|| "with the root's list".to_owned(), |by| format!("by {}", device(&by)));
            format!("a device of {user}, {}, was certified {by}: {}", role.as_str(), device(one))
        }
        RecordAct::EnrolmentRefused { invitation, device: one, by } => {
            let by = by.map_or_else(|| "the relay".to_owned(), |by| device(&by));
            format!("{by} refused to certify {} (invitation {})", device(one), short_invitation(invitation))
        }
        RecordAct::ListInForce { list, acts, .. } => in_force(list, acts, names),
        RecordAct::DevicesHeld { devices, statement, certificate, .. } => {
            held(devices, names, &names.signer(certificate, (StatementLabel::Hold, statement)))
        }
        RecordAct::RelayCertified { by, .. } => {
            format!("the relay's own certificates were followed by the next, handed in by {}", device(by))
        }
        RecordAct::VaultTried { device: one, tries, closed } => tried(&device(one), *tries, *closed),
        RecordAct::RemovalClosed { device: one, conversation, commit, .. } => {
            let conversation = short(conversation);
            match commit {
                None => format!("{} need not leave conversation {conversation} any more", device(one)),
                Some(commit) => {
                    let number = commit.number.get();
                    let signed = (StatementLabel::CommitAuthor, &commit.author);
                    let by = names.signer(&commit.author_certificate, signed);
                    format!("{} is out of conversation {conversation} by change {number}, {by}", device(one))
                }
            }
        }
        RecordAct::RemovalConfirmed { confirmation, statement, certificate } => {
            let by = names.signer(certificate, (StatementLabel::RemovalConfirmation, statement));
            let (log, number) = (short(&confirmation.log), confirmation.number.get());
            let whom = listed(confirmation.devices.iter().map(device));
            format!("confirmed, {by}: {whom} is out of conversation {log} since change {number}")
        }
        RecordAct::LogClosed { conversation, number, reports } => {
            closed(&short(conversation), number.get(), reports.len())
        }
        RecordAct::SuccessorNamed { conversation, successor, by } => {
            format!(
                "conversation {} goes on in {}, made by {}",
                short(conversation),
                short(successor),
                device(by)
            )
        }
        _ => "something that this version of Wardline does not know".to_owned(),
    }
}

/// A list, who signed it, and what it does.
fn in_force(list: &SignedStatement, acts: &[RevocationAct], names: &Names) -> String {
    let read = RevocationList::stored(list.clone());
    let (number, policy) = read.map_or((0, 0), |list| (list.number(), list.policy().number));
    let policy = if policy > 0 { format!(" with policy {policy}") } else { String::new() };
    let (by, done) = (names.issuer(&list.signer), done((number, acts), names));
    format!("list {number} of revoked devices, signed by {by}, is in force{policy}: {done}")
}

/// Passcodes that were not the right one.
fn tried(device: &str, tries: u32, closed: bool) -> String {
    if closed {
        return format!(
            "the vault of {device} is closed for ever: passcodes were tried at it {tries} times and once more"
        );
    }
    format!("passcodes were tried at the vault of {device}, which was not opened since: {tries} by now")
}

/// Why a log was closed.
fn closed(conversation: &str, number: u64, reports: usize) -> String {
    match number {
        0 => format!("conversation {conversation} was closed: all in it were revoked"),
        number => format!(
            "conversation {conversation} was closed at change {number}, which {reports} device(s) could not follow"
        ),
    }
}

/// What was done by a statement.
fn held(devices: &[DeviceId], names: &Names, by: &str) -> String {
    format!("put on hold, {by}: {}", listed(devices.iter().map(|device| names.called(device))))
}

/// What was done by a list.
fn done((number, acts): (u64, &[RevocationAct]), names: &Names) -> String {
    if acts.is_empty() {
        let words =
            if number == 1 { "the first, with nobody on it" } else { "nothing is done to any device" };
        return words.to_owned();
    }
    let each = acts.iter().map(|act| {
        let what = match act.kind {
            RevocationKind::Revoked => "revoked",
            RevocationKind::Held => "on hold",
            RevocationKind::Reinstated => "reinstated",
        };
        format!("{what} {} ({})", names.called(&act.device), act.reason)
    });
    listed(each)
}

fn listed(each: impl ExactSizeIterator<Item = String>) -> String {
    let more = each.len().saturating_sub(NAMED_MAX);
    let mut text = each.take(NAMED_MAX).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn short(conversation: &ConversationId) -> String {
    format!("{:.8}", conversation.to_string())
}

fn short_invitation(invitation: &InvitationId) -> String {
    format!("{:.8}", invitation.to_string())
}
