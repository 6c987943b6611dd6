//! Doors for the fuzz targets, behind the feature `fuzzing` that no product has: the vault's parsers one by one,
//! without the time that a passcode takes.

use std::path::Path;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use sqlx::Connection as _;
use wardline_identity::{RootFingerprint, SigningKey};
use wardline_proto::{DeviceId, PairId};
use zeroize::Zeroizing;

use super::header::{Header, Sealing};
use super::keyring::Keyring;
use super::period_ring::PeriodRing;
use super::{KdfCost, VaultError, VaultOwner, VaultPair, database};

/// The key that stands for a stretched passcode.
const SEALING_KEY: [u8; 32] = [7; 32];

/// A header of the lowest cost.
#[must_use]
pub fn plain_header() -> Vec<u8> {
    Header { sealing: sealing(None), keyring: [6; 32] }.encode()
}

/// A header with a pair.
#[must_use]
pub fn paired_header() -> Vec<u8> {
    let pair = VaultPair {
        id: PairId::from_bytes([1; 16]),
        public: [2; 32],
        unlock_key: SigningKey::from_seed([3; 32]),
        root: RootFingerprint::from_bytes([5; 32]),
        owner: VaultOwner { device: DeviceId::from_bytes([4; 16]), user: "doctor-a".to_owned() },
        addresses: vec!["relay.example.org:443".to_owned(), "192.0.2.1:7443".to_owned()],
    };
    Header { sealing: sealing(Some(pair)), keyring: [6; 32] }.encode()
}

const fn sealing(pair: Option<VaultPair>) -> Sealing {
    Sealing { cost: KdfCost::floor(), salt: [5; 32], pair }
}

/// Reads a header; gives it encoded again.
///
/// # Errors
/// As opening a vault.
pub fn header(bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
    Header::decode(bytes).map(|header| header.encode())
}

/// Opens a keyring file under a header.
///
/// # Errors
/// As opening a vault.
pub fn keyring(header: &[u8], file: &[u8]) -> Result<(), VaultError> {
    let header = Header::decode(header)?;
    Keyring::open(&Zeroizing::new(SEALING_KEY), &header.sealing, file).map(drop)
}

/// Reads what is sealed in the file of periods' keys; gives it encoded again.
///
/// # Errors
/// As opening a vault.
pub fn periods(content: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut ring = PeriodRing::empty(Path::new(""), Zeroizing::new(SEALING_KEY));
    ring.decode(content)?;
    Ok(ring.encode().to_vec())
}

/// A keyring file with any content, sealed as it must be.
///
/// # Panics
/// If the header is none.
#[must_use]
pub fn sealed_keyring(header: &[u8], nonce: [u8; 24], content: &[u8]) -> Vec<u8> {
    let header = Header::decode(header).expect("a header");
    let payload = Payload { msg: content, aad: &header.sealing.encode() };
    let sealed = XChaCha20Poly1305::new(Key::from_slice(&SEALING_KEY))
        .encrypt(XNonce::from_slice(&nonce), payload)
        .expect("content within the cipher's bound");
    [&nonce[..], &sealed].concat()
}

/// Makes a database with a key in an empty file, as making a vault does, and closes it.
///
/// # Errors
/// As making a vault.
pub async fn new_database(file: &Path, key: [u8; 32]) -> Result<(), VaultError> {
    let keyring = Keyring { database_key: Zeroizing::new(key) };
    let opened = database::create(file, &keyring).await?;
    Ok(opened.close().await?)
}

/// Opens a database file with a key, as opening a vault does, and closes it.
///
/// # Errors
/// As opening a vault.
pub async fn database(file: &Path, key: [u8; 32]) -> Result<(), VaultError> {
    let keyring = Keyring { database_key: Zeroizing::new(key) };
    let opened = database::open(file, &keyring).await?;
    Ok(opened.close().await?)
}
