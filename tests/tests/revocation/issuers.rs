//! Issuers by hand: the administrator's machine is lost, and the root's file with its code is all there is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prost::Message as _;
use serde_json::Value;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, sqlite::SqliteConnectOptions};
use wardline_client_core::{
    relay::{ConnectOptions, Relay as _, RelayConnection, Trust},
    secrets::root_of,
};
use wardline_identity::{
    Organisation, RevocationList, RootAuthority, StandingList, Strike, SystemClock, SystemEntropy,
};
use wardline_proto::{
    Digest, Reason,
    relay::{GetIssuersListRequest, PublishIssuersListRequest, SignedStatement},
};
use wardline_tests::{Device, Output, Ward};

use crate::scene::{Scene, WARD, id, texts, until};

/// How long a restore may take at most.
const MINUTE: Duration = Duration::from_secs(60);

/// A new machine, and the command that restores on it.
pub(crate) struct Machine {
    pub(crate) device: Device,
    recovery_file: String,
    code_file: String,
    relay: String,
    pub(crate) yes: bool,
}

impl Machine {
    pub(crate) fn new(ward: &Ward, name: &str) -> Self {
        let code_file = ward.folder().join("recovery.code");
        std::fs::write(&code_file, format!("{}\n", ward.recovery_code)).unwrap();
        Self {
            device: ward.device(name),
            recovery_file: ward.recovery_file().to_str().unwrap().to_owned(),
            code_file: code_file.to_str().unwrap().to_owned(),
            relay: ward.relay.address(),
            yes: true,
        }
    }

    /// Makes one more administrator: nobody is lost.
    pub(crate) fn joined(&self) -> Value {
        self.run(
            &[],
            &["--user", "administrator-b", "--name", "Administrator B", "--device", "second office"],
        )
        .good()
        .object()
    }

    fn run(&self, armed: &[&str], rest: &[&str]) -> Output {
        let command = [
            "admin",
            "root",
            "restore",
            "--relay",
            &self.relay,
            "--recovery-file",
            &self.recovery_file,
            "--recovery-code-file",
            &self.code_file,
            "--json",
        ];
        let yes = self.yes.then_some("--yes");
        let command: Vec<&str> = command.into_iter().chain(rest.iter().copied()).chain(yes).collect();
        self.device.armed(armed).cli(&command)
    }

    pub(crate) fn restore(&self, armed: &[&str]) -> Output {
        let who = ["--user", "administrator", "--name", "Administrator B", "--device", "new office"];
        self.run(armed, &[&who[..], &["--strike-all"]].concat())
    }

    pub(crate) fn restored(&self) -> Value {
        self.restore(&[]).good().object()
    }
}

/// How often a device's owner lost its connection, by its log.
fn cuts(device: &Device) -> usize {
    let log = std::fs::read_to_string(device.home.with_extension("log")).unwrap_or_default();
    log.matches("the connection ended").count()
}

/// The administrator's list of revoked devices is in force.
pub(crate) fn keeps_list(administrator: &Device) {
    administrator.cli(&["admin", "registrar", "--once"]).good();
}

#[test]
fn a_lost_administrator_is_restored_within_a_minute_and_nobody_notices() {
    let mut scene = Scene::set();
    keeps_list(&scene.ward.administrator);
    let lost = scene.ward.administrator.clone();
    assert!(
        lost.ask(&["admin", "invite", "guest-x", "--name", "Guest"])["invitation"].is_string(),
        "the control"
    );
    let (_doctor, _nurse) = (scene.online(&scene.doctor), scene.online(&scene.nurse));
    until("both are there", || texts(&scene.nurse).is_empty() && cuts(&scene.nurse) == 0);
    let said: Vec<String> = (0..6).map(|number| format!("message {number}")).collect();
    for text in &said[..3] {
        scene.doctor.cli(&["send", WARD, text]).good();
    }

    let machine = Machine::new(&scene.ward, "office-b");
    let begun = Instant::now();
    let restored = machine.restored();
    let took = begun.elapsed();
    println!("restored in {took:?}");
    assert!(took < MINUTE, "{took:?}");
    assert_eq!(
        (restored["issuers_list"].as_u64(), restored["struck"].as_array().unwrap().len()),
        (Some(3), 1)
    );
    // Four devices and the relay's two certificates.
    assert_eq!(restored["struck"][0]["kept"], 6, "{restored}");
    assert_eq!(restored["devices_left"][0]["user"], "administrator");

    for text in &said[3..] {
        scene.doctor.cli(&["send", WARD, text]).good();
    }
    until("nothing is lost", || texts(&scene.nurse) == said);
    assert_eq!((cuts(&scene.doctor), cuts(&scene.nurse)), (0, 0), "no stream was cut");
    for device in [&scene.doctor, &scene.nurse] {
        device.cli(&["status"]).good();
    }

    // What the lost issuer signs newly the relay does not take, also from a machine that has not heard of the strike.
    // Its list of revoked devices it cannot even go on from: that is the new issuer's by now.
    let unaware = lost.armed(&["mutant.issuers_later"]);
    let invite = ["admin", "invite", "guest-y", "--name", "Guest", "--json"];
    let refused = unaware.cli(&invite).failed(78).failure();
    assert!(refused["why"].as_str().unwrap().contains("STATEMENT_INVALID"), "{refused}");
    let order = ["admin", "device", "revoke", &id(&scene.locum), "--reason", "lost", "--wait", "0"];
    unaware.cli(&order).failed(76);
    // The old machine vouches for nothing any more, once it has.
    lost.cli(&["admin", "invite", "guest-y", "--name", "Guest"]).failed(78);
    lost.cli(&["admin", "device", "revoke", &id(&scene.locum), "--reason", "lost", "--wait", "0"]).failed(78);
    let invitations = machine.device.ask(&["admin", "invite", "list"]);
    assert_eq!(invitations["invitations"].as_array().map_or(0, Vec::len), 0, "{invitations}");

    // The new one invites, certifies and revokes.
    scene.ward.administrator = machine.device.clone();
    let [guest] = scene.ward.people(["guest-z"]);
    scene.doctor.cli(&["conversation", "add", WARD, "guest-z"]).good();
    guest.cli(&["sync"]).good();
    scene.admin(&["revoke", &id(&scene.locum), "--reason", "lost", "--wait", "0"]);
    scene.locum.cli(&["sync"]).failed(78);
    scene.doctor.cli(&["send", WARD, "after it"]).good();
    until("the newcomer reads", || {
        guest.cli(&["sync"]).good();
        texts(&guest).contains(&"after it".to_owned())
    });
    assert_eq!((cuts(&scene.doctor), cuts(&scene.nurse)), (0, 0), "no stream was cut by any of it");
}

#[test]
fn a_restore_that_dies_anywhere_goes_on_by_the_same_command() {
    for place in [
        "crash.restore_vault",
        "crash.restore_made",
        "crash.issuers_signed",
        "crash.strike_signed",
        "crash.restore_listed",
        "crash.restore_read",
        "crash.restore_struck",
        "crash.restore_signed_again",
    ] {
        let scene = Scene::set();
        keeps_list(&scene.ward.administrator);
        let machine = Machine::new(&scene.ward, "office-b");
        let _ = machine.restore(&[place]).crashed_at(place);
        let restored = machine.restored();
        // No list is signed twice, and there is one new issuer.
        assert_eq!(restored["issuers_list"], 3, "{place}: {restored}");
        assert_eq!(restored["issuers"].as_array().unwrap().len(), 1, "{place}: {restored}");
        assert_eq!(restored["struck"][0]["kept"], 6, "{place}: {restored}");
        assert_eq!(machine.restored(), restored, "{place}: done is done");
        let order = ["admin", "device", "revoke", &id(&scene.locum), "--reason", "lost", "--wait", "0"];
        assert!(machine.device.ask(&order)["in_force"].is_string(), "{place}");
    }
}

#[test]
fn the_relay_dies_before_the_list_of_issuers_is_on_its_disk_and_it_is_not_in_force() {
    let mut scene = Scene::set();
    keeps_list(&scene.ward.administrator);
    let machine = Machine::new(&scene.ward, "office-b");
    scene.ward.relay.rearm(&["crash.issuers_published"]);
    machine.restore(&[]).failed(69);
    scene.ward.relay.crashed_at("crash.issuers_published");
    scene.ward.relay.rearm(&[]);
    // The old administrator is one still.
    assert!(
        scene.ward.administrator.ask(&["admin", "invite", "guest-x", "--name", "Guest"])["invitation"]
            .is_string()
    );
    assert_eq!(machine.restored()["issuers_list"], 3);
    // A relay that starts anew goes by that list, whatever its bundle says.
    scene.ward.relay.restart();
    scene.ward.administrator.cli(&["admin", "invite", "guest-y", "--name", "Guest"]).failed(78);
    machine.device.cli(&["admin", "registrar", "--once"]).good();
}

#[test]
fn a_strike_that_kept_nothing_would_cut_everybody_and_the_relay_does_not_take_it() {
    let scene = Scene::set();
    let machine = Machine::new(&scene.ward, "office-b");
    let refused = machine.restore(&["mutant.keep_nothing"]).failed(78).failure();
    assert!(refused["why"].as_str().unwrap().contains("the relay's own certificates"), "{refused}");
    for device in [&scene.doctor, &scene.nurse, &scene.ward.administrator] {
        device.cli(&["sync"]).good();
    }
    assert_eq!(machine.restored()["struck"][0]["kept"], 6, "the control, by the same command");
}

/// The root, as only its holder has it.
fn root(ward: &Ward) -> RootAuthority {
    root_of(&ward.recovery_file(), &ward.recovery_code).unwrap()
}

/// The organisation by the relay's list, the relay's certificates, and a way to publish at the door without a certificate.
async fn at_the_door(ward: &Ward, root: &RootAuthority) -> (RelayConnection, Organisation, Vec<Digest>) {
    let trust = Trust::Root(root.certificate_der().to_vec());
    let options = ConnectOptions::new(vec![ward.relay.address()], trust, None, Arc::new(SystemClock));
    let relay = RelayConnection::connect(&options).await.unwrap();
    let proof = Some(root.prove(&relay.exporter()));
    let shown = relay.get_issuers_list(GetIssuersListRequest { proof, keep_still: false }).await.unwrap();
    let now = wardline_identity::Clock::now(&SystemClock);
    let organisation = Organisation::verify(&shown.organisation.unwrap(), &root.fingerprint(), now).unwrap();
    let relays = shown.relay_certificates.iter().map(|der| Digest::of(der)).collect();
    (relay, organisation, relays)
}

/// The revocation list in force, as the relay has it on its disk.
async fn standing(ward: &Ward) -> Option<StandingList> {
    let options =
        SqliteConnectOptions::new().filename(ward.relay.folder().join("relay.sqlite")).read_only(true);
    let mut connection = options.connect().await.unwrap();
    let query = sqlx::query("SELECT statement FROM revocation_list");
    let row = query.fetch_optional(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let statement = SignedStatement::decode(row?.get::<Vec<u8>, _>(0).as_slice()).unwrap();
    Some(StandingList::from(&RevocationList::stored(statement).unwrap()))
}

/// The SHA-256 of a device's certificate, as the relay has it.
fn certificate(ward: &Ward, device: &Device) -> Digest {
    let database = ward.relay.folder().join("relay.sqlite");
    let device = data_encoding::HEXLOWER.decode(id(device).as_bytes()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let mut connection = options.connect().await.unwrap();
        let query = "SELECT fingerprint FROM device_certificates WHERE device_id = ?1";
        let row = sqlx::query(query).bind(&device).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        Digest::try_from(row.get::<Vec<u8>, _>(0).as_slice()).unwrap()
    })
}

#[test]
fn a_certificate_that_is_not_kept_is_cut_and_put_out_while_the_others_go_on() {
    let scene = Scene::set();
    keeps_list(&scene.ward.administrator);
    let root = root(&scene.ward);
    let kept: Vec<Digest> = [&scene.doctor, &scene.nurse, &scene.ward.administrator]
        .map(|one| certificate(&scene.ward, one))
        .to_vec();
    let (_doctor, _nurse, mut locum) =
        (scene.online(&scene.doctor), scene.online(&scene.nurse), scene.online(&scene.locum));
    scene.doctor.cli(&["send", WARD, "before"]).good();
    until("all have it", || [&scene.nurse, &scene.locum].iter().all(|one| texts(one) == ["before"]));
    let publish = |struck: Vec<Strike>| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (relay, organisation, relays) = at_the_door(&scene.ward, &root).await;
            let now = wardline_identity::Clock::now(&SystemClock);
            let label = wardline_identity::DisplayName::parse("Second").unwrap();
            let second = root.found_issuer(&label, &SystemEntropy, now).unwrap();
            let struck: Vec<Strike> = struck
                .into_iter()
                .map(|strike| Strike {
                    kept: strike.kept.into_iter().chain(relays.clone()).collect(),
                    ..strike
                })
                .collect();
            let number = organisation.issuers_number() + 1;
            let issuers = if struck.is_empty() {
                vec![organisation.issuers()[0].der(), second.certificate_der()]
            } else {
                vec![second.certificate_der()]
            };
            let standing = standing(&scene.ward).await;
            let list = root.sign_issuers(number, &issuers, (&struck, standing)).unwrap();
            let request =
                PublishIssuersListRequest { list: Some(list), ..PublishIssuersListRequest::default() };
            relay.publish_issuers_list(request).await.map(|_| organisation.issuers()[0].der().to_vec())
        })
    };
    let strikes = |certificate: Vec<u8>| {
        vec![Strike { certificate, kept: kept.iter().copied().collect(), since: None }]
    };
    // The control: a list that strikes nobody cuts nobody.
    let first = publish(Vec::new()).unwrap();
    scene.locum.cli(&["send", WARD, "still here"]).good();
    until("it is heard", || texts(&scene.doctor).len() == 2);
    publish(strikes(first)).unwrap();

    until("it is told why", || {
        let said = scene.locum.cli(&["sync", "--json"]);
        said.status == 78 && said.failure()["what"].as_str().unwrap().contains("no longer good")
    });
    locum.process.kill();
    scene.doctor.cli(&["send", WARD, "without them"]).good();
    until("the others go on", || texts(&scene.nurse).contains(&"without them".to_owned()));
    assert_eq!((cuts(&scene.doctor), cuts(&scene.nurse)), (0, 0), "no stream was cut that need not be");
    assert_eq!(texts(&scene.locum), ["before", "still here"], "what it had it reads, and nothing after");
    let show = scene.doctor.ask(&["conversation", "show", WARD]);
    let members = show["members"].as_array().unwrap();
    assert!(members.iter().all(|one| one["user"] != "locum-c"), "{show}");
}

#[test]
fn the_door_takes_no_list_that_goes_back_and_none_without_the_root() {
    let scene = Scene::set();
    let machine = Machine::new(&scene.ward, "office-b");
    let first = {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let root = root(&scene.ward);
        runtime.block_on(async { at_the_door(&scene.ward, &root).await.1 })
    };
    machine.restored();
    let root = root(&scene.ward);
    let reason = |list| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (relay, ..) = at_the_door(&scene.ward, &root).await;
            let request =
                PublishIssuersListRequest { list: Some(list), ..PublishIssuersListRequest::default() };
            match relay.publish_issuers_list(request).await {
                Err(wardline_client_core::relay::RelayError::Refused { reason, .. }) => reason,
                other => panic!("{other:?}"),
            }
        })
    };
    assert_eq!(reason(first.issuers_statement().clone()), Reason::IssuersConflict, "the first one again");
    let struck = first.issuers()[0].der();
    let back = root.sign_issuers_list(4, &[struck]).unwrap();
    assert_eq!(reason(back), Reason::StatementInvalid, "who was struck does not come back");
}

#[test]
fn the_roots_file_is_copied_under_a_new_code_and_shows_whose_it_is() {
    let scene = Scene::set();
    let machine = Machine::new(&scene.ward, "office-b");
    let copy = scene.ward.folder().join("recovery-2");
    let (file, code) =
        (["--recovery-file", &machine.recovery_file], ["--recovery-code-file", &machine.code_file]);
    let with = |task: &[&str]| {
        let arguments = [&["admin", "root"], task, &file[..], &code[..]].concat();
        machine.device.cli(&[&arguments[..], &["--json"]].concat())
    };
    let shown = with(&["show"]).good().object();
    assert_eq!(shown["root"], scene.doctor.ask(&["status", "--offline"])["root"], "what devices pin");
    let made = with(&["backup", "--out", copy.to_str().unwrap()]).good().object();
    assert_ne!(made["recovery_code"].as_str().unwrap(), scene.ward.recovery_code);
    let secret = format!("{shown}");
    assert!(!secret.contains(&scene.ward.recovery_code));
    with(&["backup", "--out", copy.to_str().unwrap()]).failed(74);
    // Each opens with its own code and with no other.
    let file = ["--recovery-file", copy.to_str().unwrap()];
    let show = |code: &str| {
        machine.device.cli(&[&["admin", "root", "show"], &file[..], &["--recovery-code-file", code]].concat())
    };
    show(&machine.code_file).failed(77);
    let other = scene.ward.folder().join("recovery-2.code");
    std::fs::write(&other, made["recovery_code"].as_str().unwrap()).unwrap();
    show(other.to_str().unwrap()).good();
}
