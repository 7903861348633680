//! Lists: which page a client asks for, and how it is answered.

use model::Rule;
use routes::Operation;
use serde::Serialize;
use store::{CursorKeys, CursorScope, Listed, Start};

use crate::{ApiError, Call, Input, Reloading};

/// One page of a list (contract §4).
#[derive(Debug, Clone, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub pagination: Pagination,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    pub total: Option<u64>,
    pub total_is_lower_bound: bool,
    /// `None` in cursor mode.
    pub page: Option<u64>,
    pub limit: usize,
    pub total_pages: Option<u64>,
    pub has_next_page: bool,
    pub has_previous_page: Option<bool>,
    pub next_cursor: Option<String>,
}

/// Where the page starts and how long it is, as the client asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    pub limit: usize,
    /// 1-based; `None` in cursor mode.
    pub page: Option<u64>,
    pub cursor: Option<String>,
}

impl PageRequest {
    const MAX_LIMIT: usize = 100;
    const DEFAULT_LIMIT: usize = 20;
    /// Rows that page mode skips at the most.
    const MAX_SKIPPED: u64 = 10_000;

    pub fn read(input: &mut Input<'_>) -> Option<PageRequest> {
        let limit = match input.parsed::<usize>("limit", Rule::Range, "must be from 1 to 100") {
            Some(Some(limit)) if !(1..=Self::MAX_LIMIT).contains(&limit) => {
                input.refuse("limit", Rule::Range, "must be from 1 to 100")
            }
            Some(limit) => Some(limit.unwrap_or(Self::DEFAULT_LIMIT)),
            None => None,
        };
        let page = match input.parsed::<u64>("page", Rule::Range, "must be a page number from 1") {
            Some(Some(0)) => input.refuse("page", Rule::Range, "must be a page number from 1"),
            page => page,
        };
        let cursor = input.query("cursor");
        if let (Some(Some(_)), Some(Some(_))) = (page, cursor) {
            return input.refuse("cursor", Rule::ConflictWith, "can't be combined with page");
        }
        let (limit, page, cursor) = (limit?, page?, cursor?);
        let cursor = cursor.map(str::to_owned);
        let page = if cursor.is_some() {
            None
        } else {
            Some(page.unwrap_or(1))
        };
        if page.is_some_and(|page| (page - 1).saturating_mul(limit as u64) > Self::MAX_SKIPPED) {
            return input.refuse(
                "page",
                Rule::Range,
                "skips more than 10,000 rows; use cursor",
            );
        }
        Some(PageRequest {
            limit,
            page,
            cursor,
        })
    }
}

impl<Op: Operation> Call<'_, Op> {
    /// Where the store starts reading. `filter` is the list's filters in one text: a cursor opens only under the same.
    ///
    /// # Errors
    /// 400 with rule `cursor` for a cursor that isn't this list's; 503 where that can't be known now.
    pub async fn start(&self, request: &PageRequest, filter: &str) -> Result<Start, ApiError> {
        match &request.cursor {
            None => Ok(Start::Skip(
                (request.page.unwrap_or(1) - 1) * request.limit as u64,
            )),
            Some(cursor) => {
                let scope = self.cursor_scope(filter)?;
                let cursors = self.cursors()?;
                let mut keys = cursors.current(self.now).await;
                if !keys.know(cursor) {
                    // Others may know a newer generation.
                    let fresh = cursors.fresh(self.now).await;
                    keys = fresh.map_err(ApiError::unavailable)?;
                }
                keys.open(&scope, cursor, self.now)
                    .map(Start::After)
                    .map_err(|_| {
                        model::Fault::new(
                            "?cursor",
                            Rule::Cursor,
                            "is not a cursor of this list, or is older than 7 days",
                        )
                        .into()
                    })
            }
        }
    }

    /// The page as the client gets it.
    pub async fn page<T, V>(
        &self,
        request: &PageRequest,
        filter: &str,
        listed: Listed<T>,
        view: impl FnMut(T) -> V,
    ) -> Result<Page<V>, ApiError> {
        let Listed {
            items,
            total,
            total_is_lower_bound,
            next,
        } = listed;
        let next_cursor = match &next {
            None => None,
            Some(position) => {
                let sealed = self.cursors()?.current(self.now).await.seal(
                    &self.cursor_scope(filter)?,
                    position,
                    self.now,
                    self.app.entropy.bytes(),
                );
                Some(sealed.ok_or_else(|| ApiError::internal("no key seals cursors"))?)
            }
        };
        let limit = request.limit as u64;
        Ok(Page {
            items: items.into_iter().map(view).collect(),
            pagination: Pagination {
                total,
                total_is_lower_bound,
                page: request.page,
                limit: request.limit,
                total_pages: total
                    .filter(|_| !total_is_lower_bound)
                    .map(|total| total.div_ceil(limit)),
                has_next_page: next.is_some(),
                has_previous_page: request.page.map(|page| page > 1),
                next_cursor,
            },
        })
    }

    fn cursor_scope(&self, filter: &str) -> Result<CursorScope, ApiError> {
        Ok(CursorScope {
            company: self.store()?.company(),
            operation: self.operation().route().operation,
            filter: filter.to_owned(),
        })
    }

    fn cursors(&self) -> Result<&Reloading<CursorKeys>, ApiError> {
        let cursors = self.app.cursors.as_deref();
        cursors.ok_or_else(|| ApiError::internal("this function has no cursor keys"))
    }
}
