//! The directory that holds everything of one local system: private to the user, used by one process at a time, and in a format that it names.

use anyhow::{Context, bail, ensure};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::system::DATABASE;

/// An opened and locked data directory; the lock goes with it.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// How everything lies there and in the rows. Raised by a change whose rows an older build can't read: 2 has packs in zlib's format.
const FORMAT: u32 = 2;
/// Raised by a change that can't read what was written before, beside what brings that over.
const OLDEST_READ: u32 = 1;
const FORMAT_FILE: &str = "format";

impl DataDir {
    /// One that is there: a misspelt path would be a new system, of which nothing is wrong or lost.
    ///
    /// # Errors
    /// There is none, or as [`DataDir::open`].
    pub fn existing(path: &Path) -> anyhow::Result<DataDir> {
        ensure!(
            path.is_dir(),
            "there is no data directory {}",
            path.display()
        );
        DataDir::open(path)
    }

    /// Makes the directory (0700) if need be.
    ///
    /// # Errors
    /// Another process uses it, or it is of a format that this build doesn't know.
    pub fn open(path: &Path) -> anyhow::Result<DataDir> {
        let named = || format!("data directory {}", path.display());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(named)?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).with_context(named)?;
        let path = path.canonicalize().with_context(named)?;
        let lock = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(named)?;
        match lock.try_lock() {
            Ok(()) => {
                let dir = DataDir { path, _lock: lock };
                dir.check_format()?;
                Ok(dir)
            }
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "another process uses {}: stop it, or name another --data-dir",
                    path.display()
                )
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(named),
        }
    }

    fn check_format(&self) -> anyhow::Result<()> {
        let path = self.path.display();
        let found = match self.read(FORMAT_FILE)? {
            Some(text) => text.trim().parse().ok(),
            // The first format had no such file.
            None if self.file(DATABASE).exists() => Some(1),
            None => Some(FORMAT),
        };
        match found {
            Some(OLDEST_READ..=FORMAT) => self.write(FORMAT_FILE, &format!("{FORMAT}\n")),
            Some(newer) if newer > FORMAT => bail!(
                "{path} has format {newer}, and this build knows {FORMAT}: use a newer build, or name another --data-dir"
            ),
            Some(older) => bail!(
                "{path} has format {older}, and this build reads {OLDEST_READ} to {FORMAT}: remove it, or name another --data-dir"
            ),
            None => bail!("{path}/{FORMAT_FILE} is no number: something else has written it"),
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// `None` where there is no such file.
    pub(crate) fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        match fs::read_to_string(self.file(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("{} can't be read", self.file(name).display()))
            }
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        write_private(&self.file(name), text)
    }
}

/// Replaces a file (0600) in one step, so that a process that is killed leaves the old one or the new one.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let write = || {
        // One that is left over may have another mode.
        if let Err(error) = fs::remove_file(&new)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("{} can't be written", path.display()))
}
