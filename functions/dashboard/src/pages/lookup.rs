//! Lists read to their end: all of them, or as far as the one that is looked for and that the API reads no single one of.

use serde::de::DeserializeOwned;

use super::keys::Listed;
use crate::{
    answer::{Problem, Stop},
    ask::Ask,
    visit::Visit,
};

impl Visit<'_> {
    /// The first item of a list that is meant, page after page.
    ///
    /// # Errors
    /// A 404 that says `missing`, where the list has none.
    pub(super) async fn look_up<T: DeserializeOwned>(
        &self,
        ask: Ask,
        is_meant: impl Fn(&T) -> bool,
        missing: &str,
    ) -> Result<T, Stop> {
        let mut cursor = Some(String::new());
        while let Some(from) = cursor {
            let (items, next) = self.page_of::<T>(&ask, &from).await?;
            if let Some(found) = items.into_iter().find(&is_meant) {
                return Ok(found);
            }
            cursor = next;
        }
        Err(Stop::Problem(Problem {
            status: 404,
            code: "RESOURCE_NOT_FOUND".to_owned(),
            message: missing.to_owned(),
            details: serde_json::Value::Null,
        }))
    }

    pub(super) async fn all<T: DeserializeOwned>(&self, ask: Ask) -> Result<Vec<T>, Stop> {
        let mut all = Vec::new();
        let mut cursor = Some(String::new());
        while let Some(from) = cursor {
            let (items, next) = self.page_of(&ask, &from).await?;
            all.extend(items);
            cursor = next;
        }
        Ok(all)
    }

    async fn page_of<T: DeserializeOwned>(
        &self,
        ask: &Ask,
        cursor: &str,
    ) -> Result<(Vec<T>, Option<String>), Stop> {
        let ask = ask.clone().query("limit", "100").query("cursor", cursor);
        let page: Listed<T> = self.get(ask).await?;
        Ok((page.items, page.pagination.next_cursor))
    }
}
