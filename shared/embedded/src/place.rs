//! The file and its directory: private to the user, and gone with the engine when temporary.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::EngineError;

/// Where the data live.
#[derive(Debug, Clone)]
pub enum Place {
    /// This SQLite file, in a directory that exists.
    File(PathBuf),
    /// A file in a fresh temporary directory, removed with the last handle.
    Temporary,
}

#[derive(Debug)]
pub(crate) struct Home {
    file: PathBuf,
    temporary: Option<TemporaryDirectory>,
}

impl Home {
    pub(crate) fn prepare(place: Place) -> Result<Self, EngineError> {
        let (file, temporary) = match place {
            Place::File(file) => (file, None),
            Place::Temporary => {
                let directory = TemporaryDirectory::make()?;
                (directory.0.join("dynamodb.sqlite"), Some(directory))
            }
        };
        // SQLite gives `-wal` and `-shm` the mode of the file itself, so it must exist before SQLite opens it.
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&file)
            .and_then(|open| open.set_permissions(Permissions::from_mode(0o600)))
            .map_err(|source| EngineError::File {
                path: file.clone(),
                source,
            })?;
        Ok(Self { file, temporary })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

#[derive(Debug)]
struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    fn make() -> Result<Self, EngineError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let root = std::env::temp_dir();
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = root.join(format!("embedded-{}-{count}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                // Left by a process of the same number that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(source) => return Err(EngineError::File { path, source }),
            }
        }
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // Nobody is left to tell, and what remains lies in the system's temporary directory.
        let _: io::Result<()> = fs::remove_dir_all(&self.0);
    }
}
