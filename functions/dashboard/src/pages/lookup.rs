//! Finding one of what the API lists and reads no single one of.

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
        let mut cursor = String::new();
        loop {
            let ask = ask.clone().query("limit", "100").query("cursor", &cursor);
            let page: Listed<T> = self.get(ask).await?;
            if let Some(found) = page.items.into_iter().find(&is_meant) {
                return Ok(found);
            }
            match page.pagination.next_cursor {
                Some(next) => cursor = next,
                None => break,
            }
        }
        Err(Stop::Problem(Problem {
            status: 404,
            code: "RESOURCE_NOT_FOUND".to_owned(),
            message: missing.to_owned(),
            details: serde_json::Value::Null,
        }))
    }
}
