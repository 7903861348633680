//! One request of a browser: what it asks for, who it is, and where links lead.

use api::{App, DashboardUrl};
use auth::{SessionCookie, SessionKeys};
use lambda_http::{Request, aws_lambda_events::apigw::ApiGatewayProxyRequestContext};
use maud::{Markup, html};
use model::{Owner, Timestamp};
use routes::Operation;
use std::sync::Arc;
use url::form_urlencoded;

use crate::{
    Dashboard, Page,
    answer::{Cookies, Stop},
    session::{NoPage, Session},
};

pub(crate) struct Visit<'a> {
    pub(crate) dashboard: &'a Dashboard,
    pub(crate) page: Page,
    pub(crate) request: &'a Request,
    pub(crate) context: &'a ApiGatewayProxyRequestContext,
    pub(crate) now: Timestamp,
    /// Scheme, host and port of the dashboard.
    pub(crate) origin: String,
    /// In front of the path of every link: a stage, or nothing.
    pub(crate) base: String,
    loopback: bool,
    pub(crate) keys: Arc<SessionKeys>,
    pub(crate) session: Option<Session>,
}

impl<'a> Visit<'a> {
    pub(crate) async fn begin(
        dashboard: &'a Dashboard,
        page: Page,
        request: &'a Request,
        context: &'a ApiGatewayProxyRequestContext,
        place: DashboardUrl,
    ) -> Result<Visit<'a>, NoPage> {
        let now = dashboard.app.clock.now();
        let sessions = dashboard.app.sessions.as_deref().ok_or(NoPage::NoKeys)?;
        let DashboardUrl {
            origin,
            base,
            loopback,
        } = place;
        let mut visit = Visit {
            dashboard,
            page,
            request,
            context,
            now,
            origin,
            base,
            loopback,
            keys: sessions.current(now).await,
            session: None,
        };
        let cookie = visit.session_cookie();
        if cookie
            .as_ref()
            .is_some_and(|cookie| !visit.keys.know(cookie))
            || visit.began_unknown()
        {
            // Of a generation that this process may not have heard of yet.
            visit.keys = sessions.fresh(now).await?;
        }
        if let Some(cookie) = cookie {
            visit.session = Session::find(&visit, cookie).await?;
        }
        Ok(visit)
    }

    pub(crate) fn app(&self) -> &'a App {
        &self.dashboard.app
    }

    fn session_cookie(&self) -> Option<SessionCookie> {
        let sent = self.cookie(self.cookies().session_name());
        sent.and_then(SessionCookie::parse)
    }

    /// Whether a sign-in was begun by no secret that this process knows.
    fn began_unknown(&self) -> bool {
        let begun = self.cookie(self.cookies().sign_in_name());
        begun.is_some_and(|sealed| self.keys.open(sealed).is_none())
    }

    pub(crate) fn cookies(&self) -> Cookies {
        Cookies {
            loopback: self.loopback,
        }
    }

    /// A cookie's value, if it was sent once.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let sent = self.request.headers().get_all("cookie").iter();
        let pairs = sent
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// # Errors
    /// Nobody is signed in.
    pub(crate) fn session(&self) -> Result<&Session, Stop> {
        self.session.as_ref().ok_or(Stop::SignIn)
    }

    /// A parameter of the path.
    pub(crate) fn param(&self, name: &str) -> String {
        use lambda_http::RequestExt;
        self.request
            .path_parameters_ref()
            .and_then(|all| all.first(name))
            .map(|sent| api::path_parameter(sent).into_owned())
            .unwrap_or_default()
    }

    /// A parameter of the query, empty where there is none.
    #[expect(
        clippy::disallowed_methods,
        reason = "a page's own query; whose pages these are stands in the path, and the authorizer decides"
    )]
    pub(crate) fn query(&self, name: &str) -> String {
        use lambda_http::RequestExt;
        self.request
            .query_string_parameters_ref()
            .and_then(|all| all.first(name))
            .unwrap_or_default()
            .to_owned()
    }

    /// Whose pages these are.
    ///
    /// # Errors
    /// The path names nobody.
    pub(crate) fn owner(&self) -> Result<Owner, Stop> {
        let text = self.param("owner");
        let owner = match text.split_once('-') {
            Some(("c", id)) => id.parse().ok().map(Owner::Company),
            Some(("p", id)) => id.parse().ok().map(Owner::Partner),
            _ => None,
        };
        owner.ok_or(Stop::NotFound)
    }

    /// The link to a page; what its path doesn't name goes into the query.
    pub(crate) fn href(&self, page: Page, parameters: &[(&str, &str)]) -> String {
        let path = page.route().path;
        let mut link = self.base.clone();
        for part in path.split('/').skip(1) {
            link.push('/');
            match part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            {
                None => link.push_str(part),
                Some(name) => {
                    let given = parameters.iter().find(|(given, _)| *given == name);
                    let value = given.map(|(_, value)| *value).unwrap_or_default();
                    link.extend(form_urlencoded::byte_serialize(value.as_bytes()));
                }
            }
        }
        let rest = parameters
            .iter()
            .filter(|(name, value)| !value.is_empty() && !path.contains(&format!("{{{name}}}")));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(rest);
        let query = query.finish();
        match query.is_empty() {
            true => link,
            false => format!("{link}?{query}"),
        }
    }

    /// As [`Visit::href`], within the owner whose pages these are.
    pub(crate) fn owned(&self, page: Page, parameters: &[(&str, &str)]) -> String {
        let owner = self.param("owner");
        let mut all = vec![("owner", owner.as_str())];
        all.extend_from_slice(parameters);
        self.href(page, &all)
    }

    /// Where to sign in, and to come back from to this page.
    pub(crate) fn sign_in(&self) -> String {
        let to = self.return_to();
        self.href(Page::SignIn, &[("to", &to)])
    }

    /// The same, to show anew who one is.
    pub(crate) fn sign_in_again(&self) -> String {
        let to = self.return_to();
        self.href(Page::SignIn, &[("to", &to), ("again", "1")])
    }

    /// The page that a form stands on.
    pub(crate) fn above(&self) -> String {
        self.returned_to(&self.return_to())
    }

    /// A page's name and its ids, never a URL; a form's is the page of its own path, or else the one above, where it stands.
    fn return_to(&self) -> String {
        let read = match self.page.route().method.is_read() {
            true => Some(self.page),
            false => {
                let path = self.page.route().path;
                let above = path.rsplit_once('/').map_or(path, |(above, _)| above);
                Page::find("GET", path).or_else(|| Page::find("GET", above))
            }
        };
        let page = read.unwrap_or(Page::Home);
        let mut text = page.route().operation.to_owned();
        for name in page.route().parameters() {
            text.push('~');
            text.push_str(&self.param(name));
        }
        text
    }

    /// The link that [`Visit::return_to`] names; home where it names none.
    pub(crate) fn returned_to(&self, text: &str) -> String {
        let mut parts = text.split('~');
        let name = parts.next().unwrap_or_default();
        let page = Page::ALL
            .iter()
            .map(|(page, _)| *page)
            .find(|page| page.route().operation == name && page.route().method.is_read());
        let page = match page {
            // Nobody comes from there.
            Some(Page::SignIn | Page::SignInCallback) | None => Page::Home,
            Some(page) => page,
        };
        let ids: Vec<_> = page.route().parameters().zip(parts).collect();
        match ids.len() == page.route().parameters().count() {
            true => self.href(page, &ids),
            false => self.href(Page::Home, &[]),
        }
    }

    /// The hidden members of every form.
    pub(crate) fn form_proof(&self) -> Markup {
        let Some(session) = &self.session else {
            return html! {};
        };
        let once = self.app().entropy.bytes::<16>();
        let once = model::hex(&once);
        let token = self.keys.form_token(&session.cookie, &once);
        html! {
            input type="hidden" name="token" value=[token];
            input type="hidden" name="once" value=(once);
        }
    }
}
