//! The root's recovery file: its key and certificate as an age file, under a code that is shown once.

use std::{
    io::{Read as _, Write as _},
    path::Path,
};

use age::{
    DecryptError, Decryptor,
    armor::{ArmoredReader, ArmoredWriter, Format},
    secrecy::SecretString,
};
use data_encoding::BASE32_NOPAD;
use wardline_identity::{Entropy, RootAuthority, SigningKey};
use zeroize::Zeroizing;

use crate::{
    api::{Failure, FailureKind},
    conversation::random,
    error::CoreError,
};

/// The file's scrypt cost, N = 2^15 (32 MiB, about a tenth of a second): it opens on any machine. The code has 160
/// random bits, nobody guesses it at any cost.
const WORK_FACTOR: u8 = 15;

/// The highest cost that is paid to open one: a file made to cost more is none of ours.
const WORK_FACTOR_MAX: u8 = 18;

/// What every file begins with.
const BEGINS: &[u8] = b"wardline root 1\n";

/// The longest file that is read, and the longest that is in one.
const FILE_BYTES_MAX: u64 = 65_536;

/// 160 random bits in eight groups of four letters and digits.
pub(super) fn code(entropy: &dyn Entropy) -> Result<Zeroizing<String>, CoreError> {
    let text = Zeroizing::new(BASE32_NOPAD.encode(&random::<20>(entropy)?));
    Ok(grouped(&text))
}

fn grouped(text: &str) -> Zeroizing<String> {
    let groups: Vec<&str> =
        text.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    Zeroizing::new(groups.join("-"))
}

/// A code as people type it: spaces, dashes and small letters make no difference.
fn as_shown(typed: &str) -> Zeroizing<String> {
    let plain = typed.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_uppercase());
    grouped(&Zeroizing::new(plain.collect::<String>()))
}

/// Writes the root's key and certificate under the code; never over a file that is there.
pub(super) fn write(path: &Path, root: &RootAuthority, code: &str) -> Result<(), CoreError> {
    let seal = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new();
        file.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        let file = file.open(path)?;
        let mut recipient = age::scrypt::Recipient::new(SecretString::from(code.to_owned()));
        recipient.set_work_factor(WORK_FACTOR);
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            .map_err(std::io::Error::other)?;
        let armor = ArmoredWriter::wrap_output(&file, Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(BEGINS)?;
        writer.write_all(&*root.key().seed())?;
        writer.write_all(root.certificate_der())?;
        writer.finish()?.finish()?;
        file.sync_all()?;
        // The only copy of the root's key: its name must be on the disk too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    seal().map_err(|error| {
        let now = if error.kind() == std::io::ErrorKind::AlreadyExists {
            "Name another file; this one may hold another organisation's root."
        } else {
            "Name a file that can be written."
        };
        Failure::new(FailureKind::Disk, "The recovery file could not be written.", format!("{error}."), now)
            .into()
    })
}

/// Opens a recovery file with its code.
pub(crate) fn open(path: &Path, code: &str) -> Result<RootAuthority, CoreError> {
    let mut sealed = Vec::new();
    let file = std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut sealed));
    file.map_err(|error| {
        Failure::new(
            FailureKind::Input,
            "The recovery file cannot be read.",
            format!("{}: {error}.", path.display()),
            "Name the file that wardline admin found wrote, or a copy of it.",
        )
    })?;
    let mut identity = age::scrypt::Identity::new(SecretString::from(as_shown(code).to_string()));
    identity.set_max_work_factor(WORK_FACTOR_MAX);
    let decryptor = Decryptor::new(ArmoredReader::new(sealed.as_slice())).map_err(|_| no_recovery_file())?;
    let opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
    let reader = opened.map_err(|error| match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            wrong_code()
        }
        _ => no_recovery_file(),
    })?;
    let mut plain = Zeroizing::new(Vec::with_capacity(4_096));
    reader.take(FILE_BYTES_MAX).read_to_end(&mut plain).map_err(|_| no_recovery_file())?;
    let rest = plain.strip_prefix(BEGINS).ok_or_else(no_recovery_file)?;
    let (seed, certificate) = rest.split_first_chunk::<32>().ok_or_else(no_recovery_file)?;
    let root = RootAuthority::from_parts(SigningKey::from_seed(*seed), certificate);
    Ok(root.map_err(|_| no_recovery_file())?)
}

fn wrong_code() -> Failure {
    Failure::new(
        FailureKind::Passcode,
        "The recovery code is wrong.",
        "The recovery file does not open with it.",
        "Try again; the file is unchanged. The code has eight groups of four letters and digits.",
    )
}

fn no_recovery_file() -> Failure {
    Failure::new(
        FailureKind::Input,
        "This is not a recovery file, or it is damaged.",
        "It does not hold an organisation's root.",
        "Name the file that wardline admin found wrote, or a copy of it.",
    )
}

#[cfg(test)]
mod tests {
    use wardline_identity::{DisplayName, OrganisationId, SystemEntropy};
    use wardline_proto::UtcMillis;

    use super::*;

    fn root() -> RootAuthority {
        let name = DisplayName::parse("St. Example").unwrap();
        let id = OrganisationId::from_name("St. Example").unwrap();
        RootAuthority::found(&name, id, &SystemEntropy, UtcMillis::new(1_800_000_000_000)).unwrap()
    }

    fn kind(outcome: Result<RootAuthority, CoreError>) -> FailureKind {
        Failure::from(outcome.unwrap_err()).kind
    }

    #[test]
    fn a_recovery_file_opens_with_its_code_however_it_is_typed_and_with_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (path, root, code) = (folder.path().join("root"), root(), code(&SystemEntropy).unwrap());
        write(&path, &root, &code).unwrap();
        for typed in [code.to_string(), code.to_lowercase(), code.replace('-', " "), format!(" {}\n", *code)]
        {
            assert_eq!(open(&path, &typed).unwrap().fingerprint(), root.fingerprint());
        }
        let other = super::code(&SystemEntropy).unwrap();
        for wrong in [&*other, &code[1..], ""] {
            assert_eq!(kind(open(&path, wrong)), FailureKind::Passcode);
        }
    }

    #[test]
    fn a_file_that_is_none_or_is_damaged_says_so_and_one_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let (path, code) = (folder.path().join("root"), code(&SystemEntropy).unwrap());
        assert_eq!(kind(open(&path, &code)), FailureKind::Input, "there is none");
        write(&path, &root(), &code).unwrap();
        let sealed = std::fs::read(&path).unwrap();
        assert!(write(&path, &root(), &code).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), sealed);
        std::fs::write(&path, &sealed[..sealed.len() / 2]).unwrap();
        assert_eq!(kind(open(&path, &code)), FailureKind::Input);
        std::fs::write(&path, b"something else").unwrap();
        assert_eq!(kind(open(&path, &code)), FailureKind::Input);
    }
}
