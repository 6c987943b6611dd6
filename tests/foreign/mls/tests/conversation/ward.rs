//! A real organisation with its relay and its people, made with the real `wardline`.

use std::{
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use wardline_foreign_mls::{Candidate, Link, Member};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

static WARD: LazyLock<Ward> = LazyLock::new(Ward::founded);

/// The one ward of these tests.
pub fn ward() -> &'static Ward {
    &WARD
}

pub struct Ward {
    folder: TempDir,
}

/// Ends with the process that started it, whatever becomes of that: a test's statics are never dropped.
fn start(program: &Path, arguments: &[&str], folder: &Path) {
    let mut script = Command::new("sh");
    script.current_dir(folder).args(["-c", GUARD, "guard", &std::process::id().to_string()]);
    script.arg(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _guard: Child = script.spawn().expect("a shell");
}

/// Runs the program until the process with this id has ended; then the folder goes as well.
const GUARD: &str = r#"parent=$1; shift
"$@" & child=$!
while kill -0 "$parent" 2>/dev/null && kill -0 "$child" 2>/dev/null; do sleep 0.2; done
kill "$child" 2>/dev/null; wait
kill -0 "$parent" 2>/dev/null || rm -rf "$PWD""#;

fn program() -> PathBuf {
    std::env::var_os("WARDLINE").expect("WARDLINE names the program; .ci/foreign sets it").into()
}

fn free_port() -> u16 {
    (0..1_000)
        .map(|_| TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port())
        .find(|port| UdpSocket::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port free for both doors")
}

impl Ward {
    fn founded() -> Self {
        let ward = Self { folder: TempDir::new().expect("a folder") };
        let address = format!("127.0.0.1:{}", free_port());
        std::fs::write(ward.folder.path().join("passcode"), "a passcode for the tests\n").expect("a file");
        ward.good(&["relay", "init", "--data-dir", "relay", "--address", &address]);
        ward.cli(
            "office",
            &[
                "admin",
                "found",
                "--organisation",
                "St. Example",
                "--relay-dir",
                "relay",
                "--recovery-file",
                "root",
            ],
        );
        start(&program(), &["relay", "serve", "--data-dir", "relay"], ward.folder.path());
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(Instant::now() < until, "the relay does not open");
            sleep(Duration::from_millis(50));
        }
        let registrar = ["admin", "registrar", "--home", "office", "--passcode-file", "passcode"];
        start(&program(), &registrar, ward.folder.path());
        ward
    }

    fn good(&self, arguments: &[&str]) -> String {
        let run = Command::new(program())
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("wardline runs");
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&run.stderr));
        text
    }

    /// Runs `wardline` on a home; the objects that it prints.
    pub fn cli(&self, home: &str, arguments: &[&str]) -> Vec<Value> {
        let globals = ["--home", home, "--passcode-file", "passcode", "--json"];
        let text = self.good(&[&globals, arguments].concat());
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    }

    /// An invitation for a person.
    pub fn invite(&self, user: &str) -> Link {
        Link::parse(&self.invitation(user)).expect("a link")
    }

    fn invitation(&self, user: &str) -> String {
        let invited = self.cli("office", &["admin", "invite", user]);
        invited[0]["invitation"].as_str().expect("an invitation").to_owned()
    }

    /// A person with a device of Wardline's own make, ready to be added.
    pub fn person(&self, user: &str) {
        let invitation = self.invitation(user);
        self.cli(user, &["enrol", &invitation, "--device", "phone"]);
        self.cli(user, &["sync"]);
    }

    /// A person with a device of another make.
    pub async fn foreigner(&self, user: &str) -> Member {
        let candidate = Candidate::begin(&self.invite(user)).await.expect("an invitation");
        Member::begin(candidate.enrol().await.expect("a certificate")).await.expect("a connection")
    }

    /// What a person reads in a conversation: texts.
    pub fn reads(&self, user: &str, conversation: &str) -> Vec<String> {
        let read = self.cli(user, &["read", conversation]);
        let texts = read.iter().filter(|message| message["kind"] == "text");
        texts.map(|message| message["text"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
