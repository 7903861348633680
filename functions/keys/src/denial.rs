//! Why a request was refused, for the members of its company.

use api::{ApiError, Call, Reply};
use routes::keys::Operation;
use std::str::FromStr;

pub(crate) async fn get(call: Call<'_, Operation>) -> Result<Reply, ApiError> {
    let mut input = call.input();
    let id = input.id::<RequestId>("requestId");
    let RequestId(id) = input.finish(id)?;
    let denial = call
        .owner()?
        .get_denial(&id)
        .await
        .map_err(ApiError::or_not_found("denial", &id))?;
    call.ok(&denial)
}

/// A request id as API Gateway makes them: 1 to 128 characters of Base64 and hyphens.
struct RequestId(String);

impl FromStr for RequestId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=+/".contains(&byte);
        ((1..=128).contains(&text.len()) && text.bytes().all(fits))
            .then(|| RequestId(text.to_owned()))
            .ok_or(())
    }
}
