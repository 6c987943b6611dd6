//! A record that does not go on from the one that the relay had before. Both heads are kept, as the relay signed them.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::Suspicion;
use crate::{
    conversation::core::Core,
    error::CoreError,
    vault::tables::{record_head::RecordHeadRow, relay_faults::RelayFaultKind},
};

/// A head as it came.
pub(crate) struct ShownHead<'a> {
    /// The note.
    pub note: &'a [u8],
    /// The certificate that verifies it.
    pub certificate: &'a [u8],
    /// Whether a list named it, and not the relay's greeting.
    pub by_list: bool,
}

/// The relay's record is another one than it was, or its head is none.
pub(crate) async fn record_forked(
    core: &Core,
    known: Option<&RecordHeadRow>,
    head: &ShownHead<'_>,
) -> Result<(), CoreError> {
    note(core, RelayFaultKind::RecordForked, known, Some(head)).await
}

/// The relay's record has less than it had, or none is shown any more.
pub(crate) async fn record_shortened(
    core: &Core,
    known: &RecordHeadRow,
    head: Option<&ShownHead<'_>>,
) -> Result<(), CoreError> {
    note(core, RelayFaultKind::RecordShortened, Some(known), head).await
}

/// The entries that the relay gives are not those of the head that it has signed.
pub(crate) async fn record_unlike_its_head(
    core: &Core,
    head: &ShownHead<'_>,
    size: u64,
) -> Result<(), CoreError> {
    let kind = RelayFaultKind::RecordForked;
    let evidence = json!({ "head": text(head.note), "certificate": HEXLOWER.encode(head.certificate) });
    Suspicion { conversation: None, kind, number: size, about: "", evidence }.note_alone(core).await?;
    Ok(())
}

async fn note(
    core: &Core,
    kind: RelayFaultKind,
    known: Option<&RecordHeadRow>,
    head: Option<&ShownHead<'_>>,
) -> Result<(), CoreError> {
    let evidence = json!({
        "head": head.map(|head| text(head.note)),
        "certificate": head.map(|head| HEXLOWER.encode(head.certificate)),
        "named_by": head.map(|head| if head.by_list { "list" } else { "greeting" }),
        "head_before": known.map(|known| text(&known.note)),
        "certificate_before": known.map(|known| HEXLOWER.encode(&known.certificate)),
    });
    let number = known.map_or(0, |known| known.size);
    Suspicion { conversation: None, kind, number, about: "", evidence }.note_alone(core).await?;
    Ok(())
}

/// A signed note is text.
fn text(note: &[u8]) -> Value {
    Value::String(String::from_utf8_lossy(note).into_owned())
}
