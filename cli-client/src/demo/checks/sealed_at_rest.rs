//! P6: without the passcode a vault gives nothing, with it everything.

use std::time::Instant;

use wardline_client_core::{
    api::{Client, Failure, FailureKind, Options},
    vault::KdfCost,
};

use super::{Finding, defect};
use crate::demo::{
    device::passcode,
    folder,
    scene::{PHONE, Scene},
    search::Search,
};

/// What an unencrypted SQLite file begins with.
const SQLITE_HEADER: &str = "SQLite format 3\0";

/// Tries the phone's vault with a wrong passcode, looks into its files, and opens it with the right one.
pub(super) async fn check(scene: &mut Scene) -> Result<Vec<Finding>, Failure> {
    let texts: Vec<String> = scene.said.iter().map(|said| said.text.clone()).collect();
    let relay_files = scene.clinic.folder.path().join("relay-killed");
    let (conversation, names) = (scene.conversation.clone(), scene.names.clone());
    let phone = &mut scene.devices[PHONE];
    phone.close().await?;

    // 1. A wrong passcode.
    let begun = Instant::now();
    let wrong = Client::open(&phone.home, &passcode("correct horse")?, Options::default()).await;
    let took = begun.elapsed().as_millis();
    let kind = wrong.as_ref().err().map(|failure| failure.kind);
    let outcome = wrong.err().map_or("IT OPENED".to_owned(), |failure| failure.what);

    // 2. The files.
    let mut secrets = texts.clone();
    secrets.extend(names);
    secrets.extend([phone.passcode_text.clone(), SQLITE_HEADER.to_owned()]);
    let mut files = Search::new(&secrets);
    for file in folder::files(&phone.home)? {
        files.look(&std::fs::read(&file).map_err(defect)?);
    }
    let mut control = Search::new(&[SQLITE_HEADER]);
    for file in folder::files(&relay_files)? {
        control.look(&std::fs::read(&file).map_err(defect)?);
    }

    // 3. The right one.
    phone.open().await?;
    let messages = phone.read(&conversation).await?;
    let readable = texts.iter().filter(|text| messages.iter().any(|message| message.text == **text)).count();
    let cost = KdfCost::default(); // the phone's, see the scene
    Ok(vec![
        Finding::new(
            "a wrong passcode opens nothing",
            kind == Some(FailureKind::Passcode) && readable == texts.len(),
            format!(
                "the phone's vault with another passcode: “{outcome}”, after {took} ms (Argon2id, {} MiB, {} \
                 passes); control: with the right one {readable} of {} messages are read",
                cost.memory_kib / 1024,
                cost.time,
                texts.len()
            ),
        ),
        Finding::new(
            "its files hold nothing readable",
            files.found().is_empty() && files.searched_bytes() > 0 && control.secrets_found() == 1,
            format!(
                "{} bytes searched for every text, name, the passcode and a plain database's header: {} found; \
                 control: the same search finds that header in the relay's files",
                files.searched_bytes(),
                files.secrets_found()
            ),
        ),
    ])
}
