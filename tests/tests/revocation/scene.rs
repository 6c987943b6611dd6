//! A ward with a conversation, and one device in it that will be out.

use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, sqlite::SqliteConnectOptions};
use tokio::runtime::Runtime;
use wardline_tests::{Device, Owner, Ward, programs};

/// What everybody talks in.
pub(crate) const WARD: &str = "Ward 4";
/// How long what happens by itself may take.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Scene {
    pub(crate) ward: Ward,
    pub(crate) doctor: Device,
    pub(crate) nurse: Device,
    pub(crate) locum: Device,
}

impl Scene {
    /// Three people in a conversation, all up to date.
    pub(crate) fn set() -> Self {
        let ward = Ward::quick(programs!());
        let [doctor, nurse, locum] = ward.people(["doctor-a", "nurse-b", "locum-c"]);
        doctor.cli(&["conversation", "create", WARD, "--with", "nurse-b", "--with", "locum-c"]).good();
        for device in [&nurse, &locum] {
            device.cli(&["sync"]).good();
        }
        Self { ward, doctor, nurse, locum }
    }

    /// `wardline admin device …` by the administrator; the objects it prints. It must succeed.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Vec<Value> {
        self.ward.administrator.ask_all(&[&["admin", "device"], arguments].concat())
    }

    /// Where a device stands, as the administrator sees it.
    pub(crate) fn status(&self, device: &Device) -> Value {
        self.admin(&["status", &id(device)]).remove(0)
    }

    /// Connects a device for as long as the owner lives: somebody has to be there to put others out.
    pub(crate) fn online(&self, device: &Device) -> Owner {
        device.follow()
    }
}

/// A device's id, without asking the relay.
pub(crate) fn id(device: &Device) -> String {
    device.id()
}

/// Whether a device's vault does not open, with its passcode: it is out.
pub(crate) fn is_closed(device: &Device) -> bool {
    let read = device.cli(&["read", WARD, "--offline"]);
    read.status == 78 && read.stdout.is_empty() && read.stderr.contains("DEVICE_REVOKED")
}

/// The texts of the conversation as a device has them.
pub(crate) fn texts(device: &Device) -> Vec<String> {
    let read = device.ask_all(&["read", WARD, "--offline"]);
    let texts = read.iter().filter(|one| one["kind"] == "text");
    texts.map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// How many messages the relay took in a conversation before a device was put out, from before the instant, and from after it.
pub(crate) fn taken_with_it_inside(ward: &Ward, device: &Device) -> (i64, i64) {
    let database = ward.relay.folder().join("relay.sqlite");
    let device = data_encoding::HEXLOWER.decode(id(device).as_bytes()).unwrap();
    let query = "SELECT COALESCE(SUM(e.stamp <= r.in_force_at), 0), COALESCE(SUM(e.stamp > r.in_force_at), 0)
                   FROM removals r JOIN entries e ON e.conversation = r.conversation AND e.kind = 2
                  WHERE r.device = ?1 AND (r.number IS NULL OR e.number < r.number)";
    Runtime::new().unwrap().block_on(async {
        let mut connection =
            SqliteConnectOptions::new().filename(database).read_only(true).connect().await.unwrap();
        let row = sqlx::query(query).bind(&device).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        (row.get(0), row.get(1))
    })
}
