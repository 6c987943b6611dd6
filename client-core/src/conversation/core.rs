//! A device's state: its vault, its MLS groups, who it is.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use wardline_identity::{
    Clock, DeviceCertificate, Entropy, IssuerAuthority, IssuerCertificate, Organisation, RevocationRegister,
    SigningKey, UserId,
};
use wardline_proto::{ConversationId, DeviceId, UtcMillis};

use super::{retention_time::RetentionTime, voice::EarlierKey};
use crate::{
    error::CoreError,
    mls::{Group, MlsStore, group},
    vault::{
        Transaction, Vault,
        mls_rows::{self, Scope},
    },
};

/// Who this installation is, once enrolled.
pub(crate) struct Device {
    /// The newest device key: TLS client, MLS leaf, statements.
    pub key: SigningKey,
    /// Its certificate, verified.
    pub certificate: DeviceCertificate,
    /// Those before it that are still in use, the oldest first.
    pub earlier: Vec<EarlierKey>,
    /// The organisation, verified against the pin.
    pub organisation: Organisation,
    /// Where the relay is, "host:port".
    pub addresses: Vec<String>,
    /// The issuer's key, on an administrator's or registrar's machine.
    pub issuer: Option<IssuerAuthority>,
}

impl Device {
    /// Its issuer, if it may vouch: it is on the issuers' list, and not struck.
    pub(crate) fn issuing(&self) -> Option<&IssuerAuthority> {
        let own = self.issuer.as_ref()?;
        let listed = |one: &IssuerCertificate| one.fingerprint() == own.certificate().fingerprint();
        self.organisation.issuers().iter().any(listed).then_some(own)
    }

    /// The device's id.
    pub(crate) fn id(&self) -> DeviceId {
        self.certificate.device()
    }

    /// Its user.
    pub(crate) fn user(&self) -> &UserId {
        self.certificate.user()
    }
}

/// What is known of the revocation list beside itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KnownList {
    /// Whether a signed time has passed its end; as the vault has it.
    pub outlived: bool,
    /// The list by which all conversations were looked through last; as the vault has it.
    pub looked: u64,
    /// Whether it was signed again since conversations were looked at that wait for a list.
    pub refreshed: bool,
    /// Whether a hold has come since conversations were looked through.
    pub held: bool,
    /// The newest time that the relay has signed for this process, in milliseconds.
    pub signed_ms: u64,
}

/// The state that the use-cases change.
pub(crate) struct Core {
    /// The vault.
    pub vault: Vault,
    /// MLS rows that are read or about to be written.
    pub store: MlsStore,
    /// The groups in memory; each as the vault has it.
    pub groups: HashMap<ConversationId, Group>,
    /// Who this is.
    pub device: Device,
    /// How many wrong passcodes were tried at this vault before it was opened.
    pub wrong_tries: u32,
    /// The revocation list that it goes by; as the vault has it.
    pub revocations: RevocationRegister,
    /// What else is known of that list.
    pub list: KnownList,
    /// The time by which messages end here.
    pub retention: RetentionTime,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Core {
    /// The time by which messages end here, now.
    pub(crate) fn retention_now(&self) -> UtcMillis {
        self.retention.now(&*self.clock)
    }

    /// Makes sure that a conversation's group is in memory; `false` if the vault has none.
    pub(crate) async fn load_group(&mut self, conversation: &ConversationId) -> Result<bool, CoreError> {
        let Entry::Vacant(slot) = self.groups.entry(*conversation) else { return Ok(true) };
        self.store.load(&self.vault, Scope::Conversation(*conversation)).await?;
        let Some(group) = group::load(&self.store, *conversation)? else { return Ok(false) };
        slot.insert(group);
        Ok(true)
    }

    /// Forgets a group's memory, and what was not written, after a step that failed: the vault is what counts.
    pub(crate) fn forget(&mut self, conversation: &ConversationId) {
        self.groups.remove(conversation);
        self.store.roll_back();
        self.store.forget(Scope::Conversation(*conversation));
    }

    /// Ends a step: writes the changed MLS rows and commits.
    pub(crate) async fn finish(store: &MlsStore, mut tx: Transaction<'_>) -> Result<(), CoreError> {
        let changes = store.drain();
        mls_rows::write(&mut tx, &changes).await?;
        tx.commit().await?;
        store.confirm();
        Ok(())
    }
}

/// Random bytes from the source of randomness.
pub(crate) fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], CoreError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}
