//! P8: the revocation is on the relay's record: anybody checks it offline, and the whole record is the one that the relay signed.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use wardline_client_core::api::{Answer, Command, Failure, ProvenText, RecordFilter, verify_removal_record};
use wardline_identity::RootFingerprint;

use super::{Finding, defect};
use crate::demo::{device::unexpected, scene::Scene};

/// How long a second member may take to confirm the removal.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks for the proof of the device's removal and for all of the record, and checks both.
pub(super) async fn check(scene: &Scene, device: &str) -> Result<Vec<Finding>, Failure> {
    let (text, proven) = proof(scene, device).await?;
    let root = &proven.root;
    let removals: Vec<&str> = proven.removals.iter().map(|removal| removal.state.as_str()).collect();
    let revoked = proven.acts.iter().any(|act| act.change == "revoked" && act.reason == "stolen");
    // Any digit in it; here the first of the device's certificate.
    let changed = text.replacen("\"device\":\"3", "\"device\":\"2", 1);
    let refused = changed != text && verify_removal_record(&changed, Some(root)).is_err();
    let shown = Finding::new(
        "a revocation is proven to whoever trusts nobody but the root",
        revoked && !removals.is_empty() && removals.iter().all(|state| *state == "confirmed") && refused,
        format!(
            "{} bytes, checked without a relay: revoked, in force at {}, removals: {}; control: with one digit changed it \
             proves nothing: {refused}",
            text.len(),
            proven.acts.first().map_or("never", |act| act.in_force.as_str()),
            removals.join(", ")
        ),
    );
    let filter = RecordFilter { verify: true, ..RecordFilter::default() };
    let Answer::Record(log) = scene.clinic.admin.ask(Command::AdminLog { filter }).await? else {
        return Err(unexpected());
    };
    let checked = log.checked.ok_or_else(|| defect("nothing was checked"))?;
    let named = log.entries.iter().filter(|entry| entry.devices.iter().any(|one| one == device)).count();
    let whole = Finding::new(
        "every act is in a record that the relay has signed for",
        checked.fits && checked.size > 0 && checked.size == log.entries.len() as u64 && named > 0,
        format!(
            "{} entries, hashed anew, give the root that the relay signed, {}…; {named} of them name the device",
            checked.size,
            checked.root.get(..16).unwrap_or_default()
        ),
    );
    Ok(vec![shown, whole])
}

/// The removal record and what it proves, once a second member has confirmed the removal.
async fn proof(scene: &Scene, device: &str) -> Result<(String, ProvenText), Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        let order = Command::AdminDeviceRecord { device: device.to_owned() };
        let Answer::RemovalRecord(file) = scene.clinic.admin.ask(order).await? else {
            return Err(unexpected());
        };
        let text = serde_json::to_string(&file).map_err(defect)?;
        let root = RootFingerprint::of(&scene.clinic.root_der).to_string();
        let proven = verify_removal_record(&text, Some(&root))?;
        let confirmed = proven.removals.iter().all(|removal| removal.state == "confirmed");
        if confirmed || Instant::now() > until {
            return Ok((text, proven));
        }
        sleep(Duration::from_millis(200)).await;
    }
}
