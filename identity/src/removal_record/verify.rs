//! The whole check, from the root to the last entry.

use std::slice::Iter;

use wardline_proto::UtcMillis;

use super::{
    NamingList, ProvenAct, ProvenEntry, ProvenRecord, RemovalRecord, RemovalRecordError,
    lists::{Checked, InForce, acts_about},
    removals::Removals,
};
use crate::{
    Checkpoint, DateCheck, DeviceCertificate, Organisation, RecordAct, RecordEntry, RevocationList,
    RootFingerprint, verify_inclusion,
};

/// An entry that is in the relay's record.
struct Included {
    number: u64,
    said: RecordEntry,
}

impl RemovalRecord {
    /// The fingerprint of the root in it: whose record it is, if it is one.
    #[must_use]
    pub fn root_fingerprint(&self) -> RootFingerprint {
        RootFingerprint::of(&self.root)
    }

    /// Checks all of it, under the root with this fingerprint. Certificates are judged at the times they were used; the
    /// relay's clock says when that was.
    ///
    /// # Errors
    /// [`RemovalRecordError`], naming the first thing that does not fit.
    pub fn verify(&self, root: &RootFingerprint) -> Result<ProvenRecord, RemovalRecordError> {
        let actual = self.root_fingerprint();
        if actual != *root {
            return Err(RemovalRecordError::OtherRoot { actual });
        }
        // 1. The entries as they say themselves: the last tells at what time the root has to be in force.
        let entries = self.entries.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let last = entries.last().ok_or(RemovalRecordError::field("it has no entries"))?;
        if !entries.is_sorted_by(|one, next| one.number < next.number) {
            return Err(RemovalRecordError::field("its entries are not in order"));
        }
        // 2. The organisation and the device.
        let organisation = self.organisation(root, last.said.at)?;
        let device =
            organisation.verify_device(&self.device, DateCheck::Skip).map_err(RemovalRecordError::Device)?;
        // 3. That the relay has signed for all entries.
        let relay = organisation.verify_relay(&self.relay, DateCheck::Skip);
        let key = relay.and_then(|relay| relay.key().as_member());
        let key = key.map_err(|_| RemovalRecordError::field("its relay is not the organisation's"))?;
        let checkpoint = Checkpoint::verify(&self.checkpoint, organisation.id(), &key)
            .map_err(|_| RemovalRecordError::field("its checkpoint is not signed by the relay"))?;
        for ProvenEntry { number, entry, proof } in &self.entries {
            verify_inclusion(entry, *number, proof, &checkpoint).map_err(|_| RemovalRecordError::Entry {
                number: *number,
                what: "it is not in the relay's record",
            })?;
        }
        // 4. What they say, one after another.
        let mut acts = Vec::new();
        let mut removals = Removals::new(&organisation, device.device());
        let mut lists = self.lists.iter();
        for entry in by_lists(&entries) {
            let named = say(&entry.said, (&organisation, &device), (&mut removals, &mut lists));
            let named = named.map_err(|what| RemovalRecordError::Entry { number: entry.number, what })?;
            named.iter().for_each(|act| removals.act(act));
            acts.extend(named);
        }
        if lists.next().is_some() {
            return Err(RemovalRecordError::field("it tells of lists that are not in its entries"));
        }
        if acts.is_empty() {
            return Err(RemovalRecordError::field("no list in it names the device"));
        }
        let removals = removals.into_all();
        Ok(ProvenRecord { organisation, device, size: checkpoint.size(), acts, removals })
    }

    /// The organisation, its root in force at this time.
    fn organisation(
        &self,
        root: &RootFingerprint,
        at: UtcMillis,
    ) -> Result<Organisation, RemovalRecordError> {
        Ok(Organisation::of_root(&self.root, &self.issuers, root, at)?)
    }
}

/// Takes in what an entry says; gives the acts in it that are about the device.
fn say(
    entry: &RecordEntry,
    (organisation, device): (&Organisation, &DeviceCertificate),
    (removals, lists): (&mut Removals<'_>, &mut Iter<'_, NamingList>),
) -> Checked<Vec<ProvenAct>> {
    match &entry.act {
        RecordAct::ListInForce { list, acts, answer, relay_certificate } => {
            let beside = lists.next().ok_or("what belongs to its list is missing")?;
            let in_force = InForce { list, acts, answer, relay: relay_certificate };
            acts_about(organisation, device.device(), &in_force, beside)
        }
        RecordAct::RemovalClosed { device: named, conversation, list_number, commit } => {
            if *named != device.device() {
                return Err("it is about another device");
            }
            removals.closed((*conversation, *list_number), commit.as_ref(), entry.at)?;
            Ok(Vec::new())
        }
        RecordAct::RemovalConfirmed { confirmation, statement, certificate } => {
            removals.confirmed((confirmation, statement), certificate, entry.at)?;
            Ok(Vec::new())
        }
        _ => Err("it says nothing of a removal"),
    }
}

/// An entry as it says itself.
fn read(proven: &ProvenEntry) -> Result<Included, RemovalRecordError> {
    let said = RecordEntry::read(&proven.entry)
        .map_err(|_| RemovalRecordError::Entry { number: proven.number, what: "it cannot be read" })?;
    Ok(Included { number: proven.number, said })
}

/// The entries in their order; of one instant, lists before what came of them. What a hold did that no list named yet comes after
/// the list that took it up: it was closed under the number of that.
fn by_lists(entries: &[Included]) -> impl Iterator<Item = &Included> {
    let mut ordered: Vec<&Included> = Vec::with_capacity(entries.len());
    let (mut known, mut early) = (0, Vec::new());
    for entry in in_order(entries) {
        match &entry.said.act {
            RecordAct::ListInForce { list, .. } => {
                known = RevocationList::stored(list.clone()).map_or(known, |list| list.number());
                ordered.push(entry);
                ordered.append(&mut early);
            }
            RecordAct::RemovalClosed { list_number, .. } if *list_number > known => early.push(entry),
            // Who confirms a removal comes after it.
            RecordAct::RemovalConfirmed { .. } if !early.is_empty() => early.push(entry),
            _ => ordered.push(entry),
        }
    }
    ordered.append(&mut early);
    ordered.into_iter()
}

/// The entries in their order; of one instant, lists before what came of them.
fn in_order(entries: &[Included]) -> impl Iterator<Item = &Included> {
    let is_list = |entry: &&Included| matches!(entry.said.act, RecordAct::ListInForce { .. });
    entries.chunk_by(|one, next| one.said.at == next.said.at).flat_map(move |same| {
        same.iter().filter(is_list).chain(same.iter().filter(move |entry| !is_list(entry)))
    })
}
