//! Objects on this machine: files (0600) that are never changed, or memory.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{NotReached, Objects};

impl Objects {
    pub fn in_memory() -> Objects {
        Kept::Memory(Mutex::default()).objects()
    }

    /// Makes the directory (0700) if need be.
    pub fn in_directory(path: &Path) -> std::io::Result<Objects> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Kept::Directory(path.to_owned()).objects())
    }
}

fn not_reached(error: std::io::Error) -> NotReached {
    NotReached(error.to_string())
}

enum Kept {
    Memory(Mutex<BTreeMap<String, Vec<u8>>>),
    Directory(PathBuf),
}

impl Kept {
    fn objects(self) -> Objects {
        let kept = Arc::new(self);
        let (put, get, list) = (Arc::clone(&kept), Arc::clone(&kept), kept);
        Objects {
            put_new: Arc::new(move |name, bytes| {
                let put = put.put_new(&name, bytes);
                Box::pin(std::future::ready(put.map_err(not_reached)))
            }),
            get: Arc::new(move |name| {
                let got = get.get(&name);
                Box::pin(std::future::ready(got.map_err(not_reached)))
            }),
            list: Arc::new(move |prefix, after, most| {
                let listed = list.list(&prefix, after.as_deref(), most);
                Box::pin(std::future::ready(listed.map_err(not_reached)))
            }),
        }
    }

    fn put_new(&self, name: &str, bytes: Vec<u8>) -> std::io::Result<bool> {
        match self {
            Kept::Memory(objects) => {
                let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
                let new = !objects.contains_key(name);
                objects.entry(name.to_owned()).or_insert(bytes);
                Ok(new)
            }
            Kept::Directory(path) => {
                let place = path.join(file_name(name));
                let new = path.join(format!(".{}.{}", file_name(name), std::process::id()));
                // Whole or not at all: a link takes no name that is taken, and nobody sees half a file.
                let _ = fs::remove_file(&new);
                let mut options = OpenOptions::new();
                let mut file = options
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&new)?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                let linked = fs::hard_link(&new, &place);
                fs::remove_file(&new)?;
                match linked {
                    Ok(()) => Ok(true),
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                    Err(error) => Err(error),
                }
            }
        }
    }

    fn get(&self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        match self {
            Kept::Memory(objects) => {
                let objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(objects.get(name).cloned())
            }
            Kept::Directory(path) => match fs::read(path.join(file_name(name))) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    fn list(&self, prefix: &str, after: Option<&str>, most: usize) -> std::io::Result<Vec<String>> {
        let mut names: Vec<String> = match self {
            Kept::Memory(objects) => {
                let objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
                objects.keys().cloned().collect()
            }
            Kept::Directory(path) => {
                let mut names = Vec::new();
                for entry in fs::read_dir(path)? {
                    let name = entry?.file_name().into_string();
                    names.extend(name.ok().and_then(|name| object_name(&name)));
                }
                names
            }
        };
        names.retain(|name| name.starts_with(prefix) && after.is_none_or(|after| &**name > after));
        names.sort_unstable();
        names.truncate(most);
        Ok(names)
    }
}

/// A slash is no folder: all objects lie in one. Letters and digits are as they are, so that an order of names is one of files.
fn file_name(name: &str) -> String {
    let mut file = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => file.push(byte.into()),
            _ => file.push_str(&format!("%{byte:02x}")),
        }
    }
    file
}

/// `None` for a file that is none, such as one that was begun when the process was killed.
fn object_name(file: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(file.len());
    let mut rest = file;
    while let Some(first) = rest.chars().next() {
        match first {
            '%' => {
                bytes.push(u8::from_str_radix(rest.get(1..3)?, 16).ok()?);
                rest = &rest[3..];
            }
            '.' => return None,
            _ => {
                bytes.extend(first.to_string().as_bytes());
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_written_once_and_listed(objects: Objects) {
        let put = async |name: &str, text: &str| {
            let put = objects.put_new(name, text.as_bytes().to_vec()).await;
            put.expect("reached")
        };
        assert!(put("a/2", "two").await);
        assert!(put("a/1", "one").await);
        assert!(put("b/1#x@3:é", "three").await);
        assert!(!put("a/1", "another").await);
        let got = objects.get("a/1").await.expect("reached");
        assert_eq!(got.as_deref(), Some(&b"one"[..]));
        assert_eq!(objects.get("a/3").await.expect("reached"), None);
        let list = async |prefix: &str, after: Option<&str>, most| {
            objects.list(prefix, after, most).await.expect("reached")
        };
        assert_eq!(list("a/", None, 9).await, ["a/1", "a/2"]);
        assert_eq!(list("a/", None, 1).await, ["a/1"]);
        assert_eq!(list("a/", Some("a/1"), 9).await, ["a/2"]);
        assert_eq!(list("b/", None, 9).await, ["b/1#x@3:é"]);
    }

    #[tokio::test]
    async fn in_memory_an_object_is_written_once() {
        is_written_once_and_listed(Objects::in_memory()).await;
    }

    #[tokio::test]
    async fn in_a_directory_an_object_is_written_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let name = format!("instaview-objects-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let objects = Objects::in_directory(&path).expect("a directory");
        is_written_once_and_listed(objects).await;
        for entry in fs::read_dir(&path).expect("a directory") {
            let mode = entry.expect("a file").metadata().expect("it").permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
        }
        fs::remove_dir_all(&path).expect("removed");
    }
}
