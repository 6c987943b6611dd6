//! The fence: devices that must leave before any message is accepted (design 4.4). Revocation raises it, in the transaction
//! that takes the list.

use std::collections::BTreeSet;

use wardline_proto::{DeviceId, fault};

use super::{CommitDeclaration, ConversationError};

/// Whether a commit by `author` may pass: its author stands outside the fence, its leaves meet it, and its joins
/// are empty or re-adds, never of a fenced device.
pub(super) fn commit_may_pass(
    fence: &BTreeSet<DeviceId>,
    author: DeviceId,
    declaration: &CommitDeclaration,
) -> Result<(), ConversationError> {
    let (joins, leaves) = (declaration.joins(), declaration.leaves());
    let passes = fence.is_empty()
        || fault::planted("relay.no_fence")
        || !fence.contains(&author)
            && leaves.iter().any(|device| fence.contains(device))
            && joins.iter().all(|device| leaves.contains(device) && !fence.contains(device));
    if passes { Ok(()) } else { Err(ConversationError::RevocationPending) }
}

#[cfg(test)]
mod tests {
    use wardline_proto::{relay::CommitData, roster_digest};

    use super::*;

    fn device(byte: u8) -> DeviceId {
        DeviceId::from_bytes([byte; 16])
    }

    fn passes(fence: &[u8], author: u8, joins: &[u8], leaves: &[u8]) -> bool {
        let wire = |list: &[u8]| list.iter().map(|byte| device(*byte).to_wire()).collect();
        let data = CommitData {
            joins: wire(joins),
            leaves: wire(leaves),
            roster_sha256: roster_digest([]).to_wire(),
            ..CommitData::default()
        };
        let fence = fence.iter().map(|byte| device(*byte)).collect();
        let declaration = CommitDeclaration::parse(&data).unwrap();
        commit_may_pass(&fence, device(author), &declaration).is_ok()
    }

    #[test]
    fn a_fence_lets_only_removals_of_the_fenced_pass() {
        assert!(passes(&[], 1, &[4], &[]), "no fence, no rule");
        assert!(passes(&[2], 1, &[], &[2]));
        assert!(passes(&[2], 1, &[3], &[2, 3]), "a re-add beside it");
        assert!(!passes(&[2], 1, &[], &[3]));
        assert!(!passes(&[2], 1, &[4], &[2]), "no new device");
        assert!(!passes(&[2], 1, &[2], &[2]), "never the fenced one");
        assert!(!passes(&[2], 2, &[], &[3]), "not by the fenced one");
    }
}
