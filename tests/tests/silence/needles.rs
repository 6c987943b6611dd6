//! Searching for what must not be there, in every form in which it could be.

use std::{fs, path::Path};

/// Something to search for, in each of its forms.
pub(crate) struct Needle {
    name: String,
    forms: Vec<Vec<u8>>,
}

impl Needle {
    /// A text: as it is, in UTF-16 of both orders, in hex, in base64 at each alignment, as a list of numbers and with
    /// the escapes of a debug form.
    pub(crate) fn new(text: &str) -> Self {
        assert!(text.len() >= 8, "too short to be told from chance");
        let bytes = text.as_bytes();
        let hex = |upper: bool| -> String {
            bytes
                .iter()
                .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })
                .collect()
        };
        let utf16 = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let list = bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let mut forms = vec![
            bytes.to_vec(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            hex(false).into_bytes(),
            hex(true).into_bytes(),
            list.into_bytes(),
            text.escape_debug().to_string().into_bytes(),
            text.escape_default().to_string().into_bytes(),
        ];
        forms.extend((0..3).map(|skip| base64_inside(bytes, skip)));
        Self { name: text.to_owned(), forms }
    }

    /// Whether it is in there, in any form.
    pub(crate) fn is_in(&self, haystack: &[u8]) -> bool {
        self.forms.iter().any(|form| haystack.windows(form.len()).any(|window| window == form))
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

/// What stands in base64 whatever follows, when `skip` bytes of something else come first.
fn base64_inside(bytes: &[u8], skip: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // Whole groups of three only: the first and the last depend on the neighbours.
    let whole = &bytes[(3 - skip) % 3..];
    whole
        .chunks_exact(3)
        .flat_map(|group| {
            let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
            [18, 12, 6, 0].map(|shift| ALPHABET[usize::try_from(bits >> shift & 63).unwrap()])
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
