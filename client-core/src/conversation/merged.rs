//! Merging a commit and judging what it did, without the vault.

use std::collections::BTreeSet;

use wardline_identity::{
    DeviceCertificate, Organisation, RevocationList, RevocationRegister, StatementLabel, UserId,
};
use wardline_proto::{
    DeviceId, EntryNumber,
    content::ConversationSettings,
    fault::planted,
    relay::{AuthenticatedData, CommitAuthor, CommitData, authenticated_data::Kind},
};

use super::{
    event::describe,
    hold::Hold,
    judge::{
        DECLARATION, IN_PLACE, Judged, REMOVAL, REUSED, REVOKED, SETTINGS, STRANGER, Verdict, judge,
        settings_at_fault,
    },
    receive::{Received, decode},
    revoked::{is_out, told},
    roster::{Member, Roster},
    ruling::names,
    spent::{Moved, Spent},
    went::{Went, by_list},
};
use crate::{
    error::CoreError,
    mls::{Group, Leaf, MlsStore, StagedCommit},
    vault::tables::faults::FaultRow,
};

/// What merging did.
pub(crate) struct Merged {
    /// What people are shown; empty if nothing.
    pub event: String,
    /// Who made it; empty if nobody known.
    pub author_user: String,
    /// The name people see.
    pub author_name: String,
    /// Why nothing may be encrypted to the conversation now, if so.
    pub hold: Option<Hold>,
    /// The settings that count.
    pub right: ConversationSettings,
    /// Users who are out now.
    pub gone: Vec<String>,
    /// Which devices it moved.
    pub moved: Moved,
    /// The place in the log that its author had seen.
    pub seen: Option<(EntryNumber, Vec<u8>)>,
    /// Whether what travelled beside it is not the author's: the relay's doing.
    pub relay_fault: bool,
    /// Whether this device is out.
    pub self_removed: bool,
    /// The rule its author broke, if any.
    pub fault: Option<FaultRow>,
    /// Who was removed beyond its author's rights: device and user.
    pub wronged: Vec<(DeviceId, UserId)>,
    /// Who is out by it.
    pub went: Went,
    /// Who is in now.
    pub roster: Roster,
    /// Who the relay holds to be in now, if others.
    pub declared: Option<Vec<DeviceId>>,
}

/// The state before.
pub(crate) struct Merging<'a> {
    organisation: &'a Organisation,
    revocations: &'a RevocationRegister,
    leaves: Vec<Leaf>,
    before: Roster,
    in_force: ConversationSettings,
    right: ConversationSettings,
    hold: Option<Hold>,
    /// Its statements that are no ground, and since when devices are in.
    pub spent: Spent,
    /// The faults that are not put right yet.
    pub faults: Vec<FaultRow>,
    /// The relay's roster, where it is another than the tree's.
    pub declared: Option<Vec<DeviceId>>,
    /// The entry that declared it.
    pub declared_at: EntryNumber,
    /// The commit that let this device in.
    pub joined: EntryNumber,
    /// Who was removed beyond rights and is not back: user and devices.
    pub unmended: Vec<(String, Vec<String>)>,
}

impl<'a> Merging<'a> {
    pub(crate) fn begin(
        (organisation, revocations): (&'a Organisation, &'a RevocationRegister),
        group: &Group,
        hold: Option<Hold>,
    ) -> Self {
        let (in_force, leaves) = (group.settings(), group.roster());
        Self {
            organisation,
            revocations,
            before: Hold::read(hold.as_ref(), organisation, &leaves, &[]),
            leaves,
            right: hold.as_ref().and_then(Hold::right).unwrap_or_else(|| in_force.clone()),
            in_force,
            hold,
            spent: Spent::default(),
            faults: Vec::new(),
            declared: None,
            declared_at: EntryNumber::ZERO,
            joined: EntryNumber::ZERO,
            unmended: Vec::new(),
        }
    }

    /// Who is in before the commit, and the settings that are right then.
    pub(crate) fn before(&self) -> (&Roster, &ConversationSettings) {
        (&self.before, &self.right)
    }

    /// Merges the own commit. It is not judged, but what is held because of others may end with it.
    pub(crate) fn merge_own(
        self,
        group: &mut Group,
        store: &MlsStore,
        (own, data): (&DeviceCertificate, Option<&CommitData>),
    ) -> Result<Merged, CoreError> {
        group.merge_pending(store)?;
        let leaves = group.roster();
        let after = Hold::read(self.hold.as_ref(), self.organisation, &leaves, &self.leaves);
        let settings = group.settings();
        let mut verdict = Verdict::default();
        let by = (settings != self.in_force).then(|| own.user());
        if settings_at_fault(&self.before, &self.right, &settings, by) {
            verdict.held.push(SETTINGS);
        }
        verdict.wronged = self.taken_out_first(&after);
        let name = own.display_name().to_string();
        let event = self.describe(&name, data, (&after, &settings));
        let went = Went::between(&self.before, &after, data, self.revocations).by_own();
        // What this device declares is what it makes, and the relay has taken it.
        let anew = |member: &&Member| {
            let device = member.certificate.device().to_wire();
            data.is_some_and(|data| data.joins.contains(&device))
        };
        let anew: Vec<u32> = self.before.members.iter().filter(anew).map(|member| member.index).collect();
        let moved = Moved::between(&self.before, &after, &anew);
        let merged = self.merged(verdict, (after, &leaves), settings, event, (own.user().to_string(), name));
        Ok(Merged { moved, went, ..merged })
    }

    /// Whom the relay had cut off by a lie, and an own correction took out without adding them anew at once: they come back.
    fn taken_out_first(&self, after: &Roster) -> Vec<(DeviceId, UserId)> {
        let Some(declared) = &self.declared else { return Vec::new() };
        let first = |member: &&Member| {
            let device = member.certificate.device();
            let at_fault = self.faults.iter().any(|fault| fault.proven && names(fault, member));
            let stays_out = at_fault || is_out(self.revocations, &device);
            after.device(&device).is_none() && !declared.contains(&device) && !stays_out
        };
        let gone = self.before.members.iter().filter(first);
        gone.map(|member| (member.certificate.device(), member.certificate.user().clone())).collect()
    }

    /// Merges another's commit and judges it.
    pub(crate) fn merge(
        self,
        group: &mut Group,
        store: &MlsStore,
        staged: StagedCommit,
        received: &Received<'_>,
    ) -> Result<Merged, CoreError> {
        let author = self.before.members.iter().find(|member| member.index == staged.sender.index).cloned();
        let data = commit_data(&staged.aad);
        let self_removed = staged.self_removed;
        // Settings that are gone or malformed, and changes that no client of ours makes, are beyond anybody's rights.
        let ours = staged.context_is_ours && staged.foreign_proposals == 0;
        let brought = staged.settings_changed || staged.foreign_proposals > 0;
        let settings = staged.settings_after.clone().unwrap_or_default();
        let changed = staged.settings_changed;
        let leaves = staged.roster_after.clone();
        let removed: Vec<u32> = staged.removes.iter().map(|leaf| leaf.index).collect();
        let after = Hold::read(self.hold.as_ref(), self.organisation, &leaves, &self.leaves);
        group.merge_staged(store, staged)?;
        let then = self.to_author(data.as_ref(), (&after, &leaves));

        let mut verdict = match &author {
            Some(author) => judge(&Judged {
                author,
                before: &self.before,
                after: &after,
                then: &then,
                removed: &removed,
                right: &self.right,
                settings_after: &settings,
                settings_changed: changed,
                data: data.as_ref(),
                conversation: received.conversation.as_bytes(),
                spent: &self.spent,
                faults: &self.faults,
                declared: self.declared.as_deref(),
                joined: self.joined,
                unmended: &self.unmended,
                organisation: self.organisation,
                revocations: self.revocations,
            }),
            None => Verdict { held: vec![STRANGER], ..Verdict::default() },
        };
        if verdict.list > 0 {
            let signed = self.revocations.list().map_or(received.stamp, RevocationList::signed_at);
            verdict.list_at = received.stamp.max(signed).get();
        }
        if !ours && !verdict.held.contains(&SETTINGS) {
            verdict.held.push(SETTINGS);
            if brought {
                verdict.proven.push(SETTINGS);
            }
        }
        let name = author.as_ref().map_or_else(String::new, |one| one.certificate.display_name().to_string());
        let user = author.as_ref().map_or_else(String::new, |one| one.certificate.user().to_string());
        let shown = if name.is_empty() { "someone" } else { name.as_str() };
        let mut event = self.describe(shown, data.as_ref(), (&after, &settings));
        note(&mut event, &verdict, shown);
        if let Some(number) = data.as_ref().map(|data| data.corrects_number).filter(|number| *number > 0) {
            add(&mut event, &format!("{shown} put right what was done at {number}"));
        }
        let relay_fault = author.as_ref().is_some_and(|author| !authored(author, received));
        let fault = author.as_ref().and_then(|author| fault_of(author, &verdict, received.number));
        let declared = declared_after(&self, data.as_ref(), &after);
        let moved = Moved::between(&self.before, &after, &removed);
        let went = Went::between(&self.before, &after, data.as_ref(), self.revocations);
        let mut merged = self.merged(verdict, (after, &leaves), settings, event, (user, name));
        (merged.moved, merged.went) = (moved, went);
        if let Some(data) = data {
            merged.seen = Some((EntryNumber::new(data.seen_number), data.seen_hash.to_vec()));
        }
        merged.relay_fault = relay_fault;
        merged.self_removed = self_removed;
        merged.fault = fault;
        merged.declared = declared;
        Ok(merged)
    }

    /// Who is in after it to its author: by the issuers' list that it names. Who had not heard of a strike is not at fault for whom it
    /// let in, and declared them rightly.
    fn to_author(&self, data: Option<&CommitData>, (after, leaves): (&Roster, &[Leaf])) -> Roster {
        let named = data.map_or(u64::MAX, |data| data.issuers_list_number);
        let newest = named >= self.organisation.issuers_number();
        if after.strangers.is_empty() || newest || planted("mutant.judge_by_newest_issuers") {
            return after.clone();
        }
        Hold::read(self.hold.as_ref(), &self.organisation.as_of(named), leaves, &self.leaves)
    }

    /// What people read of it: who is out because of the list went by nobody's will.
    fn describe(
        &self,
        author: &str,
        data: Option<&CommitData>,
        (after, settings): (&Roster, &ConversationSettings),
    ) -> String {
        let by_list = |member: &Member| by_list(member, data, (after, self.revocations));
        let (gone, others): (Vec<Member>, Vec<Member>) =
            self.before.members.iter().cloned().partition(by_list);
        let before = Roster { members: others, strangers: self.before.strangers.clone() };
        let mut event = told(self.revocations, &gone).join("; ");
        let rest = describe(author, &before, after, (&self.in_force, settings));
        if !rest.is_empty() {
            add(&mut event, &rest);
        }
        event
    }

    fn merged(
        self,
        verdict: Verdict,
        (roster, leaves): (Roster, &[Leaf]),
        settings: ConversationSettings,
        event: String,
        (author_user, author_name): (String, String),
    ) -> Merged {
        let hold = Hold::after(self.hold, &verdict, (&roster, leaves), &self.right);
        let mut gone: Vec<String> = self
            .before
            .members
            .iter()
            .filter(|member| !roster.has_user(member.certificate.user()))
            .map(|member| member.certificate.user().to_string())
            .collect();
        gone.dedup();
        let right = if verdict.held.contains(&SETTINGS) { self.right } else { settings };
        Merged {
            event,
            author_user,
            author_name,
            hold,
            right,
            gone,
            moved: Moved::default(),
            seen: None,
            relay_fault: false,
            self_removed: false,
            fault: None,
            wronged: verdict.wronged,
            went: Went::default(),
            roster,
            declared: None,
        }
    }
}

/// The rule that a commit broke, as it is kept.
fn fault_of(author: &Member, verdict: &Verdict, number: EntryNumber) -> Option<FaultRow> {
    let one = &author.certificate;
    let author = || (one.device(), one.user().clone(), one.display_name().to_string());
    // Its author may not know of the removal: only the device that came in is where it must not be.
    let in_place = verdict.in_place_of_another.clone().filter(|_| verdict.proven.is_empty());
    let proven = if in_place.is_some() { vec![IN_PLACE] } else { verdict.proven.clone() };
    let (device, user, name) = in_place.unwrap_or_else(author);
    let shown = verdict.shown.filter(|shown| [REMOVAL, DECLARATION, REVOKED].contains(shown));
    let why: Vec<&str> = proven.iter().copied().chain(shown).collect();
    let instead = verdict.instead.clone().filter(|_| why == [REUSED]);
    let (device, user, name) = instead.unwrap_or((device, user, name));
    (!why.is_empty()).then(|| FaultRow {
        number,
        device,
        user: user.to_string(),
        name,
        why: why.join("; "),
        devices: verdict.devices.clone(),
        proven: !proven.is_empty(),
        settled: false,
    })
}

/// Who the relay holds to be in after a commit, if others than the tree has: it goes by what was declared.
fn declared_after(before: &Merging<'_>, data: Option<&CommitData>, after: &Roster) -> Option<Vec<DeviceId>> {
    let devices = |roster: &Roster| roster.members.iter().map(|member| member.certificate.device()).collect();
    let mut declared: BTreeSet<DeviceId> = before
        .declared
        .as_ref()
        .map_or_else(|| devices(&before.before), |known| known.iter().copied().collect());
    if let Some(data) = data {
        for device in data.leaves.iter().filter_map(|bytes| DeviceId::try_from(bytes).ok()) {
            declared.remove(&device);
        }
        declared.extend(data.joins.iter().filter_map(|bytes| DeviceId::try_from(bytes).ok()));
    }
    let tree: BTreeSet<DeviceId> = devices(after);
    (declared != tree).then(|| declared.into_iter().collect())
}

fn add(event: &mut String, part: &str) {
    if !event.is_empty() {
        event.push_str("; ");
    }
    event.push_str(part);
}

/// Adds the verdict to what people are shown.
fn note(event: &mut String, verdict: &Verdict, author: &str) {
    let held = verdict.held.iter().map(|what| {
        let by = if verdict.proven.contains(what) { format!(" (by {author})") } else { String::new() };
        format!("nothing is sent here until it is put right: {what}{by}")
    });
    let shown = verdict.shown.iter().map(|what| format!("{author} {what}"));
    held.chain(shown).for_each(|part| add(event, &part));
}

/// Whether the author's signature beside the commit is over these bytes in this conversation. It is not part of the
/// commit: what does not match is the relay's doing, never a report against the author (design 4.3).
fn authored(author: &Member, received: &Received<'_>) -> bool {
    let Some(statement) = &received.entry.author else { return false };
    author
        .certificate
        .verify_statement(StatementLabel::CommitAuthor, statement)
        .ok()
        .and_then(|body| decode::<CommitAuthor>(&body))
        .is_some_and(|said| {
            said.conversation_id.as_ref() == received.conversation.as_bytes().as_slice()
                && said.epoch == received.entry.epoch
                && said.commit_sha256.as_ref() == received.digest.as_bytes().as_slice()
        })
}

pub(crate) fn commit_data(aad: &[u8]) -> Option<CommitData> {
    match decode::<AuthenticatedData>(aad)?.kind? {
        Kind::Commit(data) => Some(data),
        Kind::Message(_) => None,
    }
}
