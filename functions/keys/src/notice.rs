//! What the owner's people are told without asking.

use api::{ApiError, Call, Reply, retried};
use model::{NoticeId, NoticePatch, Rule};
use routes::keys::Operation;

pub(crate) async fn list(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let unread = input.parsed::<bool>("unread", Rule::Enum, "must be true or false");
    let (page, unread) = call.finish_list(input, unread).await?;
    let unread = unread.unwrap_or_default();
    let store = call.owner()?;
    let listed = store
        .list_notices(unread, &page.start, page.limit, call.now)
        .await?;
    let answer = call.page(&page, listed, |row| row.view()).await?;
    call.ok(&answer)
}

pub(crate) async fn update(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let (id, patch) = (
        input.id::<NoticeId>("noticeId"),
        input.body::<NoticePatch>(),
    );
    let (id, NoticePatch { read }) = input.finish(id.zip(patch))?;
    let store = call.owner()?;
    retried(|| async {
        let row = store.get_notice(id, call.now).await;
        let row = row.map_err(ApiError::or_not_found("notice", id))?;
        call.if_match().check(row.version)?;
        let row = match row.read == read {
            true => row,
            false => {
                let nonce = call.entropy().bytes();
                store.mark_notice(&row, read, call.now, nonce).await?
            }
        };
        Ok(call.ok(&row.view())?.version(row.version))
    })
    .await
}
