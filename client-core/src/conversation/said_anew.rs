//! What this device said under one of its keys, and its leaf in the conversation is of another by now: it says the same again under
//! the key that the members know it by (design 4.2). Only what it said itself: another's statement stays what it is.

use prost::Message;
use wardline_identity::{DeviceCertificate, StatementLabel};
use wardline_proto::{
    ConversationId, Digest,
    fault::planted,
    relay::{Confirmation, DeviceApproval, SignedStatement},
};

use super::{
    core::Core,
    receive::{decode, encode},
};
use crate::{error::CoreError, vault::tables::intents::Wish};

/// A wish with its statement, if that is this device's own, under the key of its leaf.
pub(super) async fn said_anew(
    core: &mut Core,
    conversation: &ConversationId,
    wish: &Wish,
) -> Result<Wish, CoreError> {
    let mut wish = wish.clone();
    let one_key = core.device.earlier.is_empty() || planted("mutant.said_once");
    if one_key || !core.load_group(conversation).await? {
        return Ok(wish);
    }
    let anew = match &mut wish {
        Wish::AddDevice { approval: said, .. } | Wish::AddOwnDevice { approval: said, .. } => {
            let anew = again::<DeviceApproval>(core, conversation, (StatementLabel::DeviceApproval, said));
            anew.map(|anew| (said, anew))
        }
        Wish::LetBack { confirmation: said, .. } => {
            let anew = again::<Confirmation>(core, conversation, (StatementLabel::Confirmation, said));
            anew.map(|anew| (said, anew))
        }
        _ => None,
    };
    if let Some((said, anew)) = anew {
        *said = anew;
    }
    Ok(wish)
}

/// The same under the key of the leaf; nothing where that has signed it, or this device has not.
fn again<S: Message + Default>(
    core: &Core,
    conversation: &ConversationId,
    (label, said): (StatementLabel, &[u8]),
) -> Option<Vec<u8>> {
    let said: SignedStatement = decode(said)?;
    let signer = Digest::try_from(&said.signer).ok()?;
    let voice = core.voice(conversation);
    if signer == voice.certificate.fingerprint() {
        return None;
    }
    let device = &core.device;
    let mut own = device.earlier.iter().map(|one| &one.certificate).chain([&device.certificate]);
    let own: &DeviceCertificate = own.find(|one| one.fingerprint() == signer)?;
    let body: S = decode(&own.verify_statement(label, &said).ok()?)?;
    Some(encode(&voice.sign(label, &body)))
}
