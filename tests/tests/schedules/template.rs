//! An organisation, made once with real processes and sockets, and copied for every schedule: its relay's folder and
//! its devices' vaults, with a conversation of each suite.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use wardline_client_core::{
    api::{Answer, Client, Command, Options, Reach},
    vault::Passcode,
};
use wardline_identity::{Clock as _, SystemClock};
use wardline_proto::UtcMillis;
use wardline_tests::{Ward, programs};

/// The devices that a schedule uses; the third person's device is let in and removed and sleeps.
pub(crate) const PEOPLE: [&str; 3] = ["doctor-a", "nurse-b", "doctor-c"];

/// Everything that a schedule begins with.
pub(crate) struct Template {
    folder: TempDir,
    /// One of each suite.
    conversations: Vec<String>,
    /// When it was made.
    pub(crate) made: UtcMillis,
}

/// A schedule's own copy.
pub(crate) struct Copy {
    folder: TempDir,
    /// The conversation it is about.
    pub(crate) conversation: String,
}

impl Template {
    pub(crate) fn new() -> Self {
        let mut ward = Ward::founded(programs!());
        let devices = ward.people(PEOPLE);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let conversations = runtime.expect("a runtime").block_on(async {
            let [creator, other, _] = &devices;
            let open = async |home: &Path, user| {
                Client::open(home, &passcode(user), Options::default()).await.expect("the vault opens")
            };
            let (creator, other) = (open(&creator.home, PEOPLE[0]).await, open(&other.home, PEOPLE[1]).await);
            let mut conversations = Vec::new();
            for suite in [0x004F, 0x0001] {
                let with = vec![PEOPLE[1].to_owned()];
                let create =
                    Command::ConversationCreate { name: format!("Ward {suite}"), with, suite: Some(suite) };
                let created = creator.execute(create, Reach::Online).await;
                let Ok(Answer::Changed(created)) = created else { panic!("{created:?}") };
                conversations.push(created.conversation);
            }
            other.execute(Command::Sync, Reach::Online).await.expect("it syncs");
            creator.close().await.expect("it closes");
            other.close().await.expect("it closes");
            conversations
        });
        ward.relay.stop();
        let folder = in_memory();
        copy_parts(ward.folder(), folder.path());
        Self { folder, conversations, made: SystemClock.now() }
    }

    /// A copy.
    pub(crate) fn copy(&self, seed: u64) -> Copy {
        let folder = in_memory();
        copy_parts(self.folder.path(), folder.path());
        let place = usize::try_from(seed).unwrap_or(0) % self.conversations.len();
        Copy { folder, conversation: self.conversations[place].clone() }
    }
}

impl Copy {
    pub(crate) fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }
}

/// The passcode that a ward gives this person.
pub(crate) fn passcode(user: &str) -> Passcode {
    Passcode::new(format!("the passcode of {user}")).expect("a passcode")
}

/// A folder, in memory where the system has a place for that: a hundred schedules write a lot.
fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    folder.expect("a folder")
}

/// What a schedule needs of a ward.
fn copy_parts(from: &Path, to: &Path) {
    for part in ["relay", PEOPLE[0], PEOPLE[1]] {
        copy_files(&from.join(part), &to.join(part));
    }
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("a folder").permissions()).expect("a mode");
    for file in fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        if file.file_type().expect("a type").is_file() {
            fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
        }
    }
}
