//! One device is revoked: it is cut at once, says why, and the others go on without it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, sync::broadcast::Receiver};
use wardline_client_core::{
    api::{Client, Event, Options},
    relay::TransportChoice,
};
use wardline_tests::{Device, Running};

use crate::scene::{SOON, Scene, WARD, id, is_closed, texts, until};

/// From the relay's answer on.
const ONE_SECOND: Duration = Duration::from_secs(1);

/// A device that is connected over one door and no other.
pub(crate) struct Connected {
    runtime: Runtime,
    client: Arc<Client>,
    events: Receiver<Event>,
}

impl Connected {
    pub(crate) fn over(device: &Device, transport: TransportChoice) -> Self {
        let runtime = Runtime::new().unwrap();
        let options = Options { transport, ..Options::default() };
        let client = runtime.block_on(Client::open(&device.home, &device.passcode(), options)).unwrap();
        let mut events = client.events();
        runtime.block_on(async {
            client.connect().await;
            while !matches!(events.recv().await.unwrap(), Event::CaughtUp { .. }) {}
        });
        Self { runtime, client: Arc::new(client), events }
    }

    /// Waits until its connection has ended; when, and what it was told then or soon after.
    pub(crate) fn ended(&mut self) -> (Instant, String) {
        self.runtime.block_on(async {
            let mut ended = None;
            loop {
                match tokio::time::timeout(SOON, self.events.recv()).await.expect("it ends").unwrap() {
                    Event::Offline { .. } => ended = ended.or(Some(Instant::now())),
                    Event::PutOut { failure } => {
                        return (ended.unwrap_or_else(Instant::now), failure.to_string());
                    }
                    _ => {}
                }
            }
        })
    }

    pub(crate) fn close(self) {
        let client = Arc::into_inner(self.client).unwrap();
        self.runtime.block_on(client.close()).unwrap();
    }
}

/// Revokes and gives the moment at which the answer was printed.
fn revoke(scene: &Scene, devices: &[String]) -> (Running, Instant) {
    let mut arguments = vec!["admin", "device", "revoke", "--reason", "lost", "--json"];
    arguments.extend(devices.iter().map(String::as_str));
    let revoking = scene.ward.administrator.start(&arguments);
    let answer = revoking.says("\"in_force\"", SOON).expect("an answer");
    let answered = Instant::now();
    assert!(answer.contains("\"change\":\"revoked\""), "{answer}");
    (revoking, answered)
}

#[test]
fn the_streams_of_revoked_devices_end_within_a_second_on_both_doors() {
    let scene = Scene::set();
    let (quic, tcp) = (&scene.nurse, &scene.locum);
    let devices = [id(quic), id(tcp)];
    let mut connected =
        [Connected::over(quic, TransportChoice::Quic), Connected::over(tcp, TransportChoice::Tcp)];
    let (_revoking, answered) = revoke(&scene, &devices);
    for connected in &mut connected {
        let (ended, said) = connected.ended();
        let after = ended.saturating_duration_since(answered);
        assert!(after <= ONE_SECOND, "{after:?}");
        assert!(said.contains("revoked (lost)") && said.contains("new invitation"), "{said}");
    }
    // The control: whoever is not named stays connected. They come back to nothing, over either door.
    let doctor = Connected::over(&scene.doctor, TransportChoice::Tcp);
    let later = std::thread::spawn(|| std::thread::sleep(ONE_SECOND));
    later.join().unwrap();
    let mut doctor = doctor;
    let none =
        doctor.runtime.block_on(async { tokio::time::timeout(ONE_SECOND, doctor.events.recv()).await });
    assert!(!matches!(none, Ok(Ok(Event::Offline { .. } | Event::PutOut { .. }))), "{none:?}");
    doctor.close();
    connected.into_iter().for_each(Connected::close);
}

#[test]
fn a_revoked_device_says_why_and_since_when_whatever_it_is_asked() {
    let scene = Scene::set();
    // Following over its own process, which ends.
    let mut following = scene.locum.start(&["sync", "--follow", "--json"]);
    assert!(following.says("caught_up", SOON).is_some());
    let device = id(&scene.locum);
    let (_revoking, answered) = revoke(&scene, std::slice::from_ref(&device));
    while following.runs() {
        assert!(answered.elapsed() < SOON, "sync --follow goes on");
        std::thread::sleep(Duration::from_millis(2));
    }
    println!("sync --follow ended {:?} after the answer", answered.elapsed());
    for arguments in [
        &["sync"][..],
        &["status"],
        &["send", WARD, "hello?"],
        &["read", WARD],
        &["people"],
        &["device", "list"],
        &["conversation", "create", "Elsewhere", "--with", "nurse-b"],
        &["sync", "--follow"],
    ] {
        let said = scene.locum.cli(&[arguments, &["--json"]].concat()).failed(78).failure();
        let what = said["what"].as_str().unwrap();
        assert!(what.starts_with("This device was revoked (lost) at 20"), "{arguments:?}: {said}");
        assert!(said["now"].as_str().unwrap().contains("new invitation"), "{said}");
    }
    // A person without a word of JSON reads the same.
    let said = scene.locum.cli(&["sync"]).failed(78).stderr;
    assert!(said.contains("This device was revoked (lost)"), "{said}");
    // The control: the others are asked nothing of the kind.
    scene.nurse.cli(&["sync"]).good();
}

#[test]
fn the_others_go_on_within_seconds_and_see_who_is_out_and_why() {
    let scene = Scene::set();
    let _doctor = scene.online(&scene.doctor);
    let device = id(&scene.locum);
    let shown = scene.admin(&["revoke", &device, "--reason", "stolen"]);
    let acts = &shown[0];
    assert_eq!((&acts["change"], acts["devices"][0]["conversations"].as_u64()), (&"revoked".into(), Some(1)));
    assert_eq!(acts["devices"][0]["reason"], "stolen");
    let last = shown.last().unwrap();
    assert_eq!((last["removed"].as_u64(), last["of"].as_u64()), (Some(1), Some(1)), "{shown:?}");
    let began = Instant::now();
    scene.nurse.cli(&["send", WARD, "the locum's phone is gone"]).good();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    until("the doctor reads it", || texts(&scene.doctor).iter().any(|text| text.contains("is gone")));
    let members = scene.nurse.ask(&["conversation", "show", WARD])["members"].clone();
    let users: Vec<&str> =
        members.as_array().unwrap().iter().map(|one| one["user"].as_str().unwrap()).collect();
    assert_eq!(users, ["doctor-a", "nurse-b"]);
    // And the administrator sees when it was out, by whose signature.
    let status = scene.status(&scene.locum);
    assert_eq!((&status["state"], &status["reason"]), (&"revoked".into(), &"stolen".into()));
    let removal = &status["removals"][0];
    assert!(removal["removed"].is_string() && removal["number"].is_u64(), "{status}");
    assert!(["doctor-a", "nurse-b"].contains(&removal["by"].as_str().unwrap()), "{status}");
    assert!(is_closed(&scene.locum));
}

#[test]
fn with_nobody_online_a_revocation_is_in_force_and_stays_open_until_somebody_comes() {
    let scene = Scene::set();
    let device = id(&scene.locum);
    let shown = scene.admin(&["revoke", &device, "--reason", "lost", "--wait", "2"]);
    assert!(shown[0]["in_force"].is_string(), "{shown:?}");
    let status = scene.status(&scene.locum);
    assert_eq!((status["removed"].as_u64(), status["of"].as_u64()), (Some(0), Some(1)), "{status}");
    // Whoever comes first puts it out, and what they say goes out after that.
    scene.nurse.cli(&["send", WARD, "good morning"]).good();
    until("it is out", || scene.status(&scene.locum)["removed"] == 1);
    let watched = scene.admin(&["status", &device, "--watch"]);
    assert_eq!(watched.last().unwrap()["removed"], 1, "a watch of what is over ends");
}
