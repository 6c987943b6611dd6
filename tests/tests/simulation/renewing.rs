//! Certificates come near their end while people talk: each device has its next one, whoever dies in between, and nothing that is
//! said is lost. Real clients and a real relay, in virtual time.

use std::{sync::Arc, time::Duration};

use wardline_client_core::api::{Answer, Command, Reach, Sent, Status};
use wardline_tests::in_process::{RelayHouse, Trace};

use crate::{
    TEMPLATES,
    phone::{Ground, Phone},
    scene::in_virtual_time,
    side_by_side,
    template::{ADMINISTRATOR, CASTS, Copy, Template},
    time::SceneClock,
};

/// Into the last third of 90 days, behind what devices are spread over, in seconds.
const LATE: i64 = 68 * 86_400;
/// Longer than it takes to connect again, to look at the certificate, and to commit.
const MOMENT: Duration = Duration::from_secs(8);
/// How many lives with a death in them.
const DEATHS: usize = 12;

/// A small hospital late in the quarter.
struct Quarter {
    phones: Vec<Phone>,
    office: Phone,
    ground: Ground,
    conversation: String,
    clocks: Vec<Arc<SceneClock>>,
    _copy: Copy,
}

impl Quarter {
    async fn begin(template: &Template, seed: u64) -> Self {
        let copy = template.copy();
        template.copy_office(&copy);
        let mut clocks = vec![Arc::new(SceneClock::begin(template.made))];
        let house = RelayHouse::open(&copy.relay(), clocks[0].clone()).await;
        let trace = Arc::new(Trace::begin());
        let ground = Ground { house, notes: Arc::default(), trace, seed, turns_to_die: 3 };
        let mut phones = Vec::new();
        for (place, user) in CASTS[0].devices.iter().enumerate() {
            let clock = Arc::new(SceneClock::begin(template.made));
            clocks.push(clock.clone());
            let who = (*user, place, template.devices[place].as_str());
            phones.push(Phone::open(&ground, who, copy.home(place), clock).await);
        }
        let clock = Arc::new(SceneClock::begin(template.made));
        clocks.push(clock.clone());
        let who = (ADMINISTRATOR, phones.len(), template.office.as_str());
        let office = Phone::open(&ground, who, copy.office(), clock).await;
        let conversation = template.conversation.clone();
        Self { phones, office, ground, conversation, clocks, _copy: copy }
    }

    fn leap(&self, seconds: i64) {
        self.clocks.iter().for_each(|clock| clock.leap_with_all(seconds));
    }

    /// What a registrar does all day, once.
    async fn registrar(&self) {
        for command in [Command::KeepList, Command::RegistrarPass { wait_seconds: 0 }] {
            let done = self.office.execute(command, Reach::Online).await;
            done.expect("a registrar's pass");
        }
    }

    /// Everybody connects anew, and looks at their certificates; a registrar passes by.
    async fn look(&self) {
        self.phones.iter().chain([&self.office]).for_each(|phone| phone.connector.drop_connection());
        tokio::time::sleep(MOMENT).await;
        self.registrar().await;
    }

    /// What is made of everybody's certificates, the same for all.
    async fn safety_code(&self) -> String {
        let mut codes = Vec::new();
        for phone in &self.phones {
            let show = Command::ConversationShow { conversation: self.conversation.clone() };
            let shown = phone.execute(show, Reach::Offline).await;
            let Ok(Answer::Conversation(detail)) = shown else { panic!("{shown:?}") };
            codes.push(detail.safety_code);
        }
        assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
        codes.remove(0)
    }

    async fn until(phone: &Phone) -> String {
        let status = phone.execute(Command::Status { seen: false }, Reach::Offline).await;
        let Ok(Answer::Status(status)) = status else { panic!("{status:?}") };
        let Status { certificate_until, .. } = *status;
        certificate_until.expect("a certificate")
    }

    /// Everybody says something, and everybody reads all of it.
    async fn talk(&self, about: &str) {
        for phone in &self.phones {
            let text = format!("{about} by {}", phone.user);
            let send = Command::Send { conversation: self.conversation.clone(), text, expires_seconds: None };
            let sent = phone.execute(send, Reach::Online).await;
            assert!(matches!(&sent, Ok(Answer::Sent(Sent { state, .. })) if state == "sent"), "{sent:?}");
        }
        for phone in &self.phones {
            phone.execute(Command::Sync, Reach::Online).await.expect("it syncs");
            let read = Command::Read { conversation: self.conversation.clone(), since: Some(0), new: false };
            let read = phone.execute(read, Reach::Offline).await.expect("it reads");
            let read = serde_json::to_string(&read).expect("JSON");
            for other in &self.phones {
                assert!(read.contains(&format!("{about} by {}", other.user)), "{}: {read}", phone.user);
            }
        }
    }

    async fn end(mut self) {
        for phone in self.phones.iter_mut().chain([&mut self.office]) {
            phone.end().await;
        }
        self.ground.house.stop().await;
    }
}

/// A quarter goes by, and somebody dies so many steps from the moment that renewals are due: a device, or the relay. How many
/// devices have their next certificate.
async fn quarter(template: &Template, seed: u64, dies: Option<(usize, usize)>) -> usize {
    let mut quarter = Quarter::begin(template, seed).await;
    quarter.talk("before").await;
    let before = [Quarter::until(&quarter.phones[0]).await, Quarter::until(&quarter.phones[1]).await];
    quarter.leap(LATE);
    quarter.registrar().await;
    quarter.talk("late").await;
    if let Some((who, steps)) = dies {
        quarter.phones.iter().for_each(|phone| phone.connector.drop_connection());
        for _ in 0..steps {
            tokio::time::sleep(Duration::from_millis(150)).await;
            quarter.registrar().await;
        }
        match who {
            2 => quarter.ground.house.crash().await,
            device => quarter.phones[device].crash().await,
        }
    }
    // Asked for and certified, then fetched.
    for _ in 0..3 {
        quarter.look().await;
    }
    quarter.talk("by the old leaves").await;
    let code = quarter.safety_code().await;
    let mut renewed = 0;
    for (phone, before) in quarter.phones.iter().zip(&before) {
        renewed += usize::from(Quarter::until(phone).await != *before);
    }
    // The leaves follow within a day.
    for _ in 0..2 {
        quarter.leap(43_260);
        quarter.look().await;
    }
    quarter.talk("by the new leaves").await;
    assert_ne!(quarter.safety_code().await, code, "the leaves have followed");
    // Past the end of the first certificates: only who was renewed is let in.
    quarter.leap(25 * 86_400);
    if renewed == quarter.phones.len() {
        quarter.registrar().await;
        quarter.look().await;
        quarter.talk("after").await;
        let faults = quarter.phones[0].execute(Command::Status { seen: false }, Reach::Offline).await;
        let Ok(Answer::Status(status)) = faults else { panic!("{faults:?}") };
        assert_eq!(status.relay_faults, 0, "nobody was caught at anything");
    }
    quarter.end().await;
    renewed
}

#[test]
fn a_quarter_later_everybody_has_the_next_certificate_and_talks_on() {
    let template = &TEMPLATES[0];
    let renewed = side_by_side(1, |_| in_virtual_time(1, || quarter(template, 1, None)));
    assert_eq!(renewed, [2]);
}

#[test]
fn whoever_dies_in_between_goes_on() {
    let template = &TEMPLATES[0];
    let renewed = side_by_side(DEATHS, |place| {
        let seed = 100 + place as u64;
        in_virtual_time(seed, || quarter(template, seed, Some((place % 3, place / 3 * 2))))
    });
    assert_eq!(renewed, [2; DEATHS]);
}
