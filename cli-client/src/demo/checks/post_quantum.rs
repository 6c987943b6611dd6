//! P9: hybrid post-quantum key agreement in the conversation on every device, and under every connection.

use rustls::crypto::aws_lc_rs::kx_group;
use wardline_client_core::{
    api::Failure,
    mls::{MlsStore, group},
    relay::TransportChoice,
    vault::mls_rows::Scope,
};
use wardline_proto::{ConversationId, Suite};

use super::{Finding, defect, meeting::meet};
use crate::demo::{
    device::Copy,
    scene::{DESK, PHONE, Played, TABLET},
};

/// Reads the conversation's suite from every device's vault, and lets our client meet relays that negotiate less.
pub(super) async fn check(played: &mut Played) -> Result<Vec<Finding>, Failure> {
    Ok(vec![in_conversation(played).await?, in_connections(played).await?])
}

async fn in_conversation(played: &mut Played) -> Result<Finding, Failure> {
    let conversation = played.scene.conversation_id()?;
    // The removed device has purged the conversation; its vault from before has it.
    let mut suites = vec![suite(&played.copies.removed, conversation).await?];
    for device in [PHONE, TABLET, DESK] {
        let folder = played.scene.clinic.folder.path().join("stolen").join(format!("last-{device}"));
        let copy = played.scene.devices[device].copy(&folder).await?;
        suites.push(suite(&copy, conversation).await?);
    }
    let good = suites.iter().filter(|suite| **suite == Suite::MlKem768X25519).count();
    let codes: Vec<String> = suites.iter().map(|suite| format!("{:#06X}", suite.code())).collect();
    Ok(Finding::new(
        "the conversation is post-quantum on every device",
        good == 4,
        format!(
            "read from the vaults of {} devices: {} (X-Wing, ML-KEM-768 with X25519, is 0x004F)",
            suites.len(),
            codes.join(", ")
        ),
    ))
}

async fn suite(copy: &Copy, conversation: ConversationId) -> Result<Suite, Failure> {
    let store = MlsStore::new();
    store.load(&copy.vault, Scope::Conversation(conversation)).await.map_err(Failure::from)?;
    let group = group::load(&store, conversation).map_err(defect)?;
    group.map(|group| group.suite()).ok_or_else(|| defect("a vault has no conversation"))
}

async fn in_connections(played: &Played) -> Result<Finding, Failure> {
    let mut told = Vec::new();
    let mut ok = true;
    for (transport, name) in [(TransportChoice::Quic, "QUIC"), (TransportChoice::Tcp, "TCP")] {
        let classic = meet(kx_group::X25519, transport).await?;
        let hybrid = meet(kx_group::X25519MLKEM768, transport).await?;
        ok &= classic.client.is_err() && classic.server.is_err();
        ok &= hybrid.client.is_ok() && hybrid.server.is_ok();
        let why =
            classic.server.map_or_else(|why| format!("no connection ({why})"), |()| "CONNECTED".to_owned());
        let control = if hybrid.client.is_ok() { "connected" } else { "NOT CONNECTED" };
        told.push(format!("{name}: {why}; control, X25519MLKEM768: {control}"));
    }
    // A slow moment may send one connection over TCP; each device has used QUIC.
    let (mut connections, mut over_quic) = (0, 0);
    for device in played.scene.devices.iter().chain([&played.scene.clinic.admin]) {
        let seen = device.record().seen();
        let quic = seen.transports.iter().filter(|transport| **transport == "quic").count();
        ok &= quic > 0;
        connections += seen.transports.len();
        over_quic += quic;
    }
    Ok(Finding::new(
        "every connection is post-quantum",
        ok,
        format!(
            "our client meets a relay whose key exchange is X25519 only. {}. {over_quic} of {connections} \
             connections of the scene ran over QUIC",
            told.join(". ")
        ),
    ))
}
