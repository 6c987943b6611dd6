//! Whether an entry is in a record, and whether one record goes on from another (RFC 6962 §2.1.1, §2.1.2).

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use wardline_proto::{Digest, fault};

use super::Checkpoint;
use crate::RecordError;

/// No record has more entries, and the arithmetic of proofs stays far from its limits.
const SIZE_MAX: u64 = 1 << 48;

/// Checks that this entry, by the bytes it is stored as, is the one with this number (from 0) under the checkpoint.
///
/// # Errors
/// [`RecordError::Inclusion`].
pub fn verify_inclusion(
    entry: &[u8],
    number: u64,
    proof: &[Digest],
    checkpoint: &Checkpoint,
) -> Result<(), RecordError> {
    let proof = InclusionProof::try_from_bytes(bytes(proof)).map_err(|_| RecordError::Inclusion)?;
    let root = root(checkpoint).ok_or(RecordError::Inclusion)?;
    root.verify_inclusion(&entry, number, &proof).map_err(|_| RecordError::Inclusion)
}

/// Checks that the newer record has all that the older one has, in its place, and only more behind it. An empty record is the
/// beginning of each; two of one size are one record, or there is no proof.
///
/// # Errors
/// [`RecordError::Consistency`].
pub fn verify_consistency(
    older: &Checkpoint,
    newer: &Checkpoint,
    proof: &[Digest],
) -> Result<(), RecordError> {
    if fault::planted("mutant.any_record_proof") {
        return Ok(());
    }
    if older.origin() != newer.origin() {
        return Err(RecordError::Consistency);
    }
    if older.size() == 0 {
        let empty = *older.root() == Digest::of(b"") && proof.is_empty();
        return if empty { Ok(()) } else { Err(RecordError::Consistency) };
    }
    let proof = ConsistencyProof::try_from_bytes(bytes(proof)).map_err(|_| RecordError::Consistency)?;
    let (Some(before), Some(after)) = (root(older), root(newer)) else {
        return Err(RecordError::Consistency);
    };
    after.verify_consistency(&before, &proof).map_err(|_| RecordError::Consistency)
}

fn root(checkpoint: &Checkpoint) -> Option<RootHash<Sha256>> {
    let size = checkpoint.size();
    (size <= SIZE_MAX).then(|| RootHash::new((*checkpoint.root().as_bytes()).into(), size))
}

fn bytes(proof: &[Digest]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
