//! Real bad disks: a small tmpfs that is full, a read-only bind mount; in mount namespaces of their own, so that
//! nobody else sees them and they end with the test.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// Says to the test that it is in its namespace.
const INSIDE: &str = "WARDLINE_TEST_INSIDE";

/// Runs a test's scene in a mount namespace of its own: the test runs itself there again. A user namespace makes that
/// possible for everybody; where the system forbids those, root needs none.
#[track_caller]
pub(crate) fn in_own_namespace(test: &str, scene: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return scene();
    }
    let possible = |flags: &&str| {
        Command::new("unshare").args([flags, "true"]).output().is_ok_and(|out| out.status.success())
    };
    let flags = ["-rm", "-m"].into_iter().find(possible);
    let flags =
        flags.expect("neither a user namespace nor root: this test cannot be run, and is not skipped");
    let mut again = Command::new("unshare");
    again.args([OsStr::new(flags), env::current_exe().unwrap().as_os_str()]);
    let output = again.args(["--exact", test, "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("1 passed"), "the scene did not run: {out}{err}");
}

fn mount(arguments: &[&OsStr]) {
    let output = Command::new("mount").args(arguments).output().unwrap();
    assert!(output.status.success(), "mount {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A tmpfs over a folder, with the folder's files in it.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    pub(crate) fn over(folder: &Path, mebibytes: u32) -> Self {
        let files: Vec<(PathBuf, Vec<u8>, fs::Permissions)> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|file| file.is_file())
            .map(|file| {
                let (content, metadata) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap());
                (file, content, metadata.permissions())
            })
            .collect();
        let options = format!("size={mebibytes}m,mode=700");
        mount(
            &["-t", "tmpfs", "-o", &options, "tmpfs"]
                .map(OsStr::new)
                .into_iter()
                .chain([folder.as_os_str()])
                .collect::<Vec<_>>(),
        );
        for (file, content, permissions) in files {
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, permissions).unwrap();
        }
        Self { folder: folder.to_owned() }
    }

    /// Fills it up to so many free bytes.
    pub(crate) fn fill(&self, leaving: usize) {
        let mut file = File::create(self.folder.join("filler")).unwrap();
        let block = [0xa5; 4_096];
        let mut written = 0_u64;
        while file.write_all(&block).is_ok() {
            written += 4_096;
        }
        file.set_len(written.saturating_sub(u64::try_from(leaving).unwrap())).unwrap();
    }

    /// Frees what was filled.
    pub(crate) fn free(&self) {
        fs::remove_file(self.folder.join("filler")).unwrap();
    }
}

/// A folder that cannot be written, whatever one's rights.
pub(crate) struct ReadOnly {
    folder: PathBuf,
}

impl ReadOnly {
    pub(crate) fn over(folder: &Path) -> Self {
        mount(&[OsStr::new("--bind"), folder.as_os_str(), folder.as_os_str()]);
        mount(&[OsStr::new("-o"), OsStr::new("remount,bind,ro"), folder.as_os_str()]);
        assert!(File::create(folder.join("try")).is_err(), "control: it is read-only");
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn end(self) {
        assert!(Command::new("umount").arg(&self.folder).status().unwrap().success());
    }
}
