//! A closed vault, and opening it step by step: what is on disk, the stretched passcode, the relay's answer, the keyring.
//!
//! This room asks nobody anything: whoever opens a vault brings the relay's answer. The open try is a file of its own, so that a try goes on
//! after a crash as the one it was, and does not count twice.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use wardline_identity::Entropy;
use wardline_proto::{TryId, fault::planted, in_place::in_place};
use zeroize::Zeroizing;

use super::files::{Paths, Presence, presence, read, remove, rename, write_atomically};
use super::header::{Header, Sealing};
use super::kdf::{SealingKey, Stretched};
use super::keyring::Keyring;
use super::{Passcode, VaultError, VaultPair};

/// A vault that is closed.
pub(crate) struct SealedVault {
    paths: Paths,
    header: Header,
    /// The sealed keyring.
    keyring: Vec<u8>,
}

/// A try that is under way. Wiped when dropped.
pub(crate) struct OpenTry {
    /// Its id, as the relay knows it.
    pub(crate) id: TryId,
    /// What only this disk has, and only while the try is open.
    pub(super) secret: Zeroizing<[u8; 32]>,
}

/// Nobody has said how many tries are left.
const UNKNOWN: u8 = 0xff;

impl SealedVault {
    /// Reads what is in a folder; finishes a change of the passcode that was interrupted.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Unfinished`], [`VaultError::Corrupt`], [`VaultError::CostOutOfBounds`],
    /// [`VaultError::NewerVersion`], [`VaultError::OlderVersion`] and trouble with the disk.
    pub(crate) fn read(folder: &Path) -> Result<Self, VaultError> {
        let paths = Paths::of(folder);
        let header = header(&paths)?;
        let names = |file: &Vec<u8>| Sha256::digest(file).as_slice() == header.keyring;
        let keyring = match read(&paths.keyring)?.filter(names) {
            Some(keyring) => keyring,
            // The new header is in force, the new keyring not yet in its place.
            None => {
                let next = read(&paths.keyring_next)?.filter(names);
                let next = next.ok_or(VaultError::Corrupt { file: "keyring" })?;
                rename(&paths.keyring_next, &paths.keyring)?;
                next
            }
        };
        Ok(Self { paths, header, keyring })
    }

    /// How its keyring is sealed.
    pub(crate) const fn sealing(&self) -> &Sealing {
        &self.header.sealing
    }

    /// What the relay holds for it.
    pub(crate) const fn pair(&self) -> Option<&VaultPair> {
        self.header.sealing.pair.as_ref()
    }

    /// The try that is open, or a new one: on disk before the relay hears of it.
    ///
    /// # Errors
    /// [`VaultError::NoEntropy`] and trouble with the disk.
    pub(crate) fn begin_try(&self, entropy: &dyn Entropy) -> Result<OpenTry, VaultError> {
        let (left, open) = read_try(&self.paths)?;
        if let Some(open) = open.filter(|_| !planted("mutant.try_begun_anew")) {
            return Ok(open);
        }
        let (mut id, mut secret) = ([0; 16], Zeroizing::new([0; 32]));
        entropy.fill(&mut id).map_err(|_| VaultError::NoEntropy)?;
        entropy.fill(secret.as_mut_slice()).map_err(|_| VaultError::NoEntropy)?;
        write_atomically(&self.paths.open_try, &[&[left][..], &id, secret.as_slice()].concat())?;
        Ok(OpenTry { id: TryId::from_bytes(id), secret })
    }

    /// The vault is open, and the relay knows: whoever opens it next begins another try.
    ///
    /// # Errors
    /// Trouble with the disk.
    pub(crate) fn end_try(&self) -> Result<(), VaultError> {
        remove(&self.paths.open_try)
    }

    /// The try was wrong, and so many are left: the next is another.
    ///
    /// # Errors
    /// Trouble with the disk.
    pub(crate) fn miss_try(&self, left: u32) -> Result<(), VaultError> {
        write_atomically(&self.paths.open_try, &[u8::try_from(left).unwrap_or(UNKNOWN)])
    }

    /// What the relay holds for the vault in a folder, and how many tries were left when it said so last, if there was a wrong one since the
    /// vault was opened. Reads, and finishes nothing: whoever owns the home may be changing it.
    ///
    /// # Errors
    /// As [`SealedVault::read`]; [`VaultError::Unpaired`].
    pub(crate) fn look(folder: &Path) -> Result<(VaultPair, Option<u8>), VaultError> {
        let paths = Paths::of(folder);
        let pair = header(&paths)?.sealing.pair.ok_or(VaultError::Unpaired)?;
        Ok((pair, Some(read_try(&paths)?.0).filter(|left| *left != UNKNOWN)))
    }

    /// Opens the keyring.
    ///
    /// # Errors
    /// [`VaultError::WrongPasscode`] if this is not its key; [`VaultError::Corrupt`], [`VaultError::NewerVersion`].
    pub(crate) fn unseal(&self, key: &SealingKey) -> Result<Unsealed, VaultError> {
        let keyring = Keyring::open(key, &self.header.sealing, &self.keyring)?;
        let paired = self.header.sealing.pair.is_some();
        Ok(Unsealed { paths: Paths::of(&self.paths.folder), keyring, paired })
    }
}

/// What is in the clear of the vault in a folder.
fn header(paths: &Paths) -> Result<Header, VaultError> {
    match read(&paths.header)? {
        Some(header) => Header::decode(&header),
        None => Err(match presence(&paths.folder)? {
            Presence::Missing => VaultError::Missing,
            Presence::Unfinished | Presence::Present => VaultError::Unfinished,
        }),
    }
}

/// How many tries are left, and which is open.
fn read_try(paths: &Paths) -> Result<(u8, Option<OpenTry>), VaultError> {
    let bytes = Zeroizing::new(read(&paths.open_try)?.unwrap_or_default());
    let Some((left, open)) = bytes.split_first() else { return Ok((UNKNOWN, None)) };
    let open = open.split_first_chunk::<16>().and_then(|(id, secret)| {
        let secret = Zeroizing::new(secret.try_into().ok()?);
        Some(OpenTry { id: TryId::from_bytes(*id), secret })
    });
    Ok((*left, open))
}

impl Sealing {
    /// Stretches a passcode by Argon2id, on a thread where blocking is fine.
    ///
    /// # Errors
    /// [`VaultError::CostOutOfBounds`], [`VaultError::NoMemory`].
    pub(crate) async fn stretch(&self, passcode: &Passcode) -> Result<Stretched, VaultError> {
        let (cost, salt, passcode) = (self.cost, self.salt, passcode.clone());
        let stretched = tokio::task::spawn_blocking(move || cost.stretch(&passcode, &salt));
        in_place(tokio::task::unconstrained(stretched))
            .await
            .map_err(|stopped| VaultError::Io(std::io::Error::other(stopped)))?
    }
}

/// A vault whose keyring is open. Its keys are wiped when it is dropped.
pub(crate) struct Unsealed {
    pub(super) paths: Paths,
    pub(super) keyring: Keyring,
    /// Whether its relay has a part in the keys of messages.
    pub(super) paired: bool,
}

impl Unsealed {
    /// The vault has a pair by now.
    pub(crate) fn paired(self) -> Self {
        Self { paired: true, ..self }
    }

    /// What the database is encrypted with.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn database_key(&self) -> &[u8; 32] {
        &self.keyring.database_key
    }

    /// Seals the same keys anew. One rename of the header puts it in force: after a crash one of the two keys opens the vault.
    ///
    /// # Errors
    /// [`VaultError::PairTooLong`], [`VaultError::NoEntropy`] and trouble with the disk, with nothing changed.
    pub(crate) fn seal_anew(
        &self,
        sealing: Sealing,
        key: &SealingKey,
        entropy: &dyn Entropy,
    ) -> Result<(), VaultError> {
        let (header, sealed) = seal(&self.keyring, sealing, key, entropy)?;
        write_atomically(&self.paths.keyring_next, &sealed)?;
        write_atomically(&self.paths.header, &header.encode())?;
        // It is in force: whoever reads the vault next finishes what fails here.
        if let Err(error) = rename(&self.paths.keyring_next, &self.paths.keyring) {
            tracing::warn!(%error, "the new keyring has not taken its place yet");
        }
        Ok(())
    }
}

/// Seals a keyring; gives the header that names it.
pub(super) fn seal(
    keyring: &Keyring,
    sealing: Sealing,
    key: &SealingKey,
    entropy: &dyn Entropy,
) -> Result<(Header, Vec<u8>), VaultError> {
    let pair = sealing.pair.map(VaultPair::check).transpose()?;
    let sealing = Sealing { pair, ..sealing };
    let sealed = keyring.seal(key, &sealing, entropy)?;
    let keyring = Sha256::digest(&sealed).into();
    Ok((Header { sealing, keyring }, sealed))
}
