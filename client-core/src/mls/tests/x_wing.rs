//! X-Wing as the library does it, against the draft's first test vector and against an independent half.
//!
//! The vector (draft-connolly-cfrg-xwing-kem, appendix C) fixes KEM and combiner as a whole. The X25519 half
//! is computed a second time: keys expanded with the SHAKE256 below, curve by x25519-dalek. HPKE's key
//! schedule (RFC 9180 §5.1) is computed a second time too, so that the library's own answer can be compared
//! through its exporter, the only way in.

use hkdf::Hkdf;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::HpkeConfig;
use sha2::Sha256;
use wardline_proto::Suite;
use x25519_dalek::{PublicKey, StaticSecret, X25519_BASEPOINT_BYTES, x25519};

use crate::mls::parameters::ciphersuite;

const VECTOR: &str = include_str!("x_wing_vector.txt");

fn field(name: &str) -> Vec<u8> {
    let line = VECTOR.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    data_encoding::HEXLOWER.decode(line.as_bytes()).unwrap()
}

fn config() -> HpkeConfig {
    ciphersuite(Suite::MlKem768X25519).hpke_config()
}

/// What the library's receiver derives.
fn library(encapsulated: &[u8], seed: &[u8]) -> Option<Vec<u8>> {
    RustCrypto::default()
        .hpke_setup_receiver_and_export(config(), encapsulated, seed, b"info", b"context", 32)
        .ok()
        .map(|secret| secret.to_vec())
}

#[test]
fn the_library_agrees_with_the_drafts_vector() {
    let exported = library(&field("ct"), &field("seed")).unwrap();
    assert_eq!(exported, hpke_export(&field("ss")));
    let mut other = field("ss");
    other[0] ^= 1;
    assert_ne!(exported, hpke_export(&other), "control");
}

#[test]
fn the_x25519_half_of_the_vector_is_x25519() {
    let (seed, eseed, pk, ct) = (field("seed"), field("eseed"), field("pk"), field("ct"));
    let (public, encapsulated) = (last_32(&pk), last_32(&ct));
    let secret = expanded_x25519(&seed);
    let ephemeral: [u8; 32] = last_32(&eseed);
    assert_eq!(public, x25519(secret, X25519_BASEPOINT_BYTES), "key generation");
    assert_eq!(encapsulated, x25519(ephemeral, X25519_BASEPOINT_BYTES), "encapsulation");
    assert_eq!(x25519(secret, encapsulated), x25519(ephemeral, public), "both sides agree");
    assert_eq!((pk.len(), ct.len()), (1184 + 32, 1088 + 32));
}

#[test]
fn keys_the_library_makes_have_our_x25519_half() {
    for ikm in [[1; 32], [2; 32]] {
        let pair = RustCrypto::default().derive_hpke_keypair(config(), &ikm).unwrap();
        let seed = pair.private.as_ref();
        assert_eq!((seed.len(), pair.public.len()), (32, 1216));
        let secret = StaticSecret::from(expanded_x25519(seed));
        assert_eq!(PublicKey::from(&secret).to_bytes(), last_32(&pair.public));
    }
}

#[test]
fn both_halves_bind_what_the_library_derives() {
    let crypto = RustCrypto::default();
    let pair = crypto.derive_hpke_keypair(config(), &[3; 32]).unwrap();
    let seed = pair.private.as_ref();
    let (encapsulated, sent) =
        crypto.hpke_setup_sender_and_export(config(), &pair.public, b"info", b"context", 32).unwrap();
    assert_eq!(library(&encapsulated, seed).unwrap(), *sent, "control");
    for place in [0, 500, 1087, 1088, 1119] {
        let mut changed = encapsulated.clone();
        changed[place] ^= 1;
        assert_ne!(library(&changed, seed).as_deref(), Some(&*sent), "byte {place}");
    }
}

#[test]
fn our_shake256_is_shake256() {
    // NIST's example: SHAKE256 of nothing.
    let expected = "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f";
    assert_eq!(data_encoding::HEXLOWER.encode(&shake256(b"", 32)), expected);
}

fn last_32(bytes: &[u8]) -> [u8; 32] {
    *bytes.last_chunk().unwrap()
}

/// X-Wing's expandDecapsulationKey: the last 32 of 96 bytes are the X25519 secret.
fn expanded_x25519(seed: &[u8]) -> [u8; 32] {
    last_32(&shake256(seed, 96))
}

/// HPKE base mode, KEM 0x647A, HKDF-SHA256, AES-128-GCM: the exporter's answer for a KEM secret.
fn hpke_export(shared_secret: &[u8]) -> Vec<u8> {
    let suite = [b"HPKE".as_slice(), &[0x64, 0x7a, 0, 1, 0, 1]].concat();
    let psk_id_hash = extract(&suite, b"", b"psk_id_hash", b"");
    let info_hash = extract(&suite, b"", b"info_hash", b"info");
    let context = [[0].as_slice(), &psk_id_hash, &info_hash].concat();
    let secret = extract(&suite, shared_secret, b"secret", b"");
    let exporter = expand(&suite, &secret, b"exp", &context);
    expand(&suite, &exporter, b"sec", b"context")
}

fn extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> Vec<u8> {
    let labeled = [b"HPKE-v1".as_slice(), suite, label, ikm].concat();
    Hkdf::<Sha256>::extract(Some(salt), &labeled).0.to_vec()
}

fn expand(suite: &[u8], key: &[u8], label: &[u8], info: &[u8]) -> Vec<u8> {
    let labeled = [[0, 32].as_slice(), b"HPKE-v1", suite, label, info].concat();
    let mut out = vec![0; 32];
    Hkdf::<Sha256>::from_prk(key).unwrap().expand(&labeled, &mut out).unwrap();
    out
}

/// SHAKE256 (FIPS 202) of up to 135 bytes, written out so that it shares no code with the library.
fn shake256(input: &[u8], length: usize) -> Vec<u8> {
    const RATE: usize = 136;
    let mut block = [0; RATE];
    block[..input.len()].copy_from_slice(input);
    block[input.len()] ^= 0x1f;
    block[RATE - 1] ^= 0x80;
    let mut state = [0_u64; 25];
    for (lane, bytes) in state.iter_mut().zip(block.chunks_exact(8)) {
        *lane = u64::from_le_bytes(bytes.try_into().unwrap());
    }
    keccak(&mut state);
    state.iter().flat_map(|lane| lane.to_le_bytes()).take(length.min(RATE)).collect()
}

/// Keccak-f[1600]; the round constants and rotations come from their definitions (FIPS 202 §3.2).
fn keccak(state: &mut [u64; 25]) {
    let mut lfsr = 1_u8;
    for _ in 0..24 {
        let parity: [u64; 5] = std::array::from_fn(|x| (0..5).fold(0, |sum, y| sum ^ state[x + 5 * y]));
        for (index, lane) in state.iter_mut().enumerate() {
            let x = index % 5;
            *lane ^= parity[(x + 4) % 5] ^ parity[(x + 1) % 5].rotate_left(1);
        }
        let (mut x, mut y, mut carried) = (1, 0, state[1]);
        for t in 0..24_u32 {
            (x, y) = (y, (2 * x + 3 * y) % 5);
            carried =
                std::mem::replace(&mut state[x + 5 * y], carried.rotate_left((t + 1) * (t + 2) / 2 % 64));
        }
        for row in state.chunks_exact_mut(5) {
            let old: [u64; 5] = std::array::from_fn(|x| row[x]);
            for x in 0..5 {
                row[x] = old[x] ^ (!old[(x + 1) % 5] & old[(x + 2) % 5]);
            }
        }
        for j in 0..7 {
            if lfsr & 1 == 1 {
                state[0] ^= 1 << ((1 << j) - 1);
            }
            lfsr = lfsr << 1 ^ if lfsr & 0x80 == 0 { 0 } else { 0x71 };
        }
    }
}
