//! The link (or QR code) that a person gets: `wardline://enrol/` and base32.
//!
//! Inside: version ‖ root fingerprint ‖ seed ‖ addresses ‖ checksum. Base32 has no case and no punctuation, so
//! it survives mail programs, dictation and the compact alphabet of QR codes; the checksum tells a typo from
//! an unknown invitation. Who reads the link can use it: it is shown once and never logged.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::authority::host_of;
use crate::{LinkError, NameError, RootFingerprint, SigningKey};

/// What a link holds. The seed prints nowhere.
#[derive(Clone)]
pub struct InvitationLink {
    addresses: Vec<String>,
    root: RootFingerprint,
    seed: Zeroizing<[u8; 32]>,
}

impl InvitationLink {
    pub(super) fn new(addresses: Vec<String>, root: RootFingerprint, key: &SigningKey) -> Self {
        Self { addresses, root, seed: key.seed() }
    }

    /// Where the relay is: "host:port", tried in this order.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Which root to trust.
    #[must_use]
    pub const fn root(&self) -> &RootFingerprint {
        &self.root
    }

    /// The invitation's key.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        SigningKey::from_seed(*self.seed)
    }

    /// The text. Upper case reads the same.
    ///
    /// # Errors
    /// [`LinkError::Address`] if there is not 1 to 16 addresses or one is not "host:port".
    pub fn encode(&self) -> Result<Zeroizing<String>, LinkError> {
        check_addresses(&self.addresses)?;
        let mut bytes = Zeroizing::new(vec![VERSION]);
        bytes.extend_from_slice(self.root.as_bytes());
        bytes.extend_from_slice(&*self.seed);
        bytes.extend_from_slice(self.addresses.join("\n").as_bytes());
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        let mut text = Zeroizing::new(BASE32_NOPAD.encode(&bytes));
        text.make_ascii_lowercase();
        Ok(Zeroizing::new(format!("{PREFIX}{}", *text)))
    }

    /// Reads a link in either case; white space anywhere is skipped, as mail programs add it.
    ///
    /// # Errors
    /// [`LinkError`], which says what the reader can do.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let mut plain = Zeroizing::new(String::with_capacity(text.len().min(TEXT_BYTES_MAX)));
        for (index, character) in text.chars().enumerate() {
            if character.is_whitespace() {
                continue;
            }
            if !character.is_ascii_graphic() {
                return Err(LinkError::Character { position: index + 1 });
            }
            if plain.len() == TEXT_BYTES_MAX {
                return Err(LinkError::Damaged);
            }
            plain.push(character.to_ascii_uppercase());
        }
        let code = plain.strip_prefix(PREFIX_UPPER).ok_or(LinkError::NotALink)?;
        if let Some(wrong) = code.chars().find(|character| !matches!(character, 'A'..='Z' | '2'..='7')) {
            let position =
                text.chars().map(|c| c.to_ascii_uppercase()).skip(PREFIX.len()).position(|c| c == wrong);
            return Err(LinkError::Character { position: position.unwrap_or(0) + PREFIX.len() + 1 });
        }
        let bytes = BASE32_NOPAD.decode(code.as_bytes()).map_err(|_| LinkError::Damaged)?;
        Self::from_bytes(&Zeroizing::new(bytes))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, LinkError> {
        let (content, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(LinkError::Damaged)?;
        if checksum(content) != *sum {
            return Err(LinkError::Damaged);
        }
        let (version, rest) = content.split_first().ok_or(LinkError::Damaged)?;
        if *version != VERSION {
            return Err(LinkError::Newer { version: *version });
        }
        let (root, rest) = rest.split_first_chunk::<32>().ok_or(LinkError::Damaged)?;
        let (seed, rest) = rest.split_first_chunk::<32>().ok_or(LinkError::Damaged)?;
        let addresses = std::str::from_utf8(rest).map_err(|_| LinkError::Damaged)?;
        let addresses: Vec<String> = addresses.split('\n').map(str::to_owned).collect();
        check_addresses(&addresses)?;
        Ok(Self { addresses, root: RootFingerprint::from_bytes(*root), seed: Zeroizing::new(*seed) })
    }
}

impl fmt::Debug for InvitationLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationLink")
            .field("addresses", &self.addresses)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

fn check_addresses(addresses: &[String]) -> Result<(), NameError> {
    if !(1..=16).contains(&addresses.len()) {
        return Err(NameError { what: "link", rule: "has 1 to 16 relay addresses" });
    }
    addresses.iter().try_for_each(|address| host_of(address).map(drop))
}

/// Against typos, not attackers: who can change the link can change the checksum.
fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hash = Sha256::new();
    hash.update(b"wardline link");
    hash.update(content);
    let digest: [u8; 32] = hash.finalize().into();
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum
}

const PREFIX: &str = "wardline://enrol/";
const PREFIX_UPPER: &str = "WARDLINE://ENROL/";
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// Sixteen addresses of 260 characters, the rest, and base32's eight fifths, with room to spare.
const TEXT_BYTES_MAX: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> InvitationLink {
        let addresses = vec!["relay.example.org:443".to_owned(), "[::1]:8443".to_owned()];
        InvitationLink::new(addresses, RootFingerprint::of(b"root"), &SigningKey::from_seed([9; 32]))
    }

    fn same(link: &InvitationLink, other: &InvitationLink) -> bool {
        link.addresses == other.addresses && link.root == other.root && link.seed == other.seed
    }

    #[test]
    fn a_link_reads_back_in_both_cases_and_broken_over_lines() {
        let text = link().encode().unwrap();
        assert!(text.starts_with("wardline://enrol/"));
        let broken = format!(" {}\r\n  {}\n", &text[..40], &text[40..]);
        for text in [text.to_string(), text.to_uppercase(), broken] {
            assert!(same(&InvitationLink::parse(&text).unwrap(), &link()), "{text}");
        }
    }

    #[test]
    fn every_typo_is_noticed() {
        let text = link().encode().unwrap();
        assert!(InvitationLink::parse(&text).is_ok());
        for index in 0..text.len() {
            for replacement in ['a', 'b', '7', '1', '-'] {
                let mut typo = text.to_string();
                typo.replace_range(index..=index, &replacement.to_string());
                assert_eq!(InvitationLink::parse(&typo).is_ok(), typo == *text, "{typo}");
            }
            let mut missing = text.to_string();
            missing.remove(index);
            assert!(InvitationLink::parse(&missing).is_err(), "{missing}");
            let mut doubled = text.to_string();
            doubled.insert(index, text.as_bytes()[index].into());
            assert!(InvitationLink::parse(&doubled).is_err(), "{doubled}");
            assert!(InvitationLink::parse(&text[..index]).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn the_refusal_says_what_to_do() {
        let text = link().encode().unwrap();
        let refusal = |text: &str| InvitationLink::parse(text).unwrap_err();
        assert_eq!(refusal("https://example.org"), LinkError::NotALink);
        assert_eq!(refusal(&text.replacen("enrol/", "enrol/1", 1)), LinkError::Character { position: 18 });
        assert_eq!(refusal(&format!("{}ü", *text)), LinkError::Character { position: text.len() + 1 });
        assert_eq!(refusal(&format!("{}a", *text)), LinkError::Damaged);
        assert_eq!(refusal(&"a".repeat(TEXT_BYTES_MAX + 1)), LinkError::Damaged);
    }

    #[test]
    fn a_link_of_a_later_version_is_told_from_a_damaged_one() {
        let mut bytes = vec![2, 0, 0];
        bytes.extend_from_slice(&checksum(&[2, 0, 0]));
        let text = format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes));
        assert_eq!(InvitationLink::parse(&text).unwrap_err(), LinkError::Newer { version: 2 });
    }

    #[test]
    fn a_link_without_a_dialable_address_is_never_made() {
        for addresses in
            [vec![], vec!["relay".to_owned()], vec!["a:1\nb:2".to_owned()], vec!["a:1".to_owned(); 17]]
        {
            assert!(matches!(InvitationLink { addresses, ..link() }.encode(), Err(LinkError::Address(_))));
        }
    }

    #[test]
    fn the_seed_is_never_printed() {
        let shown = format!("{:?}", link());
        assert!(!shown.contains("9, 9") && !shown.contains("0909") && shown.contains("relay.example.org"));
    }
}
