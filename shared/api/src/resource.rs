//! The five operations that every kind of object of a company has, once.

use model::{Fault, Faults, Rule, Timestamp};
use routes::Operation;
use store::{BrokenRelation, CompanyStore, ListQuery, Resource, Stored};

use crate::{ApiError, Call, ConflictReason, PageRequest, Reply, retried};

impl<Op: Operation> Call<'_, Op> {
    /// `filters`: names and values as [`Resource::filters`] has them.
    pub async fn list<R: Resource>(
        &self,
        page: &PageRequest,
        filters: impl IntoIterator<Item = Option<(&'static str, String)>>,
        q: Option<&str>,
    ) -> Result<Reply, ApiError> {
        let store = self.store()?;
        let query = ListQuery {
            filters: filters.into_iter().flatten().collect(),
            q: q.map(str::to_owned),
            start: page.start.clone(),
            limit: page.limit,
            now: self.now,
        };
        let listed = store.list::<R>(&query).await?;
        let answer = self.page(page, listed, |object| object.view(&store));
        self.ok(&answer.await?)
    }

    pub async fn get<R: Resource>(&self, id: R::Id) -> Result<Reply, ApiError> {
        let store = self.store()?;
        self.shown(&store, &found::<R>(&store, id, self.now).await?)
    }

    /// `id`: a new one.
    pub async fn create<R: Resource>(&self, id: R::Id, fields: R) -> Result<Reply, ApiError> {
        let store = self.store()?;
        self.once(&store, async |once| {
            let new = Stored::new(id, fields, self.now);
            let reply = self.created(&new.view(&store))?.version(new.version);
            retried(|| async {
                let relations = store.broken_relations(None, &new.fields, self.now).await?;
                refuse_missing(&relations)?;
                refuse_closed(&relations)?;
                store
                    .create(&new, &self.stamp(None)?, once.remember(&reply))
                    .await?;
                Ok(())
            })
            .await?;
            Ok(reply)
        })
        .await
    }

    /// Changes the fields as `change` says, under the client's `If-Match`. What changes nothing writes nothing.
    pub async fn update<R: Resource, E: Into<ApiError>>(
        &self,
        id: R::Id,
        change: impl Fn(R) -> Result<R, E>,
    ) -> Result<Reply, ApiError> {
        let store = self.store()?;
        retried(|| async {
            let old = found::<R>(&store, id, self.now).await?;
            let fields = change(old.fields.clone()).map_err(Into::into)?;
            let relations = store.broken_relations(Some(&old.fields), &fields, self.now);
            let relations = relations.await?;
            // In the contract's order: the body, the version, the state.
            refuse_missing(&relations)?;
            self.if_match().check(old.version)?;
            refuse_closed(&relations)?;
            if fields == old.fields {
                return self.shown(&store, &old);
            }
            let new = old.next(fields, self.now);
            store.update(&old, &new, &self.stamp(None)?).await?;
            self.shown(&store, &new)
        })
        .await
    }

    /// Deletes the object, under the client's `If-Match`.
    pub async fn delete<R: Resource>(&self, id: R::Id) -> Result<Reply, ApiError> {
        let store = self.store()?;
        retried(|| async {
            let old = found::<R>(&store, id, self.now).await?;
            self.if_match().check(old.version)?;
            store.delete(&old, &self.stamp(None)?).await?;
            self.ok(&true)
        })
        .await
    }

    /// Erases the object, also one that was deleted.
    pub async fn erase<R: Resource>(&self, id: R::Id) -> Result<Reply, ApiError> {
        let store = self.store()?;
        self.once(&store, async |once| {
            let reply = self.ok(&true)?;
            retried(|| async {
                store
                    .erase::<R>(id, &self.stamp(None)?, once.remember(&reply))
                    .await
                    .map_err(ApiError::or_not_found(R::ENTITY, id))
            })
            .await?;
            Ok(reply)
        })
        .await
    }

    /// The answer that shows an object.
    pub fn shown<R: Resource>(
        &self,
        store: &CompanyStore,
        object: &Stored<R>,
    ) -> Result<Reply, ApiError> {
        Ok(self.ok(&object.view(store))?.version(object.version))
    }
}

/// What the transaction checks again, told to the client in full.
fn refuse_missing(broken: &[BrokenRelation]) -> Result<(), ApiError> {
    let mut faults = Faults::default();
    for relation in broken {
        if let BrokenRelation::Missing { pointer } = relation {
            let message = "names nothing that the company has";
            faults.push(Fault::new(pointer, Rule::NotFound, message));
        }
    }
    Ok(faults.or(())?)
}

fn refuse_closed(broken: &[BrokenRelation]) -> Result<(), ApiError> {
    match broken.contains(&BrokenRelation::Closed) {
        true => Err(ApiError::Conflict(ConflictReason::JobClosed)),
        false => Ok(()),
    }
}

/// # Errors
/// 404 where the company has no such object.
pub async fn found<R: Resource>(
    store: &CompanyStore,
    id: R::Id,
    now: Timestamp,
) -> Result<Stored<R>, ApiError> {
    store
        .get(id, now)
        .await
        .map_err(ApiError::or_not_found(R::ENTITY, id))
}
