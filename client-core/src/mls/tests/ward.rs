//! The ward: one organisation, devices, each with its vault.

use std::path::PathBuf;

use tempfile::TempDir;
use wardline_identity::{
    DateCheck, DeviceCertificate, DeviceKey, DeviceName, DeviceSubject, DisplayName, IssuerAuthority,
    Organisation, OrganisationId, Role, RootAuthority, SeededEntropy, SigningKey, UserId, device_id_new,
};
use wardline_proto::content::ConversationSettings;
use wardline_proto::{ChainHash, ConversationId, Digest, EntryNumber, Suite, UtcMillis, relay as pb};

use crate::mls::{
    CommitMessages, CommitPlan, Group, Identity, JoinError, JoinView, Leaf, LogPosition, MlsError, MlsStore,
    Processed, StagedCommit, VerifiedKeyPackage, group, key_package, leaf_certificate,
};
use crate::vault::mls_rows::{self, Scope};
use crate::vault::{KdfCost, Passcode, Vault, VaultError};

pub(super) const NOW: UtcMillis = UtcMillis::new(1_790_000_000_000);
pub(super) const CONVERSATION: ConversationId = ConversationId::from_bytes([7; 16]);

/// An organisation with one issuer.
pub(super) struct Hospital {
    pub(super) organisation: Organisation,
    issuer: IssuerAuthority,
    entropy: SeededEntropy,
}

impl Hospital {
    pub(super) fn new(seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        let name = DisplayName::parse("St. Example").unwrap();
        let id = OrganisationId::parse("st-example").unwrap();
        let root = RootAuthority::found(&name, id, &entropy, NOW).unwrap();
        let issuer = root.found_issuer(&DisplayName::parse("Admin").unwrap(), &entropy, NOW).unwrap();
        let list = root.sign_issuers_list(1, &[issuer.certificate_der()]).unwrap();
        let wire = pb::Organisation {
            organisation_id: "st-example".to_owned(),
            name: "St. Example".to_owned(),
            root_certificate: root.certificate_der().to_vec().into(),
            issuers: Some(list),
        };
        let organisation = Organisation::verify(&wire, &root.fingerprint(), NOW).unwrap();
        Self { organisation, issuer, entropy }
    }

    pub(super) fn certify(&self, user: &str, key: &SigningKey) -> DeviceCertificate {
        let subject = DeviceSubject {
            organisation: self.issuer.organisation().clone(),
            user: UserId::parse(user).unwrap(),
            device: device_id_new(&self.entropy).unwrap(),
            display_name: DisplayName::parse(user).unwrap(),
            device_name: DeviceName::parse("phone").unwrap(),
            role: Role::Clinician,
        };
        let der = self
            .issuer
            .certify_device(&subject, &DeviceKey::Ed25519(key.public()), &self.entropy, NOW)
            .unwrap();
        self.organisation.verify_device(&der, DateCheck::At(NOW)).unwrap()
    }

    pub(super) fn key(&self) -> SigningKey {
        SigningKey::generate(&self.entropy).unwrap()
    }

    pub(super) async fn device(&self, user: &str) -> Device {
        let key = self.key();
        let certificate = self.certify(user, &key);
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::create(folder.path(), &passcode(), &self.entropy, KdfCost::floor()).await.unwrap();
        let store = MlsStore::new();
        store.load(&vault, Scope::Device).await.unwrap();
        store.load(&vault, Scope::Conversation(CONVERSATION)).await.unwrap();
        Device { key, der: certificate.der().to_vec(), certificate, folder, vault, store, group: None }
    }
}

pub(super) fn passcode() -> Passcode {
    Passcode::new("correct horse".to_owned()).unwrap()
}

/// A device of the ward.
pub(super) struct Device {
    pub(super) key: SigningKey,
    /// What it shows as its certificate.
    pub(super) der: Vec<u8>,
    pub(super) certificate: DeviceCertificate,
    folder: TempDir,
    pub(super) vault: Vault,
    pub(super) store: MlsStore,
    pub(super) group: Option<Group>,
}

impl Device {
    pub(super) fn identity(&self) -> Identity<'_> {
        Identity { key: &self.key, certificate_der: &self.der }
    }

    pub(super) fn group(&self) -> &Group {
        self.group.as_ref().unwrap()
    }

    /// Writes the store and loads the group again from the disk: it must be what it was in memory.
    pub(super) async fn keep(&mut self) {
        self.store
            .transact::<_, VaultError, _>(&self.vault, "keep", |_| Box::pin(async { Ok(()) }))
            .await
            .unwrap();
        let before = self.group.as_ref().map(picture);
        self.reload().await;
        assert_eq!(
            before,
            self.group.as_ref().map(picture),
            "the group on the disk is not the one in memory"
        );
    }

    /// Forgets everything in memory and loads it from the disk.
    pub(super) async fn reload(&mut self) {
        self.store = MlsStore::new();
        self.store.load(&self.vault, Scope::Device).await.unwrap();
        self.store.load(&self.vault, Scope::Conversation(CONVERSATION)).await.unwrap();
        self.group = group::load(&self.store, CONVERSATION).unwrap();
    }

    pub(super) async fn create(&mut self, suite: Suite) {
        let created =
            group::create(&self.store, &self.identity(), suite, CONVERSATION, &settings("Bed 4", 1));
        self.group = Some(created.unwrap());
        self.keep().await;
    }

    pub(super) async fn package(&mut self, suite: Suite, last_resort: bool) -> Vec<u8> {
        let made = key_package::generate(&self.store, &self.identity(), suite, 1, last_resort).unwrap();
        self.keep().await;
        made.into_iter().next().unwrap()
    }

    /// A package that passed the checks of an honest adder.
    pub(super) async fn verified(&mut self, suite: Suite) -> VerifiedKeyPackage {
        let bytes = self.package(suite, false).await;
        key_package::parse_and_verify(&bytes).unwrap().verified(&self.certificate).unwrap()
    }

    pub(super) async fn stage(&mut self, plan: CommitPlan) -> CommitMessages {
        let messages = self.try_stage(plan).unwrap();
        self.keep().await;
        messages
    }

    pub(super) fn try_stage(&mut self, plan: CommitPlan) -> Result<CommitMessages, MlsError> {
        let identity = Identity { key: &self.key, certificate_der: &self.der };
        self.group.as_mut().unwrap().commit(&self.store, &identity, plan)
    }

    /// Stages a commit and merges it, as if the relay had accepted it at once.
    pub(super) async fn commit(&mut self, plan: CommitPlan) -> CommitMessages {
        let messages = self.stage(plan).await;
        self.group.as_mut().unwrap().merge_pending(&self.store).unwrap();
        self.keep().await;
        messages
    }

    pub(super) async fn join(&mut self, welcome: &[u8]) -> JoinView {
        let (group, view) = group::join(&self.store, CONVERSATION, welcome, |_| Ok::<(), ()>(())).unwrap();
        self.group = Some(group);
        self.keep().await;
        view
    }

    pub(super) fn try_join<E>(
        &mut self,
        welcome: &[u8],
        judge: impl FnOnce(&JoinView) -> Result<(), E>,
    ) -> Result<JoinView, JoinError<E>> {
        let (group, view) = group::join(&self.store, CONVERSATION, welcome, judge)?;
        self.group = Some(group);
        Ok(view)
    }

    pub(super) fn encrypt(&mut self, aad: &[u8], text: &[u8]) -> Vec<u8> {
        let identity = Identity { key: &self.key, certificate_der: &self.der };
        self.group.as_mut().unwrap().encrypt(&self.store, &identity, aad, text).unwrap()
    }

    pub(super) async fn post(&mut self, text: &[u8]) -> Vec<u8> {
        let message = self.encrypt(b"life 300", text);
        self.keep().await;
        message
    }

    pub(super) fn process(&mut self, message: &[u8]) -> Result<Processed, MlsError> {
        self.group.as_mut().unwrap().process(&self.store, message)
    }

    /// Opens a message and stores that it did.
    pub(super) async fn read(&mut self, message: &[u8]) -> Result<(Leaf, Vec<u8>, Vec<u8>), MlsError> {
        let processed = self.process(message)?;
        self.keep().await;
        match processed {
            Processed::Message { sender, aad, plaintext } => Ok((sender, aad, plaintext.to_vec())),
            other => panic!("a message was expected: {other:?}"),
        }
    }

    pub(super) fn staged(&mut self, commit: &[u8]) -> StagedCommit {
        match self.process(commit).unwrap() {
            Processed::Commit(staged) => *staged,
            other => panic!("a commit was expected: {other:?}"),
        }
    }

    /// Merges another's commit; gives what it reported, without the staged state.
    pub(super) async fn merge(&mut self, commit: &[u8]) -> Report {
        let staged = self.staged(commit);
        let report = Report {
            sender: staged.sender.clone(),
            adds: staged.adds.clone(),
            removes: staged.removes.clone(),
            updated: staged.updated.clone(),
            settings_after: staged.settings_after.clone(),
            settings_changed: staged.settings_changed,
            self_removed: staged.self_removed,
        };
        assert!(staged.context_is_ours);
        assert_eq!(staged.foreign_proposals, 0);
        let promised = staged.roster_after.clone();
        self.group.as_mut().unwrap().merge_staged(&self.store, staged).unwrap();
        if !report.self_removed {
            assert_eq!(
                promised,
                self.group().roster(),
                "the roster that was promised is not the one after merging"
            );
        }
        self.keep().await;
        report
    }

    pub(super) async fn rows(&self) -> u64 {
        self.vault
            .read::<_, VaultError, _>("count", |tx| {
                Box::pin(async move { mls_rows::count(tx, Scope::Conversation(CONVERSATION)).await })
            })
            .await
            .unwrap()
    }

    /// What a thief who copied the files and knows the passcode has.
    pub(super) async fn stolen_copy(&self) -> Stolen {
        let folder = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let vault = Vault::unlock(folder.path(), &passcode()).await.unwrap();
        let store = MlsStore::new();
        store.load(&vault, Scope::Device).await.unwrap();
        store.load(&vault, Scope::Conversation(CONVERSATION)).await.unwrap();
        let group = group::load(&store, CONVERSATION).unwrap();
        Stolen { group, store, _vault: vault, _folder: folder }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

/// A copied vault, opened.
pub(super) struct Stolen {
    pub(super) group: Option<Group>,
    pub(super) store: MlsStore,
    _vault: Vault,
    _folder: TempDir,
}

/// What a staged commit reported.
pub(super) struct Report {
    pub(super) sender: Leaf,
    pub(super) adds: Vec<Leaf>,
    pub(super) removes: Vec<Leaf>,
    pub(super) updated: Option<Leaf>,
    pub(super) settings_after: Option<ConversationSettings>,
    pub(super) settings_changed: bool,
    pub(super) self_removed: bool,
}

/// All that can be seen of a group.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    epoch: u64,
    roster: Vec<Leaf>,
    settings: ConversationSettings,
    own: u32,
    active: bool,
    pending: bool,
    pending_roster: Option<Vec<Leaf>>,
    authenticator: Vec<u8>,
    tree_and_context: Vec<u8>,
}

pub(super) fn picture(group: &Group) -> Picture {
    Picture {
        epoch: group.epoch().get(),
        roster: group.roster(),
        settings: group.settings(),
        own: group.own_index(),
        active: group.is_active(),
        pending: group.pending_commit(),
        pending_roster: group.pending_roster(),
        authenticator: group.mls_for_tests().epoch_authenticator().as_slice().to_vec(),
        tree_and_context: crate::mls::codec::encode(&group.mls_for_tests().export_ratchet_tree())
            .unwrap()
            .to_vec(),
    }
}

pub(super) fn settings(name: &str, number: u64) -> ConversationSettings {
    ConversationSettings {
        name: name.to_owned(),
        retention_seconds: 86_400,
        keepers: vec!["doctor-a".to_owned()],
        number,
        predecessor: None,
    }
}

pub(super) fn position(number: u64) -> LogPosition {
    let digest = Digest::of(&number.to_be_bytes());
    LogPosition { number: EntryNumber::new(number), chain_hash: ChainHash::from_digest(digest) }
}

/// A plan that only renews our keys.
pub(super) fn renewal() -> CommitPlan {
    CommitPlan {
        adds: Vec::new(),
        removes: Vec::new(),
        settings: None,
        certificate: None,
        aad: b"commit".to_vec(),
        position: position(9),
    }
}

pub(super) fn adding(adds: Vec<VerifiedKeyPackage>) -> CommitPlan {
    CommitPlan { adds, ..renewal() }
}

pub(super) fn removing(removes: Vec<u32>) -> CommitPlan {
    CommitPlan { removes, ..renewal() }
}

/// What the client's judge does with a leaf.
pub(super) fn judge_leaf(hospital: &Hospital, leaf: &Leaf) -> Result<DeviceCertificate, MlsError> {
    leaf_certificate(leaf, &hospital.organisation, DateCheck::Skip)
}

/// Doctor, nurse and porter in one conversation; the doctor made it.
pub(super) struct Ward {
    pub(super) hospital: Hospital,
    pub(super) doctor: Device,
    pub(super) nurse: Device,
    pub(super) porter: Device,
}

impl Ward {
    pub(super) async fn new(suite: Suite) -> Self {
        let hospital = Hospital::new(1);
        let mut doctor = hospital.device("doctor-a").await;
        let mut nurse = hospital.device("nurse-b").await;
        let mut porter = hospital.device("porter-c").await;
        doctor.create(suite).await;
        let adds = vec![nurse.verified(suite).await, porter.verified(suite).await];
        let messages = doctor.commit(adding(adds)).await;
        let welcome = messages.welcome.unwrap();
        nurse.join(&welcome).await;
        porter.join(&welcome).await;
        Self { hospital, doctor, nurse, porter }
    }
}
