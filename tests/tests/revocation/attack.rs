//! A device is revoked while everybody talks, over both doors. Whoever has its vault, its passcode and all traffic opens nothing
//! that was accepted after the instant. The control is the same code with the vault of a member.

use std::{
    collections::BTreeSet,
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use prost::Message as _;
use tokio::runtime::Runtime;
use wardline_client_core::{
    api::{Answer, Client, Command, Options, Reach, open_copy},
    mls::{MlsStore, Processed, group},
    relay::TransportChoice,
    vault::{Vault, mls_rows::Scope},
};
use wardline_proto::{
    ConversationId,
    content::{Content, content::Body},
};
use wardline_tests::{Device, Ward, programs};

use crate::{
    scene::{WARD, id, taken_with_it_inside},
    tap::{Recorded, Tap},
};

/// Messages before and after the instant, at least; `WARDLINE_MESSAGES` says another number.
const MESSAGES: usize = 300;
/// Senders on each device.
const SENDERS: usize = 3;

/// A message that the relay accepted.
struct Accepted {
    text: String,
    number: u64,
}

/// Devices that send without pause.
struct Crowd {
    accepted: Arc<Mutex<Vec<Accepted>>>,
    stop: Arc<AtomicBool>,
    senders: Vec<thread::JoinHandle<()>>,
}

impl Crowd {
    fn send(devices: &[(&Device, TransportChoice)]) -> Self {
        let (accepted, stop) = (Arc::<Mutex<Vec<Accepted>>>::default(), Arc::<AtomicBool>::default());
        let senders = devices.iter().map(|(device, transport)| {
            let ((device, transport), accepted, stop) =
                (((*device).clone(), *transport), accepted.clone(), stop.clone());
            thread::spawn(move || talk(&device, transport, &accepted, &stop))
        });
        Self { senders: senders.collect(), accepted, stop }
    }

    fn count(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Lets them go on until so many were accepted.
    #[track_caller]
    fn until(&self, count: usize) {
        let patience = 120 + u64::try_from(count).unwrap() / 5;
        let until = Instant::now() + Duration::from_secs(patience);
        while self.count() < count {
            assert!(Instant::now() < until, "only {} of {count} were accepted", self.count());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn end(self) -> Vec<Accepted> {
        self.stop.store(true, Ordering::SeqCst);
        self.senders.into_iter().for_each(|sender| sender.join().unwrap());
        Arc::into_inner(self.accepted).unwrap().into_inner().unwrap()
    }
}

/// One device over one door, with several senders at once.
fn talk(device: &Device, transport: TransportChoice, accepted: &Mutex<Vec<Accepted>>, stop: &AtomicBool) {
    Runtime::new().unwrap().block_on(async {
        let options = Options { transport, ..Options::default() };
        let client = Client::open(&device.home, &device.passcode(), options).await.unwrap();
        let send = async |sender: usize| {
            for number in 0_u32.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let text = format!("{} {transport:?} {sender}.{number}", device.user);
                let command = Command::Send {
                    conversation: WARD.to_owned(),
                    text: text.clone(),
                    expires_seconds: None,
                };
                if let Ok(Answer::Sent(sent)) = client.execute(command, Reach::Online).await
                    && let Some(number) = sent.number
                {
                    accepted.lock().unwrap().push(Accepted { text, number });
                }
            }
        };
        let senders: Vec<_> = (0..SENDERS).map(send).collect();
        futures::future::join_all(senders).await;
        client.close().await.unwrap();
    });
}

/// What was in a vault at one moment, opened then with its passcode.
pub(crate) struct Stolen {
    runtime: Runtime,
    vault: Vault,
}

impl Stolen {
    pub(crate) fn open(copy: &Device) -> Self {
        let runtime = Runtime::new().unwrap();
        let vault = runtime.block_on(open_copy(&copy.home, &copy.passcode())).unwrap();
        Self { runtime, vault }
    }
}

/// Everything that opens with a vault: the entries forwards and backwards, merging commits and staying in the vault's own epoch, and
/// those after the removal as if there were none before.
pub(crate) fn opened(
    stolen: &Stolen,
    (conversation, removal): (ConversationId, u64),
    traffic: &[Recorded],
) -> BTreeSet<String> {
    let Stolen { runtime, vault } = stolen;
    let mut opened = BTreeSet::new();
    let mut feed = |entries: &mut dyn Iterator<Item = &Recorded>, merges: bool| {
        let store = MlsStore::new();
        runtime.block_on(store.load(vault, Scope::Conversation(conversation))).unwrap();
        let mut group = group::load(&store, conversation).unwrap().expect("a member's vault");
        for entry in entries {
            match group.process(&store, &entry.bytes) {
                Ok(Processed::Message { plaintext, .. }) => {
                    if let Some(Body::Text(text)) = Content::decode(plaintext.as_slice()).unwrap().body {
                        opened.insert(text.text);
                    }
                }
                Ok(Processed::Commit(staged)) if merges => group.merge_staged(&store, *staged).unwrap(),
                Ok(_) | Err(_) => {}
            }
        }
    };
    feed(&mut traffic.iter(), true);
    feed(&mut traffic.iter().rev(), true);
    feed(&mut traffic.iter(), false);
    feed(&mut traffic.iter().rev(), false);
    feed(&mut traffic.iter().filter(|entry| entry.number > removal), true);
    opened
}

#[test]
fn nothing_that_is_accepted_after_the_instant_opens_with_the_revoked_devices_vault() {
    let enough = env::var("WARDLINE_MESSAGES").map_or(MESSAGES, |number| number.parse().unwrap());
    let ward = Ward::quick(programs!());
    let [doctor, nurse, porter, locum] = ward.people(["doctor-a", "nurse-b", "porter-d", "locum-c"]);
    let tap = Tap::enrol(&ward, "tap-e");
    let mut create = vec!["conversation", "create", WARD];
    for user in ["nurse-b", "porter-d", "locum-c", "tap-e"] {
        create.extend(["--with", user]);
    }
    let created = doctor.ask(&create);
    let conversation = created["conversation"].as_str().unwrap();
    let conversation =
        ConversationId::try_from(data_encoding::HEXLOWER.decode(conversation.as_bytes()).unwrap().as_slice());
    let conversation = conversation.unwrap();
    for device in [&nurse, &porter, &locum] {
        device.cli(&["sync"]).good();
    }
    // The vaults of one who will be revoked and of one who stays, from the same moment, with their passcodes.
    let steal = |device: &Device, name| Stolen::open(&device.copy_to(&ward.folder().join(name)).unwrap());
    let (revoked, member) = (steal(&locum, "locum-stolen"), steal(&porter, "porter-copied"));
    let device = id(&locum);

    let crowd = Crowd::send(&[
        (&doctor, TransportChoice::Quic),
        (&nurse, TransportChoice::Tcp),
        (&locum, TransportChoice::Quic),
    ]);
    crowd.until(enough);
    let order = ["admin", "device", "revoke", &device, "--reason", "stolen", "--wait", "0"];
    let answer = ward.administrator.ask_all(&order).remove(0);
    assert!(answer["in_force"].is_string(), "{answer}");
    let at_the_answer = crowd.count();
    crowd.until(at_the_answer + enough);
    let accepted = crowd.end();

    // Where the log stands when the device is out: nothing was accepted from the instant to there, so all after it is after
    // the instant. (`hostile.rs` has the control.)
    let (told, inside) = taken_with_it_inside(&ward, &locum);
    assert!(told > 0 && inside == 0, "{told} before the instant, {inside} from there to the removal");
    let status = ward.administrator.ask(&["admin", "device", "status", &device]);
    let removal = status["removals"][0]["number"].as_u64().expect("it is out");
    let traffic = tap.traffic();
    let texts = |after: bool| -> BTreeSet<String> {
        accepted.iter().filter(|one| (one.number > removal) == after).map(|one| one.text.clone()).collect()
    };
    let (before, after) = (texts(false), texts(true));
    assert!(before.len() >= enough && after.len() >= enough / 2, "{} and {}", before.len(), after.len());
    assert!(after.iter().all(|text| !text.starts_with("locum-c")), "it says nothing any more");
    for door in ["Quic", "Tcp"] {
        assert!(after.iter().any(|text| text.contains(door)), "over both doors");
    }

    let member_reads = opened(&member, (conversation, removal), &traffic);
    assert!(member_reads.is_superset(&before) && member_reads.is_superset(&after), "the control opens all");
    let revoked_reads = opened(&revoked, (conversation, removal), &traffic);
    // Nobody opens what they sent themselves.
    let mut told = before.iter().filter(|text| !text.starts_with("locum-c"));
    assert!(told.all(|text| revoked_reads.contains(text)), "what it was told before");
    let leaked: Vec<&String> = revoked_reads.intersection(&after).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    println!("before={} after={} opened_after=0 control={}", before.len(), after.len(), member_reads.len());
}
