//! Private copies of files that cannot be read where they are, and what a file was like when it was found.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::store::Trouble;
use crate::{ReadFile, said};

/// What spools begin with; the id of their process follows.
const PREFIX: &str = "muster-spool-";

/// A folder that only we can look into, made when first needed and deleted when dropped.
#[derive(Default)]
pub(crate) struct Spool {
    folder: Mutex<Option<TempDir>>,
    files: AtomicUsize,
}

impl Spool {
    /// A path for one more file. Its ending is that of `name`, for readers that go by it; nothing else of the name is used.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf, Trouble> {
        let mut folder = self.folder.lock().expect("nothing panics while it holds the folder");
        let folder = match &mut *folder {
            Some(folder) => folder,
            none => none.insert(make().map_err(|it| {
                let place = std::env::temp_dir();
                let hint = said!(
                    "文件会复制到 {}；位置由环境变量 TMPDIR 设定",
                    "files are copied to {}; the variable TMPDIR says where",
                    place.display()
                );
                Trouble::new(said!("无法为临时副本建立文件夹：{it}", "no folder can be made for a private copy: {it}")).hint(hint)
            })?),
        };
        let nth = self.files.fetch_add(1, Ordering::Relaxed);
        let ending = Path::new(name).extension().and_then(|it| it.to_str()).filter(|it| it.bytes().all(|it| it.is_ascii_alphanumeric()));
        Ok(folder.path().join(format!("{nth}.{}", ending.unwrap_or("file"))))
    }
}

fn make() -> io::Result<TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    forget_the_dead(&std::env::temp_dir());
    let private = fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix(&format!("{PREFIX}{}-", std::process::id())).permissions(private).tempdir()
}

/// Removes what a killed process left behind: copies of people's data must not outlive the pull.
fn forget_the_dead(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(process) = name.strip_prefix(PREFIX).and_then(|it| it.split('-').next()) else { continue };
        let alive = Path::new("/proc").join(process).exists() || !Path::new("/proc/self").exists();
        if !alive && process.bytes().all(|it| it.is_ascii_digit()) && entry.file_type().is_ok_and(|it| it.is_dir()) {
            // Another's folder cannot be removed, and need not be.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A file to read, and what it was like when it was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub path: PathBuf,
    /// What it is called below the source's folder.
    pub name: String,
    /// Files that belong to it.
    pub beside: Vec<Found>,
    stamp: Stamp,
}

/// Length and time of the last change.
pub(crate) type Stamp = (u64, Option<SystemTime>);

impl Found {
    /// The file at `path`, called `name`.
    pub(crate) fn at(path: PathBuf, name: &str) -> Result<Found, Trouble> {
        let stamp = stamp(&path).map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")).of(name))?;
        Ok(Found { path, name: name.to_owned(), beside: Vec::new(), stamp })
    }

    /// Refuses a file that somebody wrote to since it was found: its rows may be of two versions.
    pub(crate) fn unchanged(&self) -> Result<(), Trouble> {
        match stamp(&self.path) {
            Ok(now) if now == self.stamp => self.beside.iter().try_for_each(Found::unchanged),
            Ok(_) => Err(Trouble::new(said!("读取时被改动", "was changed while it was read")).of(&self.name).passing()),
            Err(error) => Err(Trouble::new(said!("读取时消失：{error}", "went away while it was read: {error}")).of(&self.name).passing()),
        }
    }

    /// What the file begins with, at most `len` bytes.
    pub(crate) fn beginning(&self, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(&self.path)?.take(len).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Its length and hash.
    pub(crate) fn read_file(&self) -> io::Result<ReadFile> {
        let (mut file, mut hasher) = (File::open(&self.path)?, Sha256::new());
        let (mut buffer, mut bytes) = (vec![0; 256 * 1024], 0);
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => {
                    hasher.update(&buffer[..read]);
                    bytes += read as u64;
                }
            }
        }
        let sha256 = hasher.finalize().iter().map(|it| format!("{it:02x}")).collect();
        Ok(ReadFile { name: self.name.clone(), bytes, sha256 })
    }
}

/// What a later look at the file is compared with.
pub(crate) fn stamp(path: &Path) -> io::Result<Stamp> {
    let about = fs::metadata(path)?;
    Ok((about.len(), about.modified().ok()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_spool_is_private_and_goes_away() {
        let spool = Spool::default();
        let path = spool.path("../../etc/工资.csv").expect("a path");
        let folder = path.parent().expect("a folder").to_owned();
        assert_eq!(fs::metadata(&folder).expect("the folder").permissions().mode() & 0o777, 0o700);
        assert_eq!(path.file_name().and_then(|it| it.to_str()), Some("0.csv"));
        fs::write(&path, "x").expect("to write");
        drop(spool);
        assert!(!folder.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let root = tempfile::tempdir().expect("a folder");
        let left = root.path().join(format!("{PREFIX}4194305-abc"));
        let ours = root.path().join(format!("{PREFIX}{}-abc", std::process::id()));
        fs::create_dir(&left).and_then(|()| fs::create_dir(&ours)).expect("folders");
        forget_the_dead(root.path());
        assert!(!left.exists() && ours.exists());
    }

    #[test]
    fn a_file_that_changes_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("a.csv");
        fs::write(&path, "abc").expect("to write");
        let found = Found::at(path.clone(), "a.csv").expect("the file");
        assert_eq!(found.read_file().expect("to read").sha256[..8], *"ba7816bf");
        assert_eq!(found.unchanged(), Ok(()));
        fs::write(&path, "abcd").expect("to write");
        assert_eq!(found.unchanged().expect_err("changed").why, "a.csv was changed while it was read");
    }
}
