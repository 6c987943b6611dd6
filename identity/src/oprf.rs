//! The oblivious function that guards a vault: VOPRF over ristretto255 with SHA-512 (RFC 9497, mode 0x01), one key per pair.
//!
//! The relay has the key, the device the passcode. The device blinds the passcode, the relay evaluates what it cannot read, and proves
//! that it used the key of the pair; what comes out is needed beside the passcode to open the keyring. This is the only file that
//! names the crate. Sizes: key 32 bytes, public key 32, blinded 32, evaluated 32, proof 64, output 64.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use voprf::{BlindedElement, EvaluationElement, Group as _, Proof, Ristretto255, VoprfClient, VoprfServer};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Entropy, EntropyError};

/// Bytes of a public key, a blinded and an evaluated element.
pub const OPRF_ELEMENT_BYTES: usize = 32;

/// Bytes of a proof.
pub const OPRF_PROOF_BYTES: usize = 64;

/// Why nothing came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OprfError {
    /// Bytes that are no key, element or proof.
    #[error("these bytes are no key, element or proof of the oblivious function")]
    Malformed,
    /// The proof does not show that the key of this pair was used.
    #[error("the relay did not use the key of this pair")]
    Unproven,
    /// The system gave no random bytes.
    #[error("there are no random bytes")]
    NoEntropy,
}

impl From<EntropyError> for OprfError {
    fn from(_: EntropyError) -> Self {
        Self::NoEntropy
    }
}

/// What keys are derived for.
const KEY_INFO: &[u8] = b"Wardline vault pair";

/// The relay's half of a pair, as the seed that it is derived from. Wiped when dropped; has no `Debug`.
pub struct OprfKey(Zeroizing<[u8; 32]>);

/// What an evaluation answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluated {
    /// The element.
    pub element: [u8; OPRF_ELEMENT_BYTES],
    /// That the key of the pair was used (RFC 9497, 2.2).
    pub proof: [u8; OPRF_PROOF_BYTES],
}

impl OprfKey {
    /// A fresh one.
    ///
    /// # Errors
    /// [`OprfError::NoEntropy`].
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, OprfError> {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice())?;
        Ok(Self(seed))
    }

    /// From where it is kept: 32 bytes.
    ///
    /// # Errors
    /// [`OprfError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OprfError> {
        Ok(Self(Zeroizing::new(bytes.try_into().map_err(malformed)?)))
    }

    /// To be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    /// What devices check proofs against.
    ///
    /// # Errors
    /// [`OprfError::Malformed`] never: it was one when it was made.
    pub fn public(&self) -> Result<[u8; OPRF_ELEMENT_BYTES], OprfError> {
        Ok(Ristretto255::serialize_elem(self.server()?.get_public_key()).into())
    }

    /// Evaluates what a device has blinded.
    ///
    /// # Errors
    /// [`OprfError::Malformed`] for what is no element, or the neutral one; [`OprfError::NoEntropy`].
    pub fn evaluate(
        &self,
        blinded: &[u8; OPRF_ELEMENT_BYTES],
        entropy: &dyn Entropy,
    ) -> Result<Evaluated, OprfError> {
        let blinded = BlindedElement::<Ristretto255>::deserialize(blinded).map_err(malformed)?;
        let answer = self.server()?.blind_evaluate(&mut rng(entropy)?, &blinded);
        Ok(Evaluated { element: answer.message.serialize().into(), proof: answer.proof.serialize().into() })
    }

    fn server(&self) -> Result<VoprfServer<Ristretto255>, OprfError> {
        derived(&self.0, KEY_INFO)
    }
}

/// The key that a seed stands for (RFC 9497, 3.2.1).
fn derived(seed: &[u8; 32], info: &[u8]) -> Result<VoprfServer<Ristretto255>, OprfError> {
    VoprfServer::new_from_seed(seed, info).map_err(malformed)
}

/// A device's half of one evaluation: what it blinded with. Wiped when dropped; has no `Debug`.
pub struct Blinding {
    state: VoprfClient<Ristretto255>,
    /// What the relay is sent.
    blinded: [u8; OPRF_ELEMENT_BYTES],
}

impl Blinding {
    /// Blinds an input of at most 65,535 bytes.
    ///
    /// # Errors
    /// [`OprfError::NoEntropy`]; [`OprfError::Malformed`] for a longer input.
    pub fn of(input: &[u8], entropy: &dyn Entropy) -> Result<Self, OprfError> {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice())?;
        Self::seeded(input, &seed)
    }

    /// The same with a secret seed of the caller's: the same input and seed are blinded to the same element.
    ///
    /// # Errors
    /// [`OprfError::Malformed`] for a longer input.
    pub fn seeded(input: &[u8], seed: &[u8; 32]) -> Result<Self, OprfError> {
        let made = VoprfClient::blind(input, &mut ChaCha20Rng::from_seed(*seed)).map_err(malformed)?;
        Ok(Self { state: made.state, blinded: made.message.serialize().into() })
    }

    /// What the relay is sent: it says nothing of the input.
    #[must_use]
    pub const fn blinded(&self) -> &[u8; OPRF_ELEMENT_BYTES] {
        &self.blinded
    }

    /// The output for the input that was blinded, if the relay used the key with this public key. 64 bytes.
    ///
    /// # Errors
    /// [`OprfError::Malformed`]; [`OprfError::Unproven`].
    pub fn finish(
        &self,
        input: &[u8],
        evaluated: &Evaluated,
        public: &[u8; OPRF_ELEMENT_BYTES],
    ) -> Result<Zeroizing<[u8; 64]>, OprfError> {
        let element = EvaluationElement::deserialize(&evaluated.element).map_err(malformed)?;
        let proof = Proof::deserialize(&evaluated.proof).map_err(malformed)?;
        let public = Ristretto255::deserialize_elem(public).map_err(malformed)?;
        let mut output =
            self.state.finalize(input, &element, &proof, public).map_err(|_| OprfError::Unproven)?;
        let kept = Zeroizing::new(output.into());
        output.as_mut_slice().zeroize();
        Ok(kept)
    }
}

/// The crate asks a generator that cannot fail: it is seeded by ours, which can, once for each use.
fn rng(entropy: &dyn Entropy) -> Result<ChaCha20Rng, OprfError> {
    let mut seed = Zeroizing::new([0; 32]);
    entropy.fill(seed.as_mut_slice())?;
    Ok(ChaCha20Rng::from_seed(*seed))
}

fn malformed<E>(_: E) -> OprfError {
    OprfError::Malformed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    fn output(key: &OprfKey, input: &[u8]) -> [u8; 64] {
        let blinding = Blinding::of(input, &SystemEntropy).unwrap();
        let evaluated = key.evaluate(blinding.blinded(), &SystemEntropy).unwrap();
        *blinding.finish(input, &evaluated, &key.public().unwrap()).unwrap()
    }

    /// RFC 9497, A.1.2: key and first test vector.
    #[test]
    fn the_published_vector_comes_out() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let server = derived(&[0xa3; 32], b"test key").unwrap();
        let public = Ristretto255::serialize_elem(server.get_public_key());
        let expected = hex("c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e");
        assert_eq!(public.as_slice(), expected);
        let blinding = Blinding::of(&[0], &SystemEntropy).unwrap();
        let blinded = BlindedElement::deserialize(blinding.blinded()).unwrap();
        let answer = server.blind_evaluate(&mut rng(&SystemEntropy).unwrap(), &blinded);
        let evaluated =
            Evaluated { element: answer.message.serialize().into(), proof: answer.proof.serialize().into() };
        let output = blinding.finish(&[0], &evaluated, &public.into()).unwrap();
        let expected = hex("b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d\
             a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c");
        assert_eq!(output.as_slice(), expected);
    }

    #[test]
    fn the_same_passcode_gives_the_same_output_under_its_key_only() {
        let (key, other) =
            (OprfKey::generate(&SystemEntropy).unwrap(), OprfKey::generate(&SystemEntropy).unwrap());
        let again = OprfKey::from_bytes(key.to_bytes().as_slice()).unwrap();
        assert_eq!(output(&key, b"right"), output(&again, b"right"));
        assert_ne!(output(&key, b"right"), output(&key, b"wrong"));
        assert_ne!(output(&key, b"right"), output(&other, b"right"));
    }

    #[test]
    fn a_relay_that_uses_another_key_proves_nothing() {
        let (key, other) =
            (OprfKey::generate(&SystemEntropy).unwrap(), OprfKey::generate(&SystemEntropy).unwrap());
        let blinding = Blinding::of(b"right", &SystemEntropy).unwrap();
        let mut evaluated = other.evaluate(blinding.blinded(), &SystemEntropy).unwrap();
        let public = key.public().unwrap();
        assert_eq!(blinding.finish(b"right", &evaluated, &public).unwrap_err(), OprfError::Unproven);
        assert!(blinding.finish(b"right", &evaluated, &other.public().unwrap()).is_ok(), "the control");
        evaluated.proof[0] ^= 1;
        assert!(blinding.finish(b"right", &evaluated, &other.public().unwrap()).is_err());
    }

    #[test]
    fn what_is_no_element_is_refused() {
        let key = OprfKey::generate(&SystemEntropy).unwrap();
        for bytes in [[0; 32], [255; 32]] {
            assert_eq!(key.evaluate(&bytes, &SystemEntropy).unwrap_err(), OprfError::Malformed);
        }
        assert!(OprfKey::from_bytes(&[1; 31]).is_err());
    }
}
