//! PKCS #10 requests (RFC 2986): proof that whoever asks for a certificate holds its key.
//!
//! Only the key is taken from a request. Its subject and attributes are ignored: who the certificate is for
//! comes from the invitation's record.

use rcgen::{CertificateParams, DistinguishedName};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::OID_SIG_ECDSA_WITH_SHA256;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Version;

use super::frame::{ED25519_ALGORITHM, envelope, is_ed25519};
use crate::keys::CertificateSigner;
use crate::{AuthorityError, DeviceKey, RequestError, SigningKey};

/// A request for `key`, DER, with an empty subject.
///
/// # Errors
/// [`AuthorityError::Encoding`]: a defect of ours.
pub fn certificate_request(key: &SigningKey) -> Result<Vec<u8>, AuthorityError> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    let request =
        parameters.serialize_request(&CertificateSigner::new(key)).map_err(AuthorityError::encoding)?;
    Ok(request.der().to_vec())
}

/// Checks a request's form and that its own key signed it; gives that key.
///
/// # Errors
/// [`RequestError`]; [`RequestError::SelfSignature`] if the sender need not hold the key.
pub fn verify_certificate_request(der: &[u8]) -> Result<DeviceKey, RequestError> {
    let actual = der.len();
    if actual > REQUEST_BYTES_MAX {
        return Err(RequestError::TooLong { limit: REQUEST_BYTES_MAX, actual });
    }
    let (_, request) = X509CertificationRequest::from_der(der).map_err(|_| RequestError::Malformed)?;
    let info = &request.certification_request_info;
    let key = DeviceKey::read(&info.subject_pki)?;
    let (algorithm, fits) = match &key {
        DeviceKey::Ed25519(_) => (&ED25519_ALGORITHM[..], is_ed25519(&request.signature_algorithm)),
        DeviceKey::P256(_) => {
            let stated = &request.signature_algorithm;
            let fits = stated.algorithm == OID_SIG_ECDSA_WITH_SHA256 && stated.parameters.is_none();
            (&ECDSA_SHA256_ALGORITHM[..], fits)
        }
    };
    let signature = request.signature_value.data.as_ref();
    // Written again and compared, as for certificates: nothing outside the signed part can differ.
    if !fits || info.version != X509Version::V1 || envelope(info.raw, algorithm, signature) != der {
        return Err(RequestError::Malformed);
    }
    match &key {
        DeviceKey::Ed25519(key) => {
            key.verify_raw(info.raw, signature).map_err(|_| RequestError::SelfSignature)?;
        }
        DeviceKey::P256(_) => request.verify_signature().map_err(|_| RequestError::SelfSignature)?,
    }
    Ok(key)
}

/// SEQUENCE { OID ecdsa-with-SHA256 } (RFC 5758 §3.2).
const ECDSA_SHA256_ALGORITHM: [u8; 12] =
    [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];

/// As the wire says of `EnrolmentClaim.certificate_request`.
const REQUEST_BYTES_MAX: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{P256SigningKey, SeededEntropy};

    #[test]
    fn a_request_proves_its_key() {
        let key = SigningKey::from_seed([3; 32]);
        let request = certificate_request(&key).unwrap();
        assert_eq!(verify_certificate_request(&request), Ok(key.public().into()));
        let key = P256SigningKey::generate(&SeededEntropy::new(3)).unwrap();
        assert_eq!(verify_certificate_request(&key.certificate_request().unwrap()), Ok(key.public()));
    }

    #[test]
    fn a_request_for_someone_elses_key_is_refused() {
        let (mine, theirs) = (SigningKey::from_seed([3; 32]), SigningKey::from_seed([4; 32]));
        let mut request = certificate_request(&mine).unwrap();
        assert!(verify_certificate_request(&request).is_ok());
        let place = request.windows(32).position(|bytes| bytes == mine.public().as_bytes()).unwrap();
        request[place..place + 32].copy_from_slice(theirs.public().as_bytes());
        assert_eq!(verify_certificate_request(&request), Err(RequestError::SelfSignature));
    }

    #[test]
    fn every_flipped_bit_cut_and_added_byte_of_a_request_is_refused() {
        let p256 = P256SigningKey::generate(&SeededEntropy::new(3)).unwrap();
        let requests = [
            certificate_request(&SigningKey::from_seed([3; 32])).unwrap(),
            p256.certificate_request().unwrap(),
        ];
        for request in requests {
            assert!(verify_certificate_request(&request).is_ok());
            for index in 0..request.len() {
                assert!(verify_certificate_request(&request[..index]).is_err(), "cut at {index}");
                for bit in 0..8 {
                    let mut other = request.clone();
                    other[index] ^= 1 << bit;
                    assert!(verify_certificate_request(&other).is_err(), "bit {bit} of byte {index}");
                }
            }
            assert!(verify_certificate_request(&[&request[..], &[0]].concat()).is_err());
            assert!(verify_certificate_request(&[0; REQUEST_BYTES_MAX + 1]).is_err());
        }
    }
}
