//! Signing in at the issuer: OpenID Connect's code flow with PKCE.
//!
//! What a sign-in begins with (`state`, `nonce`, the verifier, where to come back to) is sealed into a cookie of ten minutes, so that nothing is stored for whoever only looks at the form.

use api::{App, DashboardUrl, HttpAnswer, HttpCall, HttpFailed, SignIn, Unbelieved};
use auth::IdToken;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::Duration;
use lambda_http::{
    Request, RequestExt, aws_lambda_events::apigw::ApiGatewayProxyRequestContext, http::header,
};
use maud::html;
use model::Timestamp;
use openidconnect::{
    AsyncHttpClient, AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, IssuerUrl, JsonWebKeySet, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
    core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient},
    url::ParseError,
};
use routes::Operation;
use serde::{Deserialize, Serialize};
use std::{pin::Pin, sync::Arc};
use store::SessionRow;

use crate::{
    Page,
    answer::{Answer, Stop},
    form::Form,
    parts,
    session::fault,
    visit::Visit,
};

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What a sign-in begins with.
#[derive(Serialize, Deserialize)]
struct Begun {
    state: String,
    nonce: String,
    verifier: String,
    to: String,
    at: i64,
    /// Who has to show anew who they are; nobody else is let in by this sign-in.
    again: Option<String>,
}

const LASTS: Duration = Duration::minutes(10);
/// How old the issuer's word may be where somebody had to sign in anew.
const FRESHLY: Duration = Duration::minutes(2);

/// Where the dashboard is reached.
pub(crate) fn place(app: &App, context: &ApiGatewayProxyRequestContext) -> DashboardUrl {
    let configured = app.sign_in.as_ref();
    if let Some(url) = configured.and_then(|sign_in| sign_in.dashboard_url.as_ref()) {
        return url.clone();
    }
    let domain = context.domain_name.as_deref().unwrap_or_default();
    let stage = context.stage.as_deref().unwrap_or_default();
    // A domain of one's own stands for the stage; the gateway's own name has it in the path.
    let stage = match domain.contains(".execute-api.") {
        true => stage,
        false => "",
    };
    DashboardUrl::of_gateway(domain, stage)
}

/// A page under another name of this machine, as it is under the one that the sign-in comes back to: a cookie that is set here would not be sent there.
///
/// On loopback alone: what stands in front of a deployed gateway may call it by another name than browsers do.
pub(crate) fn elsewhere(place: &DashboardUrl, page: Page, request: &Request) -> Option<Answer> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let same = place.origin.ends_with(&format!("://{host}"));
    if !place.loopback || same || !page.route().method.is_read() {
        return None;
    }
    let path = request.raw_http_path();
    let query = request.uri().query();
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    Some(Answer::see(&format!("{}{path}{query}", place.origin)))
}

fn config<'a>(visit: &Visit<'a>) -> Result<&'a SignIn, Stop> {
    let config = visit.dashboard.app.sign_in.as_ref();
    config.ok_or_else(|| broken("nobody can sign in here"))
}

fn client(visit: &Visit<'_>) -> Result<Client, Stop> {
    let config = config(visit)?;
    let back = format!("{}{}", visit.origin, visit.href(Page::SignInCallback, &[]));
    let client = || {
        let client = CoreClient::new(
            ClientId::new(config.client_id.clone()),
            IssuerUrl::new(config.issuer.clone())?,
            JsonWebKeySet::default(),
        );
        Ok(client
            .set_auth_uri(AuthUrl::new(config.authorize_url.clone())?)
            .set_token_uri(TokenUrl::new(config.token_url.clone())?)
            .set_redirect_uri(RedirectUrl::new(back)?))
    };
    client().map_err(|error: ParseError| broken(error))
}

/// Leaves for the issuer.
pub(crate) fn begin(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let random = || BASE64_URL_SAFE_NO_PAD.encode(visit.app().entropy.bytes::<32>());
    let again = match (&visit.session, visit.query("again").is_empty()) {
        (Some(session), false) => Some(session.row.subject.clone()),
        _ => None,
    };
    let begun = Begun {
        state: random(),
        nonce: random(),
        verifier: random(),
        to: visit.query("to"),
        at: visit.now.millis(),
        again,
    };
    let client = client(visit)?;
    let verifier = PkceCodeVerifier::new(begun.verifier.clone());
    let (state, nonce) = (begun.state.clone(), begun.nonce.clone());
    let mut request = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(state),
            || Nonce::new(nonce),
        )
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        // Who has signed out here is signed in at the issuer still: without this the next at the same browser would be let in as them.
        .add_prompt(CoreAuthPrompt::Login);
    if begun.again.is_some() {
        request = request.set_max_age(std::time::Duration::ZERO);
    }
    let (url, _, _) = request.url();
    let sealed = serde_json::to_string(&begun).map_err(broken)?;
    let cookie = visit.cookies().sign_in(&visit.keys.seal(&sealed));
    Ok(Answer::see(url.as_str()).with(header::SET_COOKIE, cookie))
}

/// Comes back from the issuer: a new session, whoever was signed in before.
pub(crate) async fn complete(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let Some(begun) = begun(visit) else {
        return Ok(failed(
            visit,
            "This sign-in was not begun here, or took longer than ten minutes.",
        ));
    };
    let code = visit.query("code");
    if code.is_empty() || visit.query("state") != begun.state {
        return Ok(failed(visit, "The issuer has let nobody in."));
    }
    let id = match redeemed(visit, &begun, code).await? {
        Some(id) => id,
        None => return Ok(failed(visit, "The issuer's answer can't be taken.")),
    };
    let Some(auth_time) = Timestamp::from_millis(id.auth_time) else {
        return Ok(failed(visit, "The issuer's answer can't be taken."));
    };
    if let Some(subject) = &begun.again
        && (*subject != id.subject || visit.now.since(auth_time) > FRESHLY)
    {
        return Ok(failed(
            visit,
            "Somebody else has signed in, or nobody anew.",
        ));
    }
    let random = || visit.app().entropy.bytes();
    let cookie = visit.keys.cookie(random(), random());
    let Some(name) = visit.keys.name(&cookie) else {
        return Err(broken("a new cookie has no name"));
    };
    let row = SessionRow {
        name,
        issuer: id.issuer,
        subject: id.subject,
        email: id.verified_email,
        auth_time,
        created_at: visit.now,
        seen_at: visit.now,
        roles: Vec::new(),
        reason: None,
    };
    let table = &visit.app().table;
    let created = table.create_session(&row, visit.nonces());
    created.await.map_err(fault)?;
    if visit.session.is_some() {
        visit.end_session().await?;
    }
    let cookies = visit.cookies();
    Ok(Answer::see(&visit.returned_to(&begun.to))
        .with(header::SET_COOKIE, cookies.session(&cookie))
        .with(header::SET_COOKIE, cookies.signed_in()))
}

/// Ends this session.
pub(crate) async fn end(visit: &Visit<'_>) -> Result<Answer, Stop> {
    Form::read(visit)?;
    visit.end_session().await?;
    Ok(signed_out(visit))
}

/// Ends all sessions of the person.
pub(crate) async fn end_all(visit: &Visit<'_>) -> Result<Answer, Stop> {
    Form::read(visit)?;
    let person = visit.session()?.row.person();
    visit.end_sessions_of(&person).await?;
    // More than the list holds there are none, and this one ends in any case.
    visit.end_session().await?;
    Ok(signed_out(visit))
}

fn signed_out(visit: &Visit<'_>) -> Answer {
    Answer::see(&visit.href(Page::Home, &[])).with(header::SET_COOKIE, visit.cookies().ended())
}

fn begun(visit: &Visit<'_>) -> Option<Begun> {
    let sealed = visit.cookie(visit.cookies().sign_in_name())?;
    let begun: Begun = serde_json::from_str(&visit.keys.open(sealed)?).ok()?;
    let at = Timestamp::from_millis(begun.at)?;
    (visit.now.since(at) < LASTS).then_some(begun)
}

/// Who the issuer says has signed in; `None` where it says nothing that can be believed.
async fn redeemed(visit: &Visit<'_>, begun: &Begun, code: String) -> Result<Option<IdToken>, Stop> {
    let call = Arc::clone(&config(visit)?.call);
    let token = id_token(client(visit)?, call, code, begun.verifier.clone()).await;
    let Some(token) = token.map_err(|failed| fault(api::ApiError::unavailable(failed)))? else {
        return Ok(None);
    };
    let issuer = visit.app().issuer.as_deref();
    let issuer = issuer.ok_or_else(|| broken("no issuer is configured"))?;
    match issuer.id_token(&token, visit.now).await {
        Ok(id) => Ok(Some(id).filter(|id| id.nonce.as_deref() == Some(begun.nonce.as_str()))),
        Err(Unbelieved::Refused(why)) => {
            tracing::info!(%why, "an ID token was refused");
            Ok(None)
        }
        Err(Unbelieved::Unavailable(error)) => Err(fault(api::ApiError::unavailable(error))),
    }
}

/// The ID token for a code. Boxed, and of nothing borrowed: the compiler can't see otherwise that it may move between threads.
fn id_token(client: Client, call: HttpCall, code: String, verifier: String) -> Redeeming {
    Box::pin(async move {
        let http = Http(call);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier));
        match exchange.request_async(&http).await {
            Ok(tokens) => Ok(tokens.id_token().map(ToString::to_string)),
            Err(RequestTokenError::Request(failed)) => Err(failed),
            Err(refused) => {
                tracing::info!(why = refused.to_string(), "no tokens for a code");
                Ok(None)
            }
        }
    })
}

/// A type of its own, because the compiler sees of no closure that its future may move between threads.
struct Http(HttpCall);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpFailed;
    type Future = HttpAnswer;

    fn call(&'c self, request: HttpRequest) -> HttpAnswer {
        (self.0)(request)
    }
}

type Redeeming = Pin<Box<dyn Future<Output = Result<Option<String>, HttpFailed>> + Send>>;

fn failed(visit: &Visit<'_>, why: &str) -> Answer {
    let text = html! {
        p { (why) }
        p { a.button.primary href=(visit.href(Page::SignIn, &[])) { "Sign in" } }
    };
    Answer::page(400, parts::bare(&visit.base, "You are not signed in", text))
        .with(header::SET_COOKIE, visit.cookies().signed_in())
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Stop {
    fault(api::ApiError::internal(error))
}
