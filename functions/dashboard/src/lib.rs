//! The dashboard: pages that people manage keys on, without a line of script being needed.
//!
//! Invariant: it has no rule of its own about who may do what. Whatever a page shows or a form does is asked of the API's own handlers, through the same decision, write and record as a request from outside; only who asks is read from a session instead of a bearer.
//! Knows nothing of tables but its sessions', and nothing of keys, chains or roles but what the API says of them.

mod answer;
mod ask;
mod chart;
mod form;
mod inner;
mod pages;
mod parts;
mod session;
mod sign_in;
mod visit;

use api::{App, StreamedBody, request_id};
use authorizer::Authorizer;
use lambda_http::{Request, RequestExt, Response, request::RequestContext};
use routes::{Operation, pages::dashboard::Operation as Page};
use std::fmt;

use crate::{answer::Answer, visit::Visit};

/// One process's dashboard.
pub struct Dashboard {
    app: App,
    authorizer: Authorizer,
}

impl Dashboard {
    /// `app` needs whatever the functions need that people use, sessions, and where people sign in.
    pub fn new(app: App) -> Dashboard {
        Dashboard {
            authorizer: Authorizer::new(app.clone()),
            app,
        }
    }

    /// Answers an event of API Gateway.
    #[expect(
        clippy::disallowed_methods,
        reason = "no authorizer was asked about a page: nothing of the context is believed but the gateway's own words"
    )]
    pub async fn answer(&self, request: Request) -> Response<StreamedBody> {
        let RequestContext::ApiGatewayV1(context) = request.request_context() else {
            return Answer::not_found("").response("");
        };
        let id = request_id(&context).to_owned();
        let place = sign_in::place(&self.app, &context);
        let base = place.base.clone();
        let path = context.resource_path.as_deref().unwrap_or_default();
        let Some(page) = Page::find(context.http_method.as_str(), path) else {
            return Answer::not_found(&base).response(&id);
        };
        if page == Page::Asset {
            let asset = pages::assets::answer(&request);
            let asset = asset.unwrap_or_else(|| Answer::not_found(&base));
            return asset.response(&id);
        }
        if let Some(answer) = sign_in::elsewhere(&place, page, &request) {
            return answer.response(&id);
        }
        let begun = self.app.clock.now();
        let visit = Visit::begin(self, page, &request, &context, place).await;
        let answer = match &visit {
            Ok(visit) => match pages::answer(visit).await {
                Ok(answer) => answer,
                Err(stop) => stop.answer(visit),
            },
            Err(fault) => Answer::unavailable(&base, fault),
        };
        let millis = self.app.clock.now().since(begun).num_milliseconds();
        let (status, operation) = (answer.status, page.route().operation);
        tracing::info!(
            operation,
            status,
            request_id = id,
            millis,
            "answered a browser"
        );
        answer.response(&id)
    }
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard").finish_non_exhaustive()
    }
}
