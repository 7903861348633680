//! Objects that are written once and never changed, wherever they are kept.

mod local;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// The objects can't be reached now.
#[derive(Debug, thiserror::Error)]
#[error("objects not reached: {0}")]
pub struct NotReached(pub String);

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, NotReached>> + Send>>;

/// Puts an object under a name that none has yet; whether it did.
pub type PutNew = Arc<dyn Fn(String, Vec<u8>) -> Answer<bool> + Send + Sync>;
/// An object by its name, if there is one.
pub type Get = Arc<dyn Fn(String) -> Answer<Option<Vec<u8>>> + Send + Sync>;
/// The first names that begin so, in ascending order, at most so many, after a name if one is given.
pub type List = Arc<dyn Fn(String, Option<String>, usize) -> Answer<Vec<String>> + Send + Sync>;

/// One store of objects: a bucket, a directory, or memory.
#[derive(Clone)]
pub struct Objects {
    pub put_new: PutNew,
    pub get: Get,
    pub list: List,
}

impl Objects {
    /// Whether it was put: not where there is one of this name.
    pub async fn put_new(&self, name: &str, bytes: Vec<u8>) -> Result<bool, NotReached> {
        (self.put_new)(name.to_owned(), bytes).await
    }

    pub async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, NotReached> {
        (self.get)(name.to_owned()).await
    }

    /// The first names, at most 1,000, that begin so and come after the one given.
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<String>, NotReached> {
        (self.list)(prefix.to_owned(), after.map(str::to_owned), most).await
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}
