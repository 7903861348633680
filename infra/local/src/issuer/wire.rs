//! The issuer's endpoints.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::HashMap;
use url::{Url, form_urlencoded};

use super::{CLIENT_ID, Issuer, TOKEN_SECONDS, Tokens, codes::Grant};
use crate::{
    html::escaped,
    loopback::is_loopback,
    message::{HttpRequest, HttpResponse},
};

impl Issuer {
    pub fn handle(&self, request: &HttpRequest) -> HttpResponse {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/.well-known/openid-configuration") => json_response(200, &self.discovery()),
            ("GET", "/.well-known/jwks.json") => json_response(200, &self.jwks()),
            ("GET", "/authorize") => self.ask(&form(request.query.as_bytes())),
            ("POST", "/authorize") => self.signed_in(&form(&request.body)),
            ("POST", "/token") => self.token(&form(&request.body)),
            _ => json_response(404, &json!({ "error": "not_found" })),
        }
    }

    fn discovery(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": self.jwks_url(),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "scopes_supported": ["openid", "email"],
            "token_endpoint_auth_methods_supported": ["none"],
            "grant_types_supported": ["authorization_code", "password"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["sub", "email", "email_verified"],
        })
    }

    /// Shows the form.
    ///
    /// There is no session here: who comes is always asked for the password, so `prompt=login` and every `max_age` are kept by themselves, and `auth_time` is the moment of the form.
    fn ask(&self, parameters: &Form) -> HttpResponse {
        match Sign::read(parameters) {
            Err(problem) => problem,
            Ok(sign) if sign.prompt == "none" => sign.refuse("login_required"),
            Ok(sign) => sign.page(200, ""),
        }
    }

    fn signed_in(&self, parameters: &Form) -> HttpResponse {
        let sign = match Sign::read(parameters) {
            Ok(sign) => sign,
            Err(problem) => return problem,
        };
        let email = text(parameters, "email").trim().to_lowercase();
        if !self.knows(&email, text(parameters, "password")) {
            return sign.page(401, "Unknown address or wrong password.");
        }
        let code = BASE64_URL_SAFE_NO_PAD.encode(self.entropy.bytes::<32>());
        let grant = Grant {
            email,
            redirect_uri: sign.redirect_uri.to_owned(),
            scope: sign.scope.to_owned(),
            nonce: sign.nonce.map(str::to_owned),
            challenge: sign.challenge.to_owned(),
            signed_in: self.clock.now(),
        };
        self.codes.put(code.clone(), grant);
        sign.redirect(&[("code", &code)])
    }

    fn token(&self, parameters: &Form) -> HttpResponse {
        let refused = |error: &str| json_response(400, &json!({ "error": error }));
        if text(parameters, "client_id") != CLIENT_ID {
            return refused("invalid_client");
        }
        let now = self.clock.now();
        let tokens = match text(parameters, "grant_type") {
            "authorization_code" => {
                let field = |name| text(parameters, name);
                let grant = self.codes.take(
                    field("code"),
                    field("redirect_uri"),
                    field("code_verifier"),
                    now,
                );
                grant.map(|grant| {
                    self.tokens(
                        &grant.email,
                        grant.signed_in,
                        &grant.scope,
                        grant.nonce.as_deref(),
                    )
                })
            }
            "password" => {
                let email = text(parameters, "username").trim().to_lowercase();
                let known = self.knows(&email, text(parameters, "password"));
                known.then(|| self.tokens(&email, now, "aws.cognito.signin.user.admin", None))
            }
            _ => return refused("unsupported_grant_type"),
        };
        let Some(Tokens {
            access_token,
            id_token,
        }) = tokens
        else {
            return refused("invalid_grant");
        };
        let body = json!({
            "access_token": access_token,
            "id_token": id_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
        });
        json_response(200, &body)
    }
}

/// A sign-in that was asked for, checked as far as possible without the person.
struct Sign<'f> {
    redirect_uri: &'f str,
    /// Parsed, for appending to.
    target: Url,
    state: &'f str,
    scope: &'f str,
    nonce: Option<&'f str>,
    challenge: &'f str,
    prompt: &'f str,
    max_age: &'f str,
}

impl<'f> Sign<'f> {
    /// # Errors
    /// A page where the client can't be trusted with an answer, else a redirection that tells it.
    fn read(form: &'f Form) -> Result<Sign<'f>, HttpResponse> {
        let field = |name| text(form, name);
        let untrusted = |problem| page(400, "", &format!("<p>{problem}</p>"));
        if field("client_id") != CLIENT_ID {
            return Err(untrusted("Unknown client_id."));
        }
        let target = Url::parse(field("redirect_uri"))
            .ok()
            .filter(|url| url.scheme() == "http" && is_loopback(url) && url.fragment().is_none())
            .ok_or_else(|| untrusted("The redirect_uri must be http on this machine."))?;
        let sign = Sign {
            redirect_uri: field("redirect_uri"),
            target,
            state: field("state"),
            scope: field("scope"),
            nonce: form.get("nonce").map(String::as_str),
            challenge: field("code_challenge"),
            prompt: field("prompt"),
            max_age: field("max_age"),
        };
        let openid = sign.scope.split(' ').any(|scope| scope == "openid");
        if field("response_type") != "code" {
            Err(sign.refuse("unsupported_response_type"))
        } else if !openid {
            Err(sign.refuse("invalid_scope"))
        } else if field("code_challenge_method") != "S256" || sign.challenge.len() != 43 {
            Err(sign.refuse("invalid_request"))
        } else {
            Ok(sign)
        }
    }

    fn refuse(&self, error: &str) -> HttpResponse {
        self.redirect(&[("error", error)])
    }

    fn redirect(&self, pairs: &[(&str, &str)]) -> HttpResponse {
        let mut target = self.target.clone();
        target.query_pairs_mut().extend_pairs(pairs);
        if !self.state.is_empty() {
            target.query_pairs_mut().append_pair("state", self.state);
        }
        secured(HttpResponse::new(303, "text/plain", ""), "'self'")
            .with("location", target.as_str())
    }

    fn page(&self, status: u16, problem: &str) -> HttpResponse {
        let fields = [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", self.redirect_uri),
            ("scope", self.scope),
            ("state", self.state),
            ("code_challenge", self.challenge),
            ("code_challenge_method", "S256"),
            ("prompt", self.prompt),
            ("max_age", self.max_age),
        ];
        let nonce = self.nonce.map(|nonce| ("nonce", nonce));
        let hidden: String = fields
            .into_iter()
            .chain(nonce)
            .map(|(name, value)| {
                format!(
                    "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
                    escaped(value)
                )
            })
            .collect();
        let content = format!(
            "<p>{problem}</p><form method=\"post\" action=\"/authorize\">{hidden}\
             <p><label>E-mail<br><input name=\"email\" type=\"email\" autocomplete=\"username\" required autofocus></label></p>\
             <p><label>Password<br><input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label></p>\
             <p><button>Sign in</button></p></form>"
        );
        // A browser checks form-action against the redirection as well.
        page(
            status,
            &self.target.origin().ascii_serialization(),
            &content,
        )
    }
}

fn page(status: u16, form_target: &str, content: &str) -> HttpResponse {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Sign in (development)</title>\
         <style>:root{{color-scheme:light dark}}body{{background:Canvas;color:CanvasText;font:1rem/1.5 system-ui;max-width:22rem;margin:4rem auto;padding:0 1rem}}\
         input{{font:inherit;width:100%;box-sizing:border-box}}button{{font:inherit}}</style>\
         <main><h1>Sign in</h1><p>Development issuer: the users stand in <code>local.json</code>.</p>{content}</main></html>"
    );
    secured(
        HttpResponse::new(status, "text/html; charset=utf-8", html),
        &format!("'self' {form_target}"),
    )
}

fn json_response(status: u16, body: &Value) -> HttpResponse {
    secured(
        HttpResponse::new(status, "application/json", body.to_string()),
        "'none'",
    )
}

fn secured(response: HttpResponse, form_action: &str) -> HttpResponse {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    );
    response
        .with("cache-control", "no-store")
        .with("content-security-policy", &policy)
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "same-origin")
}

type Form = HashMap<String, String>;

fn form(encoded: &[u8]) -> Form {
    form_urlencoded::parse(encoded).into_owned().collect()
}

fn text<'f>(form: &'f Form, name: &str) -> &'f str {
    form.get(name).map(String::as_str).unwrap_or_default()
}
