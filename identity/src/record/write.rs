//! An entry's bytes, made once: what the relay stores, and what the leaf is made of.

use prost::{Message as _, bytes::Bytes};
use wardline_proto::relay::{self as pb, SignedStatement};
use wardline_proto::{ConversationId, DeviceId, Digest, InvitationId};

use super::{ClosingCommit, RecordAct, RecordEntry};
use crate::RevocationAct;

impl RecordEntry {
    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let entry = pb::RecordEntry { at: Some(self.at.into()), act: Some(act(&self.act)) };
        Bytes::from(entry.encode_to_vec())
    }
}

fn act(act: &RecordAct) -> pb::record_entry::Act {
    use pb::record_entry::Act;
    match act {
        RecordAct::IssuersListTaken { list } => {
            Act::IssuersListTaken(pb::IssuersListTaken { list: Some(list.clone()) })
        }
        RecordAct::InvitationPublished { invitation, record, user, role, issuer, by, replaces } => {
            Act::InvitationPublished(pb::InvitationPublished {
                invitation_id: invitation.to_wire(),
                record_sha256: record.to_wire(),
                user_id: user.to_string(),
                role: i32::from(*role),
                issuer: issuer.to_wire(),
                by_device_id: by.to_wire(),
                replaces_device_id: or_empty(*replaces),
            })
        }
        RecordAct::InvitationWithdrawn { invitation, by } => {
            Act::InvitationWithdrawn(pb::InvitationWithdrawn {
                invitation_id: invitation.to_wire(),
                by_device_id: or_empty(*by),
            })
        }
        RecordAct::DeviceCertified { device, user, role, certificate, issuer, by } => {
            Act::DeviceCertified(pb::DeviceCertified {
                device_id: device.to_wire(),
                user_id: user.to_string(),
                role: i32::from(*role),
                certificate_sha256: certificate.to_wire(),
                issuer: issuer.to_wire(),
                by_device_id: or_empty(*by),
            })
        }
        RecordAct::EnrolmentRefused { invitation, device, by } => {
            Act::EnrolmentRefused(refused(*invitation, *device, *by))
        }
        RecordAct::ListInForce { list, acts, answer, relay_certificate } => {
            Act::ListInForce(in_force(list, acts, answer, relay_certificate))
        }
        RecordAct::DevicesHeld { statement, certificate, answer, relay_certificate, .. } => {
            Act::DevicesHeld(held((statement, certificate), (answer, relay_certificate)))
        }
        RecordAct::RelayCertified { certificates, issuer, by } => {
            Act::RelayCertified(relay_certified(certificates, issuer, *by))
        }
        RecordAct::VaultTried { device, tries, closed } => {
            Act::VaultTried(pb::VaultTried { device_id: device.to_wire(), tries: *tries, closed: *closed })
        }
        RecordAct::RemovalClosed { device, conversation, list_number, commit } => {
            Act::RemovalClosed(pb::RemovalClosed {
                device_id: device.to_wire(),
                conversation_id: conversation.to_wire(),
                list_number: *list_number,
                commit: commit.as_ref().map(closing),
            })
        }
        RecordAct::RemovalConfirmed { statement, certificate, .. } => {
            Act::RemovalConfirmed(pb::RemovalConfirmed {
                confirmation: Some(statement.clone()),
                certificate: certificate.clone(),
            })
        }
        RecordAct::LogClosed { conversation, number, reports } => Act::LogClosed(pb::LogClosed {
            conversation_id: conversation.to_wire(),
            number: number.get(),
            reports: reports.clone(),
        }),
        RecordAct::SuccessorNamed { conversation, successor, by } => {
            Act::SuccessorNamed(named(*conversation, *successor, *by))
        }
    }
}

fn named(conversation: ConversationId, successor: ConversationId, by: DeviceId) -> pb::SuccessorNamed {
    pb::SuccessorNamed {
        conversation_id: conversation.to_wire(),
        successor_id: successor.to_wire(),
        by_device_id: by.to_wire(),
    }
}

fn refused(invitation: InvitationId, device: DeviceId, by: Option<DeviceId>) -> pb::EnrolmentRefused {
    pb::EnrolmentRefused {
        invitation_id: invitation.to_wire(),
        device_id: device.to_wire(),
        by_device_id: or_empty(by),
    }
}

fn relay_certified([ed25519, p256]: &[Digest; 2], issuer: &Digest, by: DeviceId) -> pb::RelayCertified {
    pb::RelayCertified {
        certificate_ed25519_sha256: ed25519.to_wire(),
        certificate_p256_sha256: p256.to_wire(),
        issuer: issuer.to_wire(),
        by_device_id: by.to_wire(),
    }
}

fn in_force(
    list: &SignedStatement,
    acts: &[RevocationAct],
    answer: &SignedStatement,
    relay_certificate: &Bytes,
) -> pb::ListInForce {
    pb::ListInForce {
        list: Some(list.clone()),
        acts: acts.iter().map(RevocationAct::to_wire).collect(),
        answer: Some(answer.clone()),
        relay_certificate: relay_certificate.clone(),
    }
}

fn held(
    (statement, certificate): (&SignedStatement, &Bytes),
    (answer, relay_certificate): (&SignedStatement, &Bytes),
) -> pb::DevicesHeld {
    pb::DevicesHeld {
        statement: Some(statement.clone()),
        signer_certificate: certificate.clone(),
        answer: Some(answer.clone()),
        relay_certificate: relay_certificate.clone(),
    }
}

fn closing(commit: &ClosingCommit) -> pb::RemovalCommit {
    pb::RemovalCommit {
        log_id: commit.log.to_wire(),
        number: commit.number.get(),
        epoch: commit.epoch.get(),
        commit_sha256: commit.sha256.to_wire(),
        author: Some(commit.author.clone()),
        author_certificate: commit.author_certificate.clone(),
    }
}

fn or_empty(device: Option<DeviceId>) -> Bytes {
    device.map(DeviceId::to_wire).unwrap_or_default()
}
