//! Enrolling in this process, at the vault's lowest cost, so that scenes begin quickly. The way by the program
//! itself is `first_conversation`'s to try.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Runtime, task::JoinSet};
use wardline_client_core::{
    api::{Answer, Client, Command, Enrolment, Invitee, Options, Reach, enrol as enrol_device},
    vault::Passcode,
};
use wardline_identity::{Clock as _, ManualClock, SystemClock, SystemEntropy};
use wardline_proto::UtcMillis;

use crate::Device;

/// A runtime for a few calls of the core.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A passcode as the core takes it.
pub(crate) fn passcode(text: &str) -> Passcode {
    Passcode::new(text.to_owned()).expect("a passcode")
}

/// The passcode in a device's file.
fn passcode_of(device: &Device) -> Passcode {
    let text = std::fs::read_to_string(&device.passcode_file).expect("a passcode file");
    passcode(text.trim_end())
}

/// Enrols a device a person, in a role, and has each publish what others add it with.
pub(crate) fn enrol(administrator: &Device, devices: &[Device], role: &str) {
    runtime().block_on(async {
        let passcode = passcode_of(administrator);
        let office = Client::open(&administrator.home, &passcode, Options::default()).await;
        let office = office.expect("the administrator's vault opens");
        let people = devices.iter().map(|device| Invitee {
            user: device.user.clone(),
            name: format!("Name of {}", device.user),
            role: role.to_owned(),
            replaces: None,
        });
        let invite = Command::Invite { people: people.collect(), valid_seconds: 3_600 };
        let Ok(Answer::Invited(invited)) = office.execute(invite, Reach::Online).await else {
            panic!("nobody was invited");
        };
        let mut enrolling = JoinSet::new();
        for (device, invitation) in devices.iter().zip(invited.invited) {
            enrolling.spawn(enrol_one(device.clone(), invitation.invitation));
        }
        while !enrolling.is_empty() {
            let pass = office.execute(Command::RegistrarPass { wait_seconds: 1 }, Reach::Online).await;
            assert!(matches!(pass, Ok(Answer::Judged(_))), "{pass:?}");
            while let Some(enrolled) = enrolling.try_join_next() {
                enrolled.expect("a device enrols");
            }
        }
        office.close().await.expect("the administrator's vault closes");
    });
}

/// How long an invitation of [`invite_in_the_past`] is still valid.
pub(crate) const MOMENT: Duration = Duration::from_secs(4);

/// Invites for a minute, most of which has passed.
pub(crate) fn invite_in_the_past(administrator: &Device, user: &str) -> String {
    const MINUTE: u64 = 60_000;
    runtime().block_on(async {
        let left = u64::try_from(MOMENT.as_millis()).unwrap_or(0);
        let behind = UtcMillis::new(SystemClock.now().get() - (MINUTE - left));
        let options = Options { clock: Arc::new(ManualClock::new(behind)), ..Options::default() };
        let passcode = passcode_of(administrator);
        let office = Client::open(&administrator.home, &passcode, options).await;
        let office = office.expect("the administrator's vault opens");
        let (user, role) = (user.to_owned(), "clinician".to_owned());
        let people = vec![Invitee { name: user.clone(), user, role, replaces: None }];
        let invite = Command::Invite { people, valid_seconds: MINUTE / 1_000 };
        let answer = office.execute(invite, Reach::Online).await;
        office.close().await.expect("the administrator's vault closes");
        match answer {
            Ok(Answer::Invited(mut invited)) => invited.invited.remove(0).invitation,
            other => panic!("nobody was invited: {other:?}"),
        }
    })
}

async fn enrol_one(device: Device, invitation: String) {
    let passcode = passcode_of(&device);
    let enrolment = Enrolment {
        home: &device.home,
        passcode: &passcode,
        cost: device.cost(),
        invitation: &invitation,
        device_name: "phone",
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        connector: None,
    };
    enrol_device(&enrolment, &mut |_| {}).await.expect("a certificate");
    let client = Client::open(&device.home, &passcode, Options::default()).await.expect("the vault opens");
    client.execute(Command::Sync, Reach::Online).await.expect("it syncs");
    client.close().await.expect("it closes");
}
