//! An organisation for each cast, made once in this process and copied for every scene: its relay's folder and its
//! devices' vaults, with one conversation. All of it comes from one seed, on the virtual clock.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use wardline_client_core::{
    api::{Answer, Client, Command, Connector, Enrolment, Founding, Invitee, Options, Reach, enrol, found},
    vault::{KdfCost, Passcode},
};
use wardline_identity::{Clock, SeededEntropy};
use wardline_proto::UtcMillis;
use wardline_server::{
    data_dir::DataDir,
    init::{DialAddress, init},
};
use wardline_tests::in_process::{Faults, InProcessConnector, RelayHouse, copy_files};

use crate::time::SceneClock;

/// Who takes part, and over which suite they talk.
#[derive(Debug)]
pub(crate) struct Cast {
    /// The users of the devices that are awake; the first device's person makes the conversation and keeps it.
    pub(crate) devices: &'static [&'static str],
    suite: u16,
}

/// Is enrolled, asleep, and in no conversation at first.
pub(crate) const OUTSIDER: &str = "doctor-d";

/// The casts. The last one talks over X-Wing, which costs more.
pub(crate) const CASTS: [Cast; 5] = [
    Cast { devices: &["doctor-a", "nurse-b"], suite: 0x0001 },
    Cast { devices: &["doctor-a", "doctor-a", "nurse-b"], suite: 0x0001 },
    Cast { devices: &["doctor-a", "nurse-b", "doctor-c"], suite: 0x0001 },
    Cast { devices: &["doctor-a", "doctor-a", "nurse-b", "doctor-c"], suite: 0x0001 },
    Cast { devices: &["doctor-a", "nurse-b"], suite: 0x004F },
];

/// When organisations are founded.
const NOON: UtcMillis = UtcMillis::new(1_800_000_000_000);

/// Everything that the scenes of a cast begin with.
pub(crate) struct Template {
    folder: TempDir,
    /// The devices by their ids; the outsider's is the last.
    pub(crate) devices: Vec<String>,
    /// The administrator's device.
    pub(crate) office: String,
    /// The conversation.
    pub(crate) conversation: String,
    /// When it was made.
    pub(crate) made: UtcMillis,
}

/// A scene's own copy.
pub(crate) struct Copy {
    folder: TempDir,
}

impl Template {
    /// One for each cast.
    pub(crate) fn all() -> Vec<Self> {
        for place in ["cheap_passcodes", "few_key_packages", "hasty_disks", "unpaired_vaults"] {
            fail::cfg(format!("simulation.{place}"), "return").expect("a place");
        }
        let founded = in_memory();
        let office = crate::scene::in_virtual_time(0, || found_in(founded.path()));
        (1..).zip(&CASTS).map(|(seed, cast)| Self::make((founded.path(), &office), seed, cast)).collect()
    }

    fn make((founded, office): (&Path, &str), seed: u64, cast: &Cast) -> Self {
        let folder = in_memory();
        for part in ["relay", "administrator"] {
            copy_files(&founded.join(part), &folder.path().join(part));
        }
        let (conversation, devices, made) =
            crate::scene::in_virtual_time(seed, || people_in((folder.path(), office), seed, cast));
        Self { folder, devices, office: office.to_owned(), conversation, made }
    }

    /// A copy.
    pub(crate) fn copy(&self) -> Copy {
        let folder = in_memory();
        let copy = Copy { folder };
        copy_files(&self.folder.path().join("relay"), &copy.relay());
        for device in 0..self.devices.len() {
            copy_files(&home(self.folder.path(), device), &copy.home(device));
        }
        copy
    }

    /// The administrator's device as well.
    pub(crate) fn copy_office(&self, copy: &Copy) {
        copy_files(&self.folder.path().join("administrator"), &copy.office());
    }
}

impl Copy {
    /// The relay's folder.
    pub(crate) fn relay(&self) -> PathBuf {
        self.folder.path().join("relay")
    }

    /// The administrator's home.
    pub(crate) fn office(&self) -> PathBuf {
        self.folder.path().join("administrator")
    }

    /// Where a copy of the relay's database is laid aside.
    pub(crate) fn backup(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    /// A device's home; the outsider's comes after the others'.
    pub(crate) fn home(&self, device: usize) -> PathBuf {
        home(self.folder.path(), device)
    }
}

fn home(folder: &Path, device: usize) -> PathBuf {
    folder.join(format!("device-{device}"))
}

/// Everybody's.
pub(crate) fn passcode() -> Passcode {
    Passcode::new("the passcode of everybody".to_owned()).expect("a passcode")
}

/// The least that a scene without a thief pays for it.
const TRIFLE: KdfCost = KdfCost { memory_kib: 8, time: 1, lanes: 1 };

/// Makes the organisation, its relay and its administrator's device.
async fn found_in(folder: &Path) -> String {
    let entropy = Arc::new(SeededEntropy::new(0));
    let relay = DataDir::at(folder.join("relay"));
    init(&relay, &[DialAddress::parse("127.0.0.1:7443").expect("an address")], &*entropy).expect("a relay");
    let request = std::fs::read(relay.request()).expect("a request");
    let founding = Founding {
        home: &folder.join("administrator"),
        passcode: &passcode(),
        cost: TRIFLE,
        organisation: "St. Example",
        user: "administrator",
        name: "Administrator",
        device_name: "office",
        relay_request: &request,
        recovery_file: &folder.join("recovery"),
        clock: Arc::new(SceneClock::begin(NOON)),
        entropy,
    };
    let founded = found(&founding).await.expect("an organisation");
    std::fs::write(relay.bundle(), founded.relay_bundle).expect("a bundle");
    founded.device
}

/// The administrator.
pub(crate) const ADMINISTRATOR: &str = "administrator";

/// Enrols the cast and the outsider, and makes the conversation.
async fn people_in(
    (folder, administrator): (&Path, &str),
    seed: u64,
    cast: &Cast,
) -> (String, Vec<String>, UtcMillis) {
    let clock: Arc<dyn Clock> = Arc::new(SceneClock::begin(NOON.plus_seconds(60)));
    let house = RelayHouse::open(&folder.join("relay"), clock.clone()).await;
    let entropy = Arc::new(SeededEntropy::new(seed << 32));
    let open = async |home: PathBuf, who: &str| {
        let connector: Arc<dyn Connector> = InProcessConnector::new(&house, who, Faults::default());
        let (clock, entropy) = (clock.clone(), entropy.clone());
        let stranger: Option<Arc<dyn Connector>> = Some(InProcessConnector::uncertified(&house));
        let options = Options { clock, entropy, connector: Some(connector), stranger, ..Options::default() };
        Client::open(&home, &passcode(), options).await.expect("the vault opens")
    };
    let office = open(folder.join("administrator"), administrator).await;
    let users: Vec<&str> = cast.devices.iter().copied().chain([OUTSIDER]).collect();
    let (mut clients, mut ids) = (Vec::new(), Vec::new());
    for (device, user) in users.iter().enumerate() {
        let people = vec![Invitee {
            user: (*user).to_owned(),
            name: format!("Name of {user}"),
            role: "clinician".to_owned(),
            replaces: None,
        }];
        let invited = office.execute(Command::Invite { people, valid_seconds: 3_600 }, Reach::Online).await;
        let Ok(Answer::Invited(mut invited)) = invited else { panic!("{invited:?}") };
        let enrolment = Enrolment {
            home: &home(folder, device),
            passcode: &passcode(),
            cost: TRIFLE,
            invitation: &invited.invited.remove(0).invitation,
            device_name: "phone",
            clock: clock.clone(),
            entropy: entropy.clone(),
            connector: Some(InProcessConnector::uncertified(&house)),
        };
        let pass = office.execute(Command::RegistrarPass { wait_seconds: 10 }, Reach::Online);
        let mut progress = |_| {};
        let (enrolled, _) = tokio::join!(enrol(&enrolment, &mut progress), pass);
        ids.push(enrolled.expect("a device enrols").device);
        let client = open(home(folder, device), &ids[device]).await;
        client.execute(Command::Sync, Reach::Online).await.expect("it syncs");
        clients.push(client);
    }
    office.close().await.expect("it closes");
    let with = [&["nurse-b"][..], &["doctor-c"]].concat();
    let with = with.into_iter().filter(|user| cast.devices.contains(user)).map(str::to_owned).collect();
    let create = Command::ConversationCreate { name: "Ward".to_owned(), with, suite: Some(cast.suite) };
    let created = clients[0].execute(create, Reach::Online).await;
    let Ok(Answer::Changed(created)) = created else { panic!("{created:?}") };
    for client in clients {
        client.execute(Command::Sync, Reach::Online).await.expect("it syncs");
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        client.close().await.expect("it closes");
    }
    house.stop().await;
    (created.conversation, ids, clock.now())
}

/// A folder, in memory where the system has a place for that: scenes write a lot.
fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    folder.expect("a folder")
}
