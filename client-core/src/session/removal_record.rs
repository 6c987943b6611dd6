//! The removal record of a device: its entries of the relay's record with their proofs, and what belongs to them. It is checked
//! here, as anybody will, before it is handed out.

use std::sync::Arc;

use wardline_identity::{
    ACTS_MAX, NamingList, ProvenEntry, ProvenRecord, RecordAct, RecordEntry, RemovalRecord, RevocationAct,
    RevocationList, chain_of,
};
use wardline_proto::{
    ConversationId, DeviceId, Digest,
    relay::{
        GetRecordProofRequest, GetRemovalsRequest, PublishRevocationListRequest,
        PublishRevocationListResponse, SignedStatement,
    },
};

use super::{
    Session, inventory,
    record_pages::{self, Numbered},
};
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::revocation,
};

/// How many entries one call proves.
const PROVEN_MAX: usize = 100;

/// Makes the removal record of the device that a text names.
pub(crate) async fn removal_record(
    session: &Session,
    relay: &Arc<dyn Relay>,
    text: &str,
) -> Result<(RemovalRecord, ProvenRecord), CoreError> {
    let listed = inventory::devices(session, relay, None).await?;
    let one = inventory::named(&listed, text)?;
    let device = one.device();
    // 1. What the record says of it, and that it does.
    let mut entries: Vec<(Numbered, RecordEntry)> = Vec::new();
    let head = record_pages::read(session, relay, Some(device), |mut entry| {
        if let Some(said) = entry.said.take()
            && is_of_removal(&said.act)
        {
            entries.push((entry, said));
        }
    })
    .await?;
    let Some(head) = head.filter(|_| !entries.is_empty()) else { return Err(nothing(one).into()) };
    let numbers: Vec<u64> = entries.iter().map(|(entry, _)| entry.number).collect();
    let proofs = proofs(relay, head.checkpoint.size(), &numbers).await?;
    // 2. What the entries about lists stand for.
    let mut lists = Vec::new();
    for (_, said) in &entries {
        if let RecordAct::ListInForce { list, acts, .. } = &said.act {
            lists.push(naming_list(session, relay, device, (list, acts)).await?);
        }
    }
    let proven = |((entry, _), proof): ((Numbered, RecordEntry), Vec<Digest>)| ProvenEntry {
        number: entry.number,
        entry: entry.bytes.to_vec(),
        proof,
    };
    let core = session.core().await;
    let organisation = &core.device.organisation;
    let record = RemovalRecord {
        root: organisation.root_der().to_vec(),
        issuers: organisation.to_wire().issuers.unwrap_or_default(),
        device: one.certificate.der().to_vec(),
        checkpoint: head.note.to_vec(),
        relay: head.certificate.to_vec(),
        lists,
        entries: entries.into_iter().zip(proofs).map(proven).collect(),
    };
    // 3. As anybody checks it.
    let proven = record.verify(&organisation.root_fingerprint()).map_err(|error| {
        Failure::new(
            FailureKind::Unproven,
            "What the relay gives of this device's removal proves nothing.",
            format!("{error}."),
            "Look at the whole record: wardline admin log --verify.",
        )
    })?;
    Ok((record, proven))
}

/// Whether an act is a part of a removal.
const fn is_of_removal(act: &RecordAct) -> bool {
    matches!(
        act,
        RecordAct::ListInForce { .. } | RecordAct::RemovalClosed { .. } | RecordAct::RemovalConfirmed { .. }
    )
}

/// The inclusion proofs of these entries, in their order.
async fn proofs(relay: &Arc<dyn Relay>, size: u64, numbers: &[u64]) -> Result<Vec<Vec<Digest>>, CoreError> {
    let mut proofs = Vec::with_capacity(numbers.len());
    for chunk in numbers.chunks(PROVEN_MAX) {
        let request = GetRecordProofRequest { size, goes_on_from: 0, numbers: chunk.to_vec() };
        let answer = relay.get_record_proof(request).await?;
        let fits = answer.inclusions.iter().map(|proof| proof.number).eq(chunk.iter().copied());
        let hashes =
            answer.inclusions.iter().map(|proof| proof.hashes.iter().map(Digest::try_from).collect());
        let hashes: Result<Vec<Vec<Digest>>, _> = hashes.collect();
        match hashes {
            Ok(hashes) if fits => proofs.extend(hashes),
            _ => return Err(CoreError::Protocol("did not prove its record")),
        }
    }
    Ok(proofs)
}

/// What belongs to the entry about a list: the chain before it, and the conversations of the device, which the relay names
/// beside its answer whenever the same list comes.
async fn naming_list(
    session: &Session,
    relay: &Arc<dyn Relay>,
    device: DeviceId,
    (statement, acts): (&SignedStatement, &[RevocationAct]),
) -> Result<NamingList, CoreError> {
    let list = RevocationList::stored(statement.clone())?;
    let before = list.acts().saturating_sub(acts.len() as u64);
    let chain_before = {
        let core = session.core().await;
        let mut tx = core.vault.begin("look_for_acts").await?;
        let mut all = revocation::acts_after(&mut tx, 0).await?;
        tx.commit().await?;
        all.truncate(usize::try_from(before).unwrap_or(usize::MAX));
        chain_of(core.device.organisation.id(), &all)
    };
    let wire = acts.iter().take(ACTS_MAX).map(RevocationAct::to_wire).collect();
    let request = PublishRevocationListRequest { list: Some(statement.clone()), acts: wire };
    let conversations = match relay.publish_revocation_list(request).await {
        Ok(answer) => conversations(&answer, device)?,
        // Its issuer is not in force any more: what the relay tells of the removals has to do.
        Err(RelayError::Refused { .. }) => vec![removed_from(relay, device, list.number()).await?],
        Err(error) => return Err(error.into()),
    };
    Ok(NamingList { chain_before: chain_before.as_bytes().to_vec(), conversations })
}

/// The conversations that a device was in when a list named it first. Whether they are all of them the record shows.
async fn removed_from(
    relay: &Arc<dyn Relay>,
    device: DeviceId,
    list: u64,
) -> Result<Vec<ConversationId>, CoreError> {
    let answer = relay.get_removals(GetRemovalsRequest { device_id: device.to_wire() }).await?;
    let of_list = answer.removals.iter().filter(|removal| removal.list_number == list);
    of_list
        .map(|removal| ConversationId::try_from(&removal.conversation_id))
        .collect::<Result<_, _>>()
        .map_err(|_| CoreError::Protocol("named conversations that are none"))
}

/// The conversations of each act about the device.
fn conversations(
    answer: &PublishRevocationListResponse,
    device: DeviceId,
) -> Result<Vec<Vec<ConversationId>>, CoreError> {
    let of_it = answer.devices.iter().filter(|one| one.device_id == device.to_wire());
    let ids = of_it.map(|one| one.conversation_ids.iter().map(ConversationId::try_from).collect());
    ids.collect::<Result<Vec<Vec<ConversationId>>, _>>()
        .map_err(|_| CoreError::Protocol("named conversations that are none"))
}

fn nothing(one: &inventory::Listed) -> Failure {
    let (user, name) = (one.certificate.user(), one.certificate.device_name());
    Failure::new(
        FailureKind::Unknown,
        format!("{user}'s “{name}” has no removal to prove."),
        "It was never revoked or put on hold while the relay kept a record.",
        "Look at it: wardline admin device status DEVICE.",
    )
}
