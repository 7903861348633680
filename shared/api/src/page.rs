//! Lists: which page a client asks for, and how it is answered.

use model::{Fault, Owner, Rule};
use routes::Operation;
use serde::Serialize;
use store::{CursorKeys, CursorScope, InvalidCursor, Listed, Start};

use crate::{ApiError, Call, Input, Reloading};

/// One page of a list.
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
    pub start: Start,
    /// Whether the client asked for a page by its number.
    numbered: bool,
    /// The list's filters in one text: a cursor opens only under the same.
    filter: String,
}

impl PageRequest {
    const MAX_LIMIT: usize = 100;
    const DEFAULT_LIMIT: usize = 20;
    /// Rows that page mode skips at the most.
    const MAX_SKIPPED: u64 = 10_000;
}

impl<Op: Operation> Call<'_, Op> {
    /// As [`Input::finish`], for a list: what was read before are its filters, and which page is wanted is read here.
    /// It takes the input, so that no filter can be read after the cursor that belongs to it was opened.
    pub async fn finish_list<T>(
        &self,
        mut input: Input<'_>,
        filters: Option<T>,
    ) -> Result<(PageRequest, T), ApiError> {
        let filter = input.read_text();
        let limit = match input.parsed::<usize>("limit", Rule::Range, "must be from 1 to 100") {
            Some(Some(limit)) if !(1..=PageRequest::MAX_LIMIT).contains(&limit) => {
                input.refuse("limit", Rule::Range, "must be from 1 to 100")
            }
            limit => limit.map(|limit| limit.unwrap_or(PageRequest::DEFAULT_LIMIT)),
        };
        let page = match input.parsed::<u64>("page", Rule::Range, "must be a page number from 1") {
            Some(Some(0)) => input.refuse("page", Rule::Range, "must be a page number from 1"),
            page => page,
        };
        let numbered = page.flatten().is_some();
        let start = match (page, input.query("cursor")) {
            (Some(Some(_)), Some(Some(_))) => {
                input.refuse("cursor", Rule::ConflictWith, "can't be combined with page")
            }
            (_, Some(Some(cursor))) => match self.open_cursor(cursor, &filter).await? {
                Ok(position) => Some((None, Start::After(position))),
                Err(_) => input.refuse(
                    "cursor",
                    Rule::Cursor,
                    "is not a cursor of this list, or is older than 7 days",
                ),
            },
            (Some(page), Some(None)) => {
                let page = page.unwrap_or(1);
                match (page - 1).saturating_mul(limit.unwrap_or(1) as u64) {
                    skipped if skipped <= PageRequest::MAX_SKIPPED => {
                        Some((Some(page), Start::Skip(skipped)))
                    }
                    _ => input.refuse(
                        "page",
                        Rule::Range,
                        "skips more than 10,000 rows; use cursor",
                    ),
                }
            }
            _ => None,
        };
        let request = limit.zip(start).map(|(limit, (page, start))| PageRequest {
            limit,
            page,
            start,
            numbered,
            filter,
        });
        input.finish(request.zip(filters))
    }

    /// The cursor's position.
    ///
    /// # Errors
    /// 503 where it can't be known now whether a newer generation sealed it.
    async fn open_cursor(
        &self,
        cursor: &str,
        filter: &str,
    ) -> Result<Result<String, InvalidCursor>, ApiError> {
        let cursors = self.cursors()?;
        let mut keys = cursors.current(self.now).await;
        if !keys.know(cursor) {
            let fresh = cursors.fresh(self.now).await;
            keys = fresh.map_err(ApiError::unavailable)?;
        }
        Ok(keys.open(&self.cursor_scope(filter)?, cursor, self.now))
    }

    /// The page as the client gets it. One that ends before its limit goes on with a cursor alone.
    ///
    /// # Errors
    /// 400 for such a page by its number: the next number's would not begin where it ends.
    pub async fn page<T, V>(
        &self,
        request: &PageRequest,
        listed: Listed<T>,
        view: impl FnMut(T) -> V,
    ) -> Result<Page<V>, ApiError> {
        let Listed {
            items,
            total,
            total_is_lower_bound,
            next,
            cut,
        } = listed;
        if cut && request.numbered {
            let message = "the page is too long for an answer; use a smaller limit, or cursor";
            return Err(Fault::new("?limit", Rule::Size, message).into());
        }
        let page = request.page.filter(|_| !cut);
        let next_cursor = match &next {
            None => None,
            Some(position) => {
                let sealed = self.cursors()?.current(self.now).await.seal(
                    &self.cursor_scope(&request.filter)?,
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
                page,
                limit: request.limit,
                total_pages: total
                    .filter(|_| !total_is_lower_bound && !cut)
                    .map(|total| total.div_ceil(limit)),
                has_next_page: next.is_some(),
                has_previous_page: page.map(|page| page > 1),
                next_cursor,
            },
        })
    }

    fn cursor_scope(&self, filter: &str) -> Result<CursorScope, ApiError> {
        let principal = self.principal()?;
        let company = principal.company().map(Owner::Company);
        let owner = company
            .or(principal.owner())
            .ok_or_else(|| ApiError::internal("the list is nobody's"))?;
        Ok(CursorScope {
            owner,
            operation: self.operation().route().operation,
            filter: filter.to_owned(),
        })
    }

    fn cursors(&self) -> Result<&Reloading<CursorKeys>, ApiError> {
        let cursors = self.app.cursors.as_deref();
        cursors.ok_or_else(|| ApiError::internal("this function has no cursor keys"))
    }
}
