//! P1: nothing that people wrote is with the relay, in no form.

use std::path::Path;

use wardline_client_core::api::Failure;

use super::Finding;
use crate::demo::{
    folder,
    scene::{PHONE, STATION, Scene, TABLET},
    search::{Search, planted},
};

/// Stops the relay and searches its files, its log, and every request that the devices handed to TLS.
pub(super) async fn check(scene: &mut Scene) -> Result<Vec<Finding>, Failure> {
    let mut readable: Vec<String> = scene.said.iter().map(|said| said.text.clone()).collect();
    readable.extend(scene.names.iter().cloned());
    let passcodes = scene.devices.iter().chain([&scene.clinic.admin]).map(|one| one.passcode_text.clone());
    let secrets: Vec<String> = readable.iter().cloned().chain(passcodes).collect();

    // 1. The relay's files: as they lay when it was killed, while it runs, and after it has gone.
    let data = scene.clinic.relay.data().to_owned();
    let killed = scene.clinic.folder.path().join("relay-killed");
    let mut files = Search::new(&secrets);
    let mut count = look_into(&mut files, &killed)? + look_into(&mut files, &data)?;
    scene.clinic.relay.kill();
    count += look_into(&mut files, &data)?;
    files.look(&std::fs::read(scene.clinic.relay.log()).map_err(super::defect)?);

    // 2. Every request as it was handed to TLS.
    let mut requests = Search::new(&secrets);
    let mut calls = 0_usize;
    for device in scene.devices.iter().chain([&scene.clinic.admin]) {
        for request in &device.record().seen().requests {
            requests.look(request);
            calls += 1;
        }
    }

    // 3. The control: the same search over what members read.
    let mut control = Search::new(&readable);
    for device in [PHONE, TABLET, STATION] {
        for message in scene.devices[device].read(&scene.conversation).await? {
            control.look(message.text.as_bytes());
        }
        control.look(scene.devices[device].show(&scene.conversation).await?.summary.name.as_bytes());
    }
    let (expected, found) = (readable.len(), control.secrets_found());
    let forms: usize = secrets.iter().map(|secret| planted(secret).len()).sum();
    let forms_found = secrets.iter().map(|secret| plant_and_look(secret)).sum::<usize>();
    let controlled = found == expected && forms_found == forms;
    let what = format!(
        "{} texts, {} names, {} passcodes",
        scene.said.len(),
        scene.names.len(),
        scene.devices.len() + 1
    );
    Ok(vec![
        finding(
            "nothing readable in the relay's files",
            &files,
            &what,
            controlled,
            &format!("{count} files"),
        ),
        finding(
            "nothing readable in what it was sent",
            &requests,
            &what,
            controlled,
            &format!("{calls} requests of all devices, their enrolment included, as handed to TLS"),
        ),
        Finding::new(
            "control: the search finds what is there",
            controlled,
            format!(
                "over what members read it finds {found} of {expected} texts and names; and each of the {} \
                 planted in each form, {forms_found} of {forms}",
                secrets.len()
            ),
        ),
    ])
}

fn finding(check: &'static str, search: &Search, what: &str, controlled: bool, places: &str) -> Finding {
    let bytes = search.searched_bytes();
    let forms: Vec<&str> = search.found().iter().map(|(_, form)| *form).collect();
    let found =
        if forms.is_empty() { "none found".to_owned() } else { format!("FOUND as {}", forms.join(", ")) };
    Finding::new(
        check,
        forms.is_empty() && bytes > 0 && controlled,
        format!("{what}, each raw, in UTF-16, hex and base64, searched in {places} ({bytes} bytes): {found}"),
    )
}

/// In how many of its forms a secret is found when it is there.
fn plant_and_look(secret: &str) -> usize {
    let found = |bytes: &Vec<u8>| {
        let mut search = Search::new(&[secret]);
        search.look(bytes);
        search.secrets_found() == 1
    };
    planted(secret).iter().filter(|bytes| found(bytes)).count()
}

/// Searches every file of a folder; answers how many.
fn look_into(search: &mut Search, folder: &Path) -> Result<usize, Failure> {
    let files = folder::files(folder)?;
    for file in &files {
        search.look(&std::fs::read(file).map_err(super::defect)?);
    }
    Ok(files.len())
}
