//! An invitation's link: `wardline://enrol/` and base32 of version ‖ root fingerprint ‖ seed ‖ addresses ‖ checksum.

use data_encoding::BASE32_NOPAD;
use ring::digest::{SHA256, digest};

use crate::Problem;

/// What a link holds.
#[derive(Clone)]
pub struct Link {
    /// SHA-256 of the root's certificate.
    pub root: [u8; 32],
    /// The seed of the invitation's Ed25519 key.
    pub seed: [u8; 32],
    /// Where the relay is: "host:port".
    pub addresses: Vec<String>,
}

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    /// [`Problem::Wrong`] if it is none, or damaged.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text: String = text.split_whitespace().collect::<String>().to_ascii_uppercase();
        let code = text.strip_prefix("WARDLINE://ENROL/").ok_or(Problem::Wrong("not a link"))?;
        let bytes = BASE32_NOPAD.decode(code.as_bytes()).map_err(|_| Problem::Wrong("not base32"))?;
        let (content, checksum) = bytes.split_last_chunk::<4>().ok_or(Problem::Wrong("too short"))?;
        let sum = digest(&SHA256, &[b"wardline link", content].concat());
        if &sum.as_ref()[..4] != checksum {
            return Err(Problem::Wrong("a typo in the link"));
        }
        let Some((&1, rest)) = content.split_first() else { return Err(Problem::Wrong("a newer link")) };
        let short = || Problem::Wrong("too short");
        let (root, rest) = rest.split_first_chunk::<32>().ok_or_else(short)?;
        let (seed, rest) = rest.split_first_chunk::<32>().ok_or_else(short)?;
        let addresses = std::str::from_utf8(rest).map_err(|_| Problem::Wrong("not text"))?;
        let addresses = addresses.split('\n').map(str::to_owned).collect();
        Ok(Self { root: *root, seed: *seed, addresses })
    }
}
