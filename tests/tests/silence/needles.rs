//! Searching for what must not be there, in every form in which it could be.

use std::{collections::HashMap, fs, path::Path};

/// Something to search for, in each of its forms.
#[derive(Clone)]
pub(crate) struct Needle {
    name: String,
    forms: Vec<Vec<u8>>,
}

impl Needle {
    /// A text: as bytes, in UTF-16 of both orders and with the escapes of a debug form.
    pub(crate) fn new(text: &str) -> Self {
        assert!(text.len() >= 8, "too short to be told from chance");
        let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let mut forms = forms_of(text.as_bytes());
        forms.extend([
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            text.escape_debug().to_string().into_bytes(),
            text.escape_default().to_string().into_bytes(),
        ]);
        Self { name: text.to_owned(), forms }
    }

    /// A key: either half of it, as bytes.
    pub(crate) fn key(name: &str, key: &[u8]) -> Self {
        assert!(key.len() >= 32, "a half is too short to be told from chance");
        let (one, other) = key.split_at(key.len() / 2);
        Self { name: name.to_owned(), forms: [forms_of(one), forms_of(other)].concat() }
    }

    /// Whether it is in there, in any form.
    pub(crate) fn is_in(&self, haystack: &[u8]) -> bool {
        // By its first bytes, so that logs of megabytes are searched in no time.
        let first = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
        let mut by_first: HashMap<u16, Vec<&[u8]>> = HashMap::new();
        for form in &self.forms {
            by_first.entry(first(form)).or_default().push(form);
        }
        let mut begins = vec![false; 1 << 16];
        by_first.keys().for_each(|key| begins[usize::from(*key)] = true);
        (1..haystack.len()).any(|end| {
            let from = &haystack[end - 1..];
            let key = first(from);
            begins[usize::from(key)] && by_first[&key].iter().any(|form| from.starts_with(form))
        })
    }

    /// Fails if it is in there.
    #[track_caller]
    pub(crate) fn must_not_be_in(&self, haystack: &[u8], place: &str) {
        assert!(!self.is_in(haystack), "“{}” is in {place}", self.name);
    }

    /// Fails if it is in a file of this folder; answers how many bytes were searched.
    #[track_caller]
    pub(crate) fn must_not_be_in_files_of(&self, folder: &Path) -> usize {
        let mut searched = 0;
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            if file.file_type().unwrap().is_file() {
                let content = fs::read(file.path()).unwrap();
                searched += content.len();
                self.must_not_be_in(&content, &file.path().display().to_string());
            }
        }
        searched
    }
}

/// Bytes as they are, in hex, as a list of numbers, escaped, and in both base64 at each alignment.
fn forms_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let each = |text: fn(&u8) -> String, between: &str| -> Vec<u8> {
        bytes.iter().map(text).collect::<Vec<_>>().join(between).into_bytes()
    };
    let mut forms = vec![
        bytes.to_vec(),
        each(|byte| format!("{byte:02x}"), ""),
        each(|byte| format!("{byte:02X}"), ""),
        each(|byte| format!("{byte:02x}"), " "),
        each(|byte| format!("{byte:02x}"), ":"),
        each(|byte| format!("{byte:02x}"), ", "),
        each(|byte| format!("0x{byte:02x}"), ", "),
        each(u8::to_string, ", "),
        bytes.escape_ascii().to_string().into_bytes(),
    ];
    for last in [b"+/", b"-_"] {
        forms.extend((0..3).map(|skip| base64_inside(bytes, skip, last)));
    }
    forms
}

/// What stands in base64 whatever follows, when `skip` bytes of something else come first.
fn base64_inside(bytes: &[u8], skip: usize, last: &[u8; 2]) -> Vec<u8> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let alphabet = [&LETTERS[..], last].concat();
    // Whole groups of three only: the first and the last depend on the neighbours.
    let whole = &bytes[(3 - skip) % 3..];
    whole
        .chunks_exact(3)
        .flat_map(|group| {
            let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
            [18, 12, 6, 0].map(|shift| alphabet[usize::try_from(bits >> shift & 63).unwrap()])
        })
        .collect()
}

#[test]
fn every_form_is_found() {
    let needle = Needle::new("Bed 7 is free");
    for found in [
        &b"x Bed 7 is free y"[..],
        b"426564203720697320667265650a",
        b"\"QmVkIDcgaXMgZnJlZQ==\"",
        b"eEJlZCA3IGlzIGZyZWU=",
        b"eHhCZWQgNyBpcyBmcmVl",
        b"[66, 101, 100, 32, 55, 32, 105, 115, 32, 102, 114, 101, 101]",
        b"B\0e\0d\0 \x007\0 \0i\0s\0 \0f\0r\0e\0e\0",
    ] {
        assert!(needle.is_in(found), "{}", String::from_utf8_lossy(found));
    }
    assert!(!needle.is_in(b"Bed 8 is free"));
}

#[test]
fn either_half_of_a_key_is_found() {
    let key: Vec<u8> = (0..32).map(|byte: u8| byte.wrapping_mul(83) ^ 0xa6).collect();
    let needle = Needle::key("a key", &key);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let swapped = [&key[16..], &key[..16]].concat();
    for found in [
        format!("key={}…", hex(&key[..20])),
        format!("key=…{}", hex(&swapped[..16])),
        format!("Key({key:?})"),
        format!("Key({key:02x?})"),
        key.escape_ascii().to_string(),
    ] {
        assert!(needle.is_in(found.as_bytes()), "{found}");
    }
    assert!(needle.is_in(&[&b"x"[..], &swapped].concat()));
    assert!(!needle.is_in(hex(&key[..15]).as_bytes()) && !needle.is_in(hex(&[7; 32]).as_bytes()));
}
