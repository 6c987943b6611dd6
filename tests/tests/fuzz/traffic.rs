//! Makes the samples that MLS makes: KeyPackages, a commit with its Welcome, a message.

use prost::Message as _;
use tempfile::TempDir;
use wardline_client_core::{
    mls::{CommitPlan, Identity, LogPosition, MlsStore, group, key_package},
    vault::{KdfCost, Passcode, Vault, mls_rows::Scope},
};
use wardline_identity::SeededEntropy;
use wardline_proto::{
    ChainHash, EntryNumber, Suite,
    content::{self, content::Body},
    relay as pb, roster_digest,
};

use crate::{
    requests,
    samples::{
        CONVERSATION, approval, confirmation, content, digest, hold_ground, keep, leave, out_of_step,
        settings,
    },
    world::{Person, WORLD},
};

/// A device's place for MLS state; nothing of it is kept.
struct Place {
    _folder: TempDir,
    store: MlsStore,
}

async fn place(seed: u64) -> Place {
    let folder = TempDir::new().expect("a folder");
    let passcode = Passcode::new("a passcode".to_owned()).expect("a passcode");
    let vault = Vault::create(folder.path(), &passcode, &SeededEntropy::new(seed), KdfCost::floor()).await;
    let (vault, store) = (vault.expect("a vault"), MlsStore::new());
    for scope in [Scope::Device, Scope::Conversation(CONVERSATION)] {
        store.load(&vault, scope).await.expect("rows");
    }
    Place { _folder: folder, store }
}

fn identity(person: &Person) -> Identity<'_> {
    Identity { key: &person.key, certificate_der: person.certificate.der() }
}

/// A conversation of the doctor's, who adds the office and then says something.
pub(crate) async fn of(suite: Suite) {
    let (doctor, office) = (place(21).await, place(22).await);
    let (doctor_id, office_id) = (identity(&WORLD.doctor), identity(&WORLD.office));
    let name = |what: &str| format!("{what}-{:04x}", suite.code());
    for (kind, last_resort) in [("one-time", false), ("last-resort", true)] {
        let packages = key_package::generate(&doctor.store, &doctor_id, suite, 1, last_resort);
        keep("key_package", &name(kind), &packages.expect("a package")[0]);
    }
    let packages = key_package::generate(&office.store, &office_id, suite, 1, false).expect("a package");
    let package = key_package::parse_and_verify(&packages[0]).expect("a package");
    let package = package.verified(&WORLD.office.certificate).expect("its own");
    let group = group::create(&doctor.store, &doctor_id, suite, CONVERSATION, &settings(false));
    let mut group = group.expect("a group");
    let data = commit_data().encode_to_vec();
    let plan = CommitPlan {
        adds: vec![package],
        removes: Vec::new(),
        settings: None,
        aad: data.clone(),
        position: LogPosition { number: EntryNumber::ZERO, chain_hash: ChainHash::genesis(&CONVERSATION) },
        certificate: None,
    };
    let messages = group.commit(&doctor.store, &doctor_id, plan).expect("a commit");
    group.merge_pending(&doctor.store).expect("merged");
    let kind = pb::authenticated_data::Kind::Message(pb::MessageData { life_seconds: 3_600 });
    let message_data = pb::AuthenticatedData { kind: Some(kind) }.encode_to_vec();
    let text = content(Body::Text(content::Text { text: "Bed 4".to_owned() })).encode_to_vec();
    let message = group.encrypt(&doctor.store, &doctor_id, &message_data, &text).expect("a message");
    let welcome = messages.welcome.expect("a Welcome");
    keep("header", &name("commit"), &messages.commit);
    keep("header", &name("message"), &message);
    keep("welcome", &name("one"), &welcome);
    requests::of_conversation(suite, &packages[0], &messages.commit, &welcome, &message);
    keep("authenticated_data", "commit-joins", &data);
    keep("authenticated_data", "commit-leaves", &removal_data().encode_to_vec());
    keep("authenticated_data", "message", &message_data);
}

fn declaration(data: pb::CommitData) -> pb::AuthenticatedData {
    pb::AuthenticatedData { kind: Some(pb::authenticated_data::Kind::Commit(data)) }
}

fn commit_data() -> pb::AuthenticatedData {
    let (doctor, office) = (WORLD.doctor.certificate.device(), WORLD.office.certificate.device());
    declaration(pb::CommitData {
        joins: vec![office.to_wire()],
        roster_sha256: roster_digest([office, doctor]).to_wire(),
        seen_hash: digest(0),
        approvals: vec![approval()],
        confirmations: vec![confirmation()],
        ..pb::CommitData::default()
    })
}

/// A commit that removes for every ground there is.
fn removal_data() -> pb::AuthenticatedData {
    use pb::removal_ground::Ground;
    let grounds = [
        Ground::Keeper(pb::KeeperRight {}),
        Ground::OwnDevice(pb::OwnDevice {}),
        Ground::Leave(leave()),
        Ground::RevocationListNumber(1),
        Ground::FaultEntryNumber(5),
        Ground::OutOfStep(out_of_step()),
        Ground::Replaced(confirmation()),
        Ground::Hold(hold_ground()),
    ];
    let leaves = (1..=u8::try_from(grounds.len()).expect("a few")).map(|byte| vec![byte; 16].into());
    declaration(pb::CommitData {
        leaves: leaves.collect(),
        roster_sha256: roster_digest([WORLD.doctor.certificate.device()]).to_wire(),
        seen_number: 6,
        seen_hash: digest(6),
        grounds: grounds.into_iter().map(|ground| pb::RemovalGround { ground: Some(ground) }).collect(),
        corrects_number: 5,
        ..pb::CommitData::default()
    })
}
