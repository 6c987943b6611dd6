//! Searching bytes for secrets in every form in which a program might have written them.
//!
//! Raw UTF-8, UTF-16 in both byte orders, hex in both cases, base64 in both alphabets at each of the three
//! alignments that it can have inside something longer.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

/// A search for several secrets at once.
pub(crate) struct Search {
    needles: Vec<Needle>,
    /// The needles by their first two bytes.
    by_start: BTreeMap<[u8; 2], Vec<usize>>,
    /// Whether any needle begins so: most places are passed over by looking here.
    starts: Vec<bool>,
    searched_bytes: u64,
    found: BTreeSet<(usize, &'static str)>,
}

struct Needle {
    secret: usize,
    form: &'static str,
    bytes: Vec<u8>,
}

impl Search {
    /// A search for these, each of at least four bytes.
    pub(crate) fn new<S: AsRef<str>>(secrets: &[S]) -> Self {
        let mut search = Self {
            needles: Vec::new(),
            by_start: BTreeMap::new(),
            starts: vec![false; 1 << 16],
            searched_bytes: 0,
            found: BTreeSet::new(),
        };
        for (secret, text) in secrets.iter().enumerate() {
            for (form, bytes) in forms(text.as_ref()) {
                let [first, second, ..] = bytes[..] else { continue };
                let at = search.needles.len();
                search.by_start.entry([first, second]).or_default().push(at);
                search.starts[place(first, second)] = true;
                search.needles.push(Needle { secret, form, bytes });
            }
        }
        search
    }

    /// Looks for all of them in `bytes`.
    pub(crate) fn look(&mut self, bytes: &[u8]) {
        self.searched_bytes += bytes.len() as u64;
        for (at, pair) in bytes.windows(2).enumerate() {
            if !self.starts[place(pair[0], pair[1])] {
                continue;
            }
            for needle in self.by_start.get(pair).into_iter().flatten() {
                let needle = &self.needles[*needle];
                if bytes[at..].starts_with(&needle.bytes) {
                    self.found.insert((needle.secret, needle.form));
                }
            }
        }
    }

    /// How many bytes were searched.
    pub(crate) const fn searched_bytes(&self) -> u64 {
        self.searched_bytes
    }

    /// Which secrets were found, by their place in the list, and in which form.
    pub(crate) const fn found(&self) -> &BTreeSet<(usize, &'static str)> {
        &self.found
    }

    /// How many of the secrets were found.
    pub(crate) fn secrets_found(&self) -> usize {
        self.found.iter().map(|(secret, _)| secret).collect::<BTreeSet<_>>().len()
    }
}

fn place(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// Every form of a text.
pub(crate) fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = text.as_bytes();
    let mut forms = vec![
        ("raw", bytes.to_vec()),
        ("UTF-16 LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16 BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("hex", HEXLOWER.encode(bytes).into_bytes()),
        ("hex", HEXUPPER.encode(bytes).into_bytes()),
    ];
    for (form, alphabet) in [("base64", &BASE64_NOPAD), ("base64url", &BASE64URL_NOPAD)] {
        for before in 0..3 {
            let mut aligned = vec![0; before];
            aligned.extend_from_slice(bytes);
            let encoded = alphabet.encode(&aligned).into_bytes();
            // Characters that also depend on what stands before and after are left off.
            let (first, last) = ((before * 8).div_ceil(6), aligned.len() * 8 / 6);
            forms.push((form, encoded[first..last].to_vec()));
        }
    }
    forms
}

/// A text inside a longer one, written in every form, whole: what a search for the text must find. The control of
/// [`forms`], which cuts where this does not.
pub(crate) fn planted(text: &str) -> Vec<Vec<u8>> {
    let mut planted = Vec::new();
    for before in ["", "x", "xy", "xyz"] {
        let inside = format!("{before}{text}, and so on");
        planted.push(inside.clone().into_bytes());
        planted.push(inside.encode_utf16().flat_map(u16::to_le_bytes).collect());
        planted.push(inside.encode_utf16().flat_map(u16::to_be_bytes).collect());
        planted.push(HEXLOWER.encode(inside.as_bytes()).into_bytes());
        planted.push(HEXUPPER.encode(inside.as_bytes()).into_bytes());
        planted.push(BASE64_NOPAD.encode(inside.as_bytes()).into_bytes());
        planted.push(BASE64URL_NOPAD.encode(inside.as_bytes()).into_bytes());
    }
    planted
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Bed 7: heparin at ten, ask Jürgen";

    #[test]
    fn a_secret_is_found_in_every_form_inside_something_longer() {
        for bytes in planted(SECRET) {
            let mut search = Search::new(&["something else", SECRET]);
            search.look(&bytes);
            assert_eq!(search.secrets_found(), 1, "{}", String::from_utf8_lossy(&bytes));
            assert!(search.found().iter().all(|(secret, _)| *secret == 1));
            assert_eq!(search.searched_bytes(), bytes.len() as u64);
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let mut search = Search::new(&[SECRET]);
        search.look(SECRET.to_lowercase().as_bytes());
        search.look(&[]);
        assert!(search.found().is_empty());
    }
}
