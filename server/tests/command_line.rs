//! `wardline-relay` as a process: what it prints, what it exits with, how it stops.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use prost::Message as _;
use wardline_identity::{
    Clock as _, DeviceKey, DeviceName, DeviceSubject, DisplayName, OrganisationId, Role, RootAuthority,
    SigningKey, SystemClock, SystemEntropy, UserId, device_id_new,
};
use wardline_proto::relay::{Organisation, RelayBundle, RelayRequest};

fn relay(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wardline-relay"));
    command.args(arguments);
    command
}

fn ran(arguments: &[&str]) -> Output {
    relay(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn init(folder: &Path) -> Output {
    ran(&["init", "--data-dir", folder.to_str().unwrap(), "--address", "127.0.0.1:7443"])
}

/// What `wardline admin found` does with the relay's folder.
fn found(folder: &Path) {
    let (entropy, now) = (SystemEntropy, SystemClock.now());
    let name = DisplayName::parse("St. Example").unwrap();
    let id = OrganisationId::from_name(name.as_str()).unwrap();
    let root = RootAuthority::found(&name, id, &entropy, now).unwrap();
    let issuer = root.found_issuer(&name, &entropy, now).unwrap();
    let key = DeviceKey::Ed25519(SigningKey::generate(&entropy).unwrap().public());
    let subject = DeviceSubject {
        organisation: root.organisation().clone(),
        user: UserId::parse("admin-a").unwrap(),
        device: device_id_new(&entropy).unwrap(),
        display_name: DisplayName::parse("Admin A").unwrap(),
        device_name: DeviceName::parse("desk").unwrap(),
        role: Role::Administrator,
    };
    let request = std::fs::read(folder.join("relay.request")).unwrap();
    let request = RelayRequest::decode(request.as_slice()).unwrap();
    let certify = |der: &[u8]| issuer.certify_relay(der, &request.addresses, &entropy, now).unwrap();
    let bundle = RelayBundle {
        organisation: Some(Organisation {
            organisation_id: root.organisation().as_str().to_owned(),
            name: name.as_str().to_owned(),
            root_certificate: root.certificate_der().to_vec().into(),
            issuers: Some(root.sign_issuers_list(1, &[issuer.certificate_der()]).unwrap()),
        }),
        relay_certificate_ed25519: certify(&request.request_ed25519).into(),
        relay_certificate_p256: certify(&request.request_p256).into(),
        relay_issuer: issuer.certificate_der().to_vec().into(),
        founder_certificate: issuer.certify_device(&subject, &key, &entropy, now).unwrap().into(),
    };
    std::fs::write(folder.join("relay.bundle"), bundle.encode_to_vec()).unwrap();
}

/// Sends a signal by the system's own tool: the workspace forbids unsafe code.
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn init_prints_the_next_step_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = init(folder.path());
    assert!(first.status.success());
    let next = format!(
        "wardline admin found --home ADMIN_HOME --organisation \"NAME\" --relay-dir {}",
        folder.path().display()
    );
    assert!(text(&first.stdout).contains(&next), "{}", text(&first.stdout));

    let second = init(folder.path());
    assert_eq!(second.status.code(), Some(73));
    let said = text(&second.stderr);
    assert!(said.contains("relay.request exists") && said.contains("wardline-relay serve"), "{said}");
}

#[test]
fn init_speaks_json() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let done = ran(&["init", "--json", "--data-dir", place, "--address", "relay.example.org:7443"]);
    let object: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (&object["event"], &object["addresses"][0]),
        (&"initialised".into(), &"relay.example.org:7443".into())
    );

    let again = ran(&["--json", "init", "--data-dir", place, "--address", "relay.example.org:7443"]);
    let object: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(object["event"], "error");
    assert!(again.stderr.is_empty());
}

#[test]
fn a_wrong_command_line_exits_with_2_and_help_shows_examples() {
    assert_eq!(ran(&["init", "--data-dir", "/tmp"]).status.code(), Some(2));
    assert_eq!(ran(&["init", "--data-dir", "/tmp", "--address", "nowhere"]).status.code(), Some(2));
    assert_eq!(ran(&["serve"]).status.code(), Some(2));
    let help = ran(&["--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("wardline-relay init --data-dir"));
}

#[test]
fn serve_without_an_organisation_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let empty = ran(&["serve", "--data-dir", place]);
    assert_eq!(empty.status.code(), Some(73));
    assert!(text(&empty.stderr).contains("wardline-relay init"), "{}", text(&empty.stderr));
    init(folder.path());
    let unfounded = ran(&["serve", "--data-dir", place]);
    assert_eq!(unfounded.status.code(), Some(73));
    assert!(text(&unfounded.stderr).contains("wardline admin found"), "{}", text(&unfounded.stderr));
}

#[test]
fn a_relay_says_when_it_listens_has_its_folder_alone_and_ends_well_on_either_signal() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    init(folder.path());
    found(folder.path());
    for (name, json) in [("-TERM", false), ("-INT", true)] {
        let mut serve = relay(&["serve", "--data-dir", place, "--listen", "127.0.0.1:0"]);
        if json {
            serve.arg("--json");
        }
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = if json {
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(object["event"], "listening");
            object["address"].as_str().unwrap().to_owned()
        } else {
            let address = line.trim().strip_prefix("listening ").unwrap();
            address.strip_suffix(" (QUIC and TCP)").unwrap().to_owned()
        };
        assert!(!address.ends_with(":0"), "the real port: {address}");
        drop(std::net::TcpStream::connect(&address).unwrap());

        let second = ran(&["serve", "--data-dir", place, "--listen", "127.0.0.1:0"]);
        assert_eq!(second.status.code(), Some(75), "{}", text(&second.stderr));

        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_killed_relay_leaves_no_lock_behind() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    init(folder.path());
    found(folder.path());
    for _ in 0..2 {
        let mut serve = relay(&["serve", "--data-dir", place, "--listen", "127.0.0.1:0"]);
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening "), "{line}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_wrong_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (place, file) = (folder.path().to_str().unwrap(), folder.path().join("relay.toml"));
    std::fs::write(&file, "[limits]\nconections_max = 3\n").unwrap();
    let refused = ran(&["serve", "--data-dir", place, "--config", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(text(&refused.stderr).contains("conections_max"), "{}", text(&refused.stderr));
    let open = ran(&["serve", "--data-dir", place, "--log", "=,="]);
    assert_eq!(open.status.code(), Some(78));
}
