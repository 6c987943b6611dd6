//! What a staged commit does to the members, computed from its proposals alone.
//!
//! RFC 9420 §12.4.2: removes first, then adds, each in the leftmost empty leaf (§7.7); last the committer's
//! own leaf.

use std::collections::BTreeMap;

use openmls::prelude::StagedCommit;

use crate::mls::Leaf;

/// The leaves a commit adds, at the places they will have, given who was there before.
pub(super) fn added(before: &[Leaf], staged: &StagedCommit) -> Vec<Leaf> {
    let mut taken: Vec<u32> = before.iter().map(|leaf| leaf.index).collect();
    taken.retain(|index| !removed_indices(staged).contains(index));
    staged
        .add_proposals()
        .map(|proposal| {
            let index = (0..).find(|index| !taken.contains(index)).expect("fewer than 2^32 leaves");
            taken.push(index);
            Leaf::of_node(index, proposal.add_proposal().key_package().leaf_node())
        })
        .collect()
}

/// The leaves a commit removes.
pub(super) fn removed(before: &[Leaf], staged: &StagedCommit) -> Vec<Leaf> {
    let indices = removed_indices(staged);
    before.iter().filter(|leaf| indices.contains(&leaf.index)).cloned().collect()
}

/// The committer's new leaf, from the commit's path.
pub(super) fn updated(committer: u32, staged: &StagedCommit) -> Option<Leaf> {
    staged.update_path_leaf_node().map(|node| Leaf::of_node(committer, node))
}

/// All members after the commit.
pub(super) fn after(before: &[Leaf], staged: &StagedCommit, committer: u32) -> Vec<Leaf> {
    let removed = removed_indices(staged);
    let mut roster: BTreeMap<u32, Leaf> = before
        .iter()
        .filter(|leaf| !removed.contains(&leaf.index))
        .map(|leaf| (leaf.index, leaf.clone()))
        .collect();
    let changed = added(before, staged).into_iter().chain(updated(committer, staged));
    roster.extend(changed.map(|leaf| (leaf.index, leaf)));
    roster.into_values().collect()
}

fn removed_indices(staged: &StagedCommit) -> Vec<u32> {
    staged.remove_proposals().map(|proposal| proposal.remove_proposal().removed().u32()).collect()
}
