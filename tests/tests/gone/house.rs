//! An organisation in a folder, its relay and two devices in one conversation, on one clock that is moved; a device's own may be wrong.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use wardline_client_core::{
    api::{Answer, Client, Command, Connector, Enrolment, Founding, Invitee, Options, Reach, enrol, found},
    secrets,
    vault::{KdfCost, Passcode},
};
use wardline_identity::{Clock, ManualClock, SystemEntropy};
use wardline_proto::UtcMillis;
use wardline_server::{
    data_dir::DataDir,
    init::{DialAddress, init},
};
use wardline_tests::in_process::{Faults, InProcessConnector, RelayHouse, copy_files};

/// Half past eleven and a little, so that no period ends with an hour or a day by chance.
const NOON: UtcMillis = UtcMillis::new(1_800_000_017_000);

/// Nobody guesses here.
const TRIFLE: KdfCost = KdfCost { memory_kib: 8, time: 1, lanes: 1 };

/// A clock that goes as the true one, and may be set wrong.
#[derive(Debug)]
pub(crate) struct OwnClock {
    right: Arc<ManualClock>,
    off_millis: AtomicI64,
}

impl OwnClock {
    pub(crate) fn set_off(&self, seconds: i64) {
        self.off_millis.store(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for OwnClock {
    fn now(&self) -> UtcMillis {
        let off = self.off_millis.load(Ordering::SeqCst);
        UtcMillis::new(self.right.now().get().saturating_add_signed(off))
    }

    fn since_boot(&self) -> Duration {
        self.right.since_boot()
    }

    fn boot(&self) -> [u8; 16] {
        self.right.boot()
    }
}

/// One enrolled device.
pub(crate) struct Phone {
    pub(crate) home: PathBuf,
    pub(crate) clock: Arc<OwnClock>,
    id: String,
}

pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) relay_clock: Arc<OwnClock>,
    pub(crate) relay: Arc<RelayHouse>,
    pub(crate) doctor: Phone,
    pub(crate) nurse: Phone,
    pub(crate) conversation: String,
}

fn passcode() -> Passcode {
    Passcode::new("the passcode of everybody".to_owned()).unwrap()
}

fn own(right: &Arc<ManualClock>) -> Arc<OwnClock> {
    Arc::new(OwnClock { right: right.clone(), off_millis: AtomicI64::new(0) })
}

impl House {
    pub(crate) async fn set() -> Self {
        for place in ["simulation.cheap_passcodes", "simulation.few_key_packages"] {
            fail::cfg(place, "return").unwrap();
        }
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::new(NOON));
        let (office, relay_clock) = (found_in(folder.path(), &clock).await, own(&clock));
        let relay = RelayHouse::open(&folder.path().join("relay"), relay_clock.clone()).await;
        let phone =
            |user: &str| Phone { home: folder.path().join(user), clock: own(&clock), id: String::new() };
        let (doctor, nurse) = (phone("doctor-a"), phone("nurse-b"));
        let conversation = String::new();
        let mut house = Self { folder, clock, relay_clock, relay, doctor, nurse, conversation };
        let office = Phone { home: house.folder.path().join("office"), clock: own(&house.clock), id: office };
        let office = house.open(&office).await;
        house.doctor.id = house.enrol(&office, "doctor-a").await;
        house.nurse.id = house.enrol(&office, "nurse-b").await;
        let kept = office.execute(Command::KeepList, Reach::Online).await;
        assert!(matches!(kept, Ok(Answer::ListKept(_))), "{kept:?}");
        office.close().await.unwrap();
        let nurse = house.opened(&house.nurse).await;
        let doctor = house.opened(&house.doctor).await;
        let create = Command::ConversationCreate {
            name: "Ward".to_owned(),
            with: vec!["nurse-b".to_owned()],
            suite: Some(1),
        };
        let created = doctor.execute(create, Reach::Online).await;
        let Ok(Answer::Changed(created)) = created else { panic!("{created:?}") };
        house.conversation = created.conversation;
        nurse.execute(Command::Sync, Reach::Online).await.unwrap();
        nurse.close().await.unwrap();
        doctor.close().await.unwrap();
        house
    }

    async fn enrol(&self, office: &Client, user: &str) -> String {
        let people = vec![Invitee {
            user: user.to_owned(),
            name: format!("Name of {user}"),
            role: "clinician".to_owned(),
            replaces: None,
        }];
        let invited = office.execute(Command::Invite { people, valid_seconds: 3_600 }, Reach::Online).await;
        let Ok(Answer::Invited(mut invited)) = invited else { panic!("{invited:?}") };
        let enrolment = Enrolment {
            home: &self.folder.path().join(user),
            passcode: &passcode(),
            cost: TRIFLE,
            invitation: &invited.invited.remove(0).invitation,
            device_name: "phone",
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            connector: Some(InProcessConnector::uncertified(&self.relay)),
        };
        let pass = office.execute(Command::RegistrarPass { wait_seconds: 10 }, Reach::Online);
        let mut progress = |_| {};
        let (enrolled, _) = tokio::join!(enrol(&enrolment, &mut progress), pass);
        enrolled.unwrap().device
    }

    fn options(&self, phone: &Phone) -> Options {
        let connector: Arc<dyn Connector> =
            InProcessConnector::new(&self.relay, &phone.id, Faults::default());
        let stranger: Option<Arc<dyn Connector>> = Some(InProcessConnector::uncertified(&self.relay));
        Options { clock: phone.clock.clone(), connector: Some(connector), stranger, ..Options::default() }
    }

    /// A device with its vault open.
    pub(crate) async fn open(&self, phone: &Phone) -> Client {
        Client::open(&phone.home, &passcode(), self.options(phone)).await.unwrap()
    }

    /// A device with its vault open and everything fetched.
    pub(crate) async fn opened(&self, phone: &Phone) -> Client {
        let client = self.open(phone).await;
        client.execute(Command::Sync, Reach::Online).await.unwrap();
        client
    }

    /// The doctor says something that lives for so long.
    pub(crate) async fn says(&self, text: &str, seconds: u32) {
        let doctor = self.opened(&self.doctor).await;
        let (conversation, text) = (self.conversation.clone(), text.to_owned());
        let send = Command::Send { conversation, text, expires_seconds: Some(seconds) };
        doctor.execute(send, Reach::Online).await.unwrap();
        doctor.close().await.unwrap();
    }

    /// The texts that a client shows.
    pub(crate) async fn shown(&self, client: &Client, reach: Reach) -> Vec<String> {
        let read = Command::Read { conversation: self.conversation.clone(), since: None, new: false };
        let Ok(Answer::Messages(read)) = client.execute(read, reach).await else {
            panic!("nothing is shown")
        };
        let texts = read.messages.into_iter().filter(|message| message.kind == "text");
        texts.map(|message| message.text).collect()
    }

    /// The texts that a device shows which is opened for that.
    pub(crate) async fn reads(&self, phone: &Phone) -> Vec<String> {
        let client = self.opened(phone).await;
        let texts = self.shown(&client, Reach::Offline).await;
        client.close().await.unwrap();
        texts
    }

    /// Time passes, for everybody.
    pub(crate) async fn passes(&self, seconds: u64) {
        self.clock.advance_seconds(seconds);
        self.relay.sweep().await;
    }

    /// A copy of everything on a device's disk.
    pub(crate) fn image(&self, phone: &Phone, name: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        copy_files(&phone.home, &copy);
        copy
    }

    /// What a thief reads in a copy of a device, with its passcode and the relay's answers.
    pub(crate) async fn stolen(&self, phone: &Phone, copy: &Path) -> Result<Vec<String>, String> {
        // Of each try the copy is as it was taken.
        let again = TempDir::new().unwrap();
        copy_files(copy, again.path());
        let read = secrets::texts(again.path(), &passcode(), self.options(phone)).await;
        read.map_err(|failure| failure.what)
    }
}

async fn found_in(folder: &Path, clock: &Arc<ManualClock>) -> String {
    let relay = DataDir::at(folder.join("relay"));
    init(&relay, &[DialAddress::parse("127.0.0.1:7443").unwrap()], &SystemEntropy).unwrap();
    let request = std::fs::read(relay.request()).unwrap();
    let founding = Founding {
        home: &folder.join("office"),
        passcode: &passcode(),
        cost: TRIFLE,
        organisation: "St. Example",
        user: "administrator",
        name: "Administrator",
        device_name: "office",
        relay_request: &request,
        recovery_file: &folder.join("recovery"),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
    };
    let founded = found(&founding).await.unwrap();
    std::fs::write(relay.bundle(), founded.relay_bundle).unwrap();
    founded.device
}
