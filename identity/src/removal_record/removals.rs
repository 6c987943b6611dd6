//! What became of the device in each conversation, and what members have signed of it.

use std::collections::BTreeMap;

use prost::Message as _;
use wardline_proto::{
    ConversationId, DeviceId, UtcMillis,
    relay::{self as pb, SignedStatement},
};

use super::{Outcome, ProvenAct, ProvenCommit, ProvenConfirmation, ProvenRemoval, lists::Checked};
use crate::{
    ClosingCommit, DeviceCertificate, Organisation, RemovalConfirmation, RevocationKind, StatementLabel,
};

/// The conversations of a device, as the entries tell one after another.
pub(super) struct Removals<'a> {
    organisation: &'a Organisation,
    device: DeviceId,
    /// By the conversation and the list that named the device there: one that comes back after a hold may be named again.
    found: BTreeMap<(ConversationId, u64), ProvenRemoval>,
}

impl<'a> Removals<'a> {
    pub(super) const fn new(organisation: &'a Organisation, device: DeviceId) -> Self {
        Self { organisation, device, found: BTreeMap::new() }
    }

    /// An act puts the device out: in each of its conversations that is open from then on, if it was not before.
    pub(super) fn act(&mut self, act: &ProvenAct) {
        if act.kind == RevocationKind::Reinstated {
            return;
        }
        for conversation in &act.conversations {
            let mut before = self.found.values().filter(|removal| removal.conversation == *conversation);
            if before.any(|removal| removal.outcome == Outcome::Open) {
                continue;
            }
            let new = ProvenRemoval {
                conversation: *conversation,
                list: act.list,
                in_force_at: act.in_force_at,
                outcome: Outcome::Open,
            };
            self.found.insert((*conversation, act.list), new);
        }
    }

    /// A removal is closed.
    pub(super) fn closed(
        &mut self,
        (conversation, list): (ConversationId, u64),
        commit: Option<&ClosingCommit>,
        at: UtcMillis,
    ) -> Checked<()> {
        let outcome = match commit {
            None => Outcome::Ended { at },
            // Another log is only the one that goes on from this, at its first commit.
            Some(ClosingCommit { log, number, epoch, .. })
                if *log != conversation && (number.get(), epoch.get()) != (1, 0) =>
            {
                return Err("its commit is in another conversation");
            }
            Some(commit) => Outcome::Out(Box::new(self.commit(commit, at)?)),
        };
        if !self.found.keys().any(|(known, _)| *known == conversation) {
            return Err("it is about a conversation that the relay's answer does not stand for");
        }
        let removal = self.found.get_mut(&(conversation, list));
        let removal = removal.filter(|removal| removal.outcome == Outcome::Open);
        let removal = removal.ok_or("it closes what is not open")?;
        removal.outcome = outcome;
        Ok(())
    }

    /// The commit by which the device went out, by its author's signature.
    fn commit(&self, commit: &ClosingCommit, at: UtcMillis) -> Checked<ProvenCommit> {
        let author = self.member(&commit.author_certificate, at)?;
        let body = author
            .verify_statement(StatementLabel::CommitAuthor, &commit.author)
            .map_err(|_| "its author's signature does not verify")?;
        let said = pb::CommitAuthor::decode(body).map_err(|_| "its author's statement cannot be read")?;
        let fits = said.conversation_id == commit.log.to_wire()
            && said.epoch == commit.epoch.get()
            && said.commit_sha256 == commit.sha256.to_wire();
        if !fits {
            return Err("its author signed for another commit");
        }
        let ClosingCommit { log, number, epoch, sha256, .. } = *commit;
        Ok(ProvenCommit { at, log, number, epoch, sha256, author, confirmed: None })
    }

    /// A second member confirms a commit.
    pub(super) fn confirmed(
        &mut self,
        (said, statement): (&RemovalConfirmation, &SignedStatement),
        certificate: &[u8],
        at: UtcMillis,
    ) -> Checked<()> {
        let by = self.member(certificate, at)?;
        by.verify_statement(StatementLabel::RemovalConfirmation, statement)
            .map_err(|_| "its confirmation's signature does not verify")?;
        if !said.devices.contains(&self.device) || said.devices.contains(&by.device()) {
            return Err("its confirmation is about other devices");
        }
        let mut found = false;
        for removal in self.found.values_mut() {
            let Outcome::Out(commit) = &mut removal.outcome else { continue };
            let of = (commit.log, commit.number, commit.epoch, commit.sha256);
            // A member speaks of what it saw in this conversation.
            if removal.conversation != said.log || of != (said.log, said.number, said.epoch, said.sha256) {
                continue;
            }
            if commit.author.device() == by.device() {
                return Err("its author confirms it");
            }
            let word = ProvenConfirmation { by: by.clone(), at, merged_at: said.merged_at };
            commit.confirmed = Some(Box::new(word));
            found = true;
        }
        if found { Ok(()) } else { Err("it confirms another commit") }
    }

    /// All of them, by conversation, then by list.
    pub(super) fn into_all(self) -> Vec<ProvenRemoval> {
        self.found.into_values().collect()
    }

    /// A device of the organisation that was in force then, and is not the one that goes.
    fn member(&self, der: &[u8], at: UtcMillis) -> Checked<DeviceCertificate> {
        let member = self.organisation.verify_device(der, at);
        let member = member.map_err(|_| "it is signed by no device of the organisation")?;
        if member.device() == self.device {
            return Err("it is signed by the device that it is about");
        }
        Ok(member)
    }
}
