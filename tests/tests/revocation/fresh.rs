//! The list lives on: made once, signed again every hour, and missed in time where nobody signs it. On a clock of the test's,
//! over the real relay in this process.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use wardline_client_core::{
    api::{Answer, Client, Command, Founding, Inventory, ListKept, Options, Reach, Status, found},
    vault::{KdfCost, Passcode},
};
use wardline_identity::{Clock as _, ManualClock, SeededEntropy};
use wardline_proto::UtcMillis;
use wardline_server::{
    data_dir::DataDir,
    init::{DialAddress, init},
};
use wardline_tests::in_process::{Faults, InProcessConnector, RelayHouse};

const NOON: UtcMillis = UtcMillis::new(1_800_000_000_000);
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// An office over a relay in this process.
struct Office {
    clock: Arc<ManualClock>,
    house: Arc<RelayHouse>,
    folder: TempDir,
    device: String,
    client: Client,
}

fn passcode() -> Passcode {
    Passcode::new("correct horse".to_owned()).unwrap()
}

impl Office {
    async fn found() -> Self {
        let (folder, clock) = (TempDir::new().unwrap(), Arc::new(ManualClock::new(NOON)));
        let (entropy, relay) = (Arc::new(SeededEntropy::new(7)), DataDir::at(folder.path().join("relay")));
        init(&relay, &[DialAddress::parse("127.0.0.1:7443").unwrap()], &*entropy).unwrap();
        let request = std::fs::read(relay.request()).unwrap();
        let founding = Founding {
            home: &folder.path().join("administrator"),
            passcode: &passcode(),
            cost: KdfCost::floor(),
            organisation: "St. Example",
            user: "administrator",
            name: "Administrator",
            device_name: "office",
            relay_request: &request,
            recovery_file: &folder.path().join("recovery"),
            clock: clock.clone(),
            entropy,
        };
        let founded = found(&founding).await.unwrap();
        std::fs::write(relay.bundle(), founded.relay_bundle).unwrap();
        let house = RelayHouse::open(&folder.path().join("relay"), clock.clone()).await;
        let client = open(&folder, &clock, &house, &founded.device).await;
        Self { clock, house, folder, device: founded.device, client }
    }

    async fn again(self) -> Self {
        self.client.close().await.unwrap();
        let client = open(&self.folder, &self.clock, &self.house, &self.device).await;
        Self { client, ..self }
    }

    /// So many seconds after noon.
    fn at(&self, seconds: u64) {
        self.clock.set(NOON.plus_seconds(seconds));
    }

    async fn keep(&self) -> ListKept {
        let kept = self.client.execute(Command::KeepList, Reach::Online).await;
        let Ok(Answer::ListKept(kept)) = kept else { panic!("{kept:?}") };
        kept
    }

    async fn status(&self) -> Status {
        let status = self.client.execute(Command::Status { seen: false }, Reach::Online).await;
        let Ok(Answer::Status(status)) = status else { panic!("{status:?}") };
        *status
    }

    async fn inventory(&self) -> Inventory {
        let list = self.client.execute(Command::AdminDeviceList { user: None }, Reach::Online).await;
        let Ok(Answer::Inventory(list)) = list else { panic!("{list:?}") };
        list
    }
}

async fn open(folder: &TempDir, clock: &Arc<ManualClock>, house: &Arc<RelayHouse>, device: &str) -> Client {
    let connector = InProcessConnector::new(house, device, Faults::default());
    let stranger = InProcessConnector::uncertified(house);
    let options = Options {
        clock: clock.clone(),
        connector: Some(connector),
        stranger: Some(stranger),
        ..Options::default()
    };
    Client::open(&folder.path().join("administrator"), &passcode(), options).await.unwrap()
}

#[test]
fn a_registrar_makes_the_first_list_and_signs_it_again_every_hour_under_its_number() {
    Runtime::new().unwrap().block_on(async {
        let office = Office::found().await;
        assert!(office.status().await.list.is_none(), "the control: there is none by itself");
        let first = office.keep().await;
        let list = first.list.clone().unwrap();
        assert!(first.changed);
        assert_eq!((list.number, list.signed.as_str()), (1, "2027-01-15T08:00:00Z"));
        assert_eq!(list.until, "2027-01-18T08:00:00Z", "72 hours");
        for minutes in [0, 1, 59] {
            office.at(minutes * MINUTE);
            let kept = office.keep().await;
            assert!(!kept.changed && kept.list.as_ref() == Some(&list), "after {minutes}: {kept:?}");
        }
        office.at(HOUR);
        let kept = office.keep().await;
        let list = kept.list.unwrap();
        assert_eq!((kept.changed, list.number, list.signed.as_str()), (true, 1, "2027-01-15T09:00:00Z"));
        // Another process with the same vault goes by it, and the relay gives it out.
        let office = office.again().await;
        assert_eq!(office.status().await.list, Some(list.clone()));
        assert_eq!(office.inventory().await.list, Some(list));
        assert!(!office.keep().await.changed);
        office.client.close().await.unwrap();
        office.house.stop().await;
    });
}

#[test]
fn a_list_that_nobody_signs_again_is_missed_at_half_of_its_life() {
    Runtime::new().unwrap().block_on(async {
        let office = Office::found().await;
        office.keep().await;
        office.at(36 * HOUR - 1);
        assert!(office.status().await.warnings.is_empty());
        office.at(36 * HOUR);
        let warnings = office.status().await.warnings;
        assert!(warnings.len() == 1 && warnings[0].contains("2027-01-18T08:00:00Z"), "{warnings:?}");
        assert_eq!(office.inventory().await.warnings, warnings);
        assert!(office.keep().await.changed);
        assert!(office.status().await.warnings.is_empty(), "signed again");
        assert_eq!(office.clock.now(), NOON.plus_seconds(36 * HOUR));
        office.client.close().await.unwrap();
        office.house.stop().await;
    });
}
