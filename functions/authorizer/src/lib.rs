//! The authorizer: one decision and one conditional write for each request.
//!
//! Invariant: it allows only what a write that was applied has proved; a fault of ours makes it fail, never allow and never 401; a credential never reaches a log.
//! Knows nothing of what an operation does.

mod answer;
#[expect(
    clippy::disallowed_methods,
    reason = "here, and nowhere else, who asks is looked up and their request counted"
)]
mod decide;
mod event;
mod memory;
#[expect(
    clippy::disallowed_methods,
    reason = "here, and nowhere else, requests are refused"
)]
mod refuse;

pub use answer::AuthorizerAnswer;

use api::{App, NotReadAgain, Unbelieved};
use auth::{AccessToken, Answer, Capacity, Context, Keyring, PresentedKey};
use model::PersonId;
use routes::{Access, Route};
use serde::Deserializer;
use serde_json::Value;
use std::{fmt, sync::Arc};
use store::StoreError;

use crate::{
    answer::{allow, refuse_to_pass},
    decide::{Credential, Outcome, Refused, Subject, Told},
    event::{Bearer, Request},
    memory::Memory,
};

/// One process's authorizer: the tables, and what it remembers of them.
pub struct Authorizer {
    app: App,
    memory: Memory,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizerError {
    /// The one 401. API Gateway knows it by exactly this text.
    #[error("Unauthorized")]
    Unauthorized,
    #[error("the event can't be read: {0}")]
    Event(&'static str),
    #[error("no keyring")]
    NoKeyring,
    #[error("no issuer")]
    NoIssuer,
    #[error("the keyring: {0}")]
    Keyring(#[from] NotReadAgain),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the issuer's keys are unavailable")]
    Issuer,
    /// The row changed under every try.
    #[error("the row kept changing")]
    Contended,
}

impl Authorizer {
    /// `app` needs a keyring for keys, and an issuer for people's tokens.
    pub fn new(app: App) -> Authorizer {
        Authorizer {
            app,
            memory: Memory::default(),
        }
    }

    /// Decides on API Gateway's REQUEST event: of its JSON the few members that count are read, and no tree is made of it.
    ///
    /// # Errors
    /// `Unauthorized` for the one 401; everything else is a failure, which API Gateway answers with 503.
    pub async fn authorize<'de>(
        &self,
        event: impl Deserializer<'de>,
    ) -> Result<AuthorizerAnswer, AuthorizerError> {
        let request = Request::read(event)?;
        let answer = match &request.bearer {
            Bearer::Key(text) => self.authorize_key(&request, text).await,
            Bearer::Token(text) => self.authorize_person(&request, text).await,
            Bearer::None => {
                tracing::info!(request_id = request.id, why = "no usable bearer", "refused");
                Err(AuthorizerError::Unauthorized)
            }
        };
        if let Err(fault) = &answer
            && !matches!(fault, AuthorizerError::Unauthorized)
        {
            // The alarm counts this line, not Lambda's errors, of which every 401 is one.
            tracing::error!(request_id = request.id, fault = %fault, "authorizer fault");
        }
        answer
    }

    /// Decides on what somebody asks who was recognised without a bearer, by a session: the same decision, write and record, and the context that `api::respond` reads.
    ///
    /// `event`: as the gateway's, of a request for `route`, which need not be one of the API's.
    ///
    /// # Errors
    /// A fault of ours; nobody who is signed in gets the 401.
    pub async fn admit(
        &self,
        route: &'static Route,
        event: Value,
        person: &AccessToken,
    ) -> Result<Context, AuthorizerError> {
        let request = Request::signed_in(route, event)?;
        Ok(match self.decide_person(&request, person).await? {
            Outcome::Passed(principal) => (&principal).into(),
            Outcome::Unknown => return Err(AuthorizerError::Unauthorized),
            Outcome::Refused(refused) => {
                self.keep(&request, &refused).await;
                let context = refused.refusal.context(self.app.clock.now());
                context.ok_or(AuthorizerError::Unauthorized)?
            }
        })
    }

    async fn authorize_key(
        &self,
        request: &Request,
        text: &str,
    ) -> Result<AuthorizerAnswer, AuthorizerError> {
        let presented = match PresentedKey::parse(text) {
            Some(presented) => self.verified(presented).await?,
            None => None,
        };
        let Some((presented, keyring)) = presented else {
            // Junk and forgeries cost no I/O: no row could explain them to anybody.
            tracing::info!(
                request_id = request.id,
                why = "forged or malformed key",
                "refused"
            );
            return Err(AuthorizerError::Unauthorized);
        };
        let subject = Subject::Key(presented.id());
        let outcome = self
            .decide(request, &subject, &Credential::Key { presented, keyring })
            .await?;
        self.answer(request, outcome).await
    }

    /// The key with the keyring that its tag fits.
    async fn verified(
        &self,
        presented: PresentedKey,
    ) -> Result<Option<(PresentedKey, Arc<Keyring>)>, AuthorizerError> {
        let keyring = self
            .app
            .keyring
            .as_deref()
            .ok_or(AuthorizerError::NoKeyring)?;
        let now = self.app.clock.now();
        let mut known = keyring.current(now).await;
        if known.verify_tag(&presented).is_none() {
            // Others may know a newer generation; only a fresh keyring may call a tag a forgery.
            known = keyring.fresh(now).await?;
        }
        let ours = known.verify_tag(&presented).is_some();
        Ok(ours.then_some((presented, known)))
    }

    async fn authorize_person(
        &self,
        request: &Request,
        text: &str,
    ) -> Result<AuthorizerAnswer, AuthorizerError> {
        let token = self.verify(request, text).await?;
        let outcome = self.decide_person(request, &token).await?;
        self.answer(request, outcome).await
    }

    async fn decide_person(
        &self,
        request: &Request,
        token: &AccessToken,
    ) -> Result<Outcome, AuthorizerError> {
        let person = PersonId::new(&token.issuer, &token.subject);
        match self.membership(request, token, &person).await? {
            Ok(subject) => self.decide(request, &subject, &Credential::Person).await,
            Err(outcome) => Ok(outcome),
        }
    }

    async fn verify(&self, request: &Request, text: &str) -> Result<AccessToken, AuthorizerError> {
        let issuer = self.app.issuer.as_deref();
        let issuer = issuer.ok_or(AuthorizerError::NoIssuer)?;
        let read = issuer.access_token(text, self.app.clock.now()).await;
        read.map_err(|unbelieved| match unbelieved {
            Unbelieved::Refused(why) => {
                tracing::info!(request_id = request.id, why = %why, "refused");
                AuthorizerError::Unauthorized
            }
            Unbelieved::Unavailable(_) => AuthorizerError::Issuer,
        })
    }

    /// The row that a person's request is decided on, or the refusal where there is none to decide on.
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever names no owner acts for the only one that they have"
    )]
    async fn membership(
        &self,
        request: &Request,
        token: &AccessToken,
        person: &PersonId,
    ) -> Result<Result<Subject, Outcome>, AuthorizerError> {
        let asked = &request.asked;
        let untold = |refusal| Outcome::untold(refusal, Subject::Person(person.clone()));
        match asked.capacity() {
            Capacity::Administrator => {
                let stale = auth::stale_sign_in(token, asked, self.app.clock.now());
                return Ok(match stale {
                    Some(refusal) => Err(untold(refusal)),
                    None => Ok(Subject::Administrator(person.clone())),
                });
            }
            // Whatever else the person may be: who gives a reason acts as an administrator.
            Capacity::NotForAdministrators
                if matches!(asked.route.access, Access::Role(_) | Access::Person) =>
            {
                return Ok(Err(untold(auth::no_membership())));
            }
            _ if !matches!(asked.route.access, Access::Role(_)) => {
                return Ok(Ok(Subject::Person(person.clone())));
            }
            _ => {}
        }
        if let Some(refusal) = auth::stale_sign_in(token, asked, self.app.clock.now()) {
            return Ok(Err(Outcome::Refused(Refused {
                refusal,
                subject: Subject::Person(person.clone()),
                told: Told::OwnerAsked,
            })));
        }
        let owner = match auth::named_owner(asked) {
            Ok(owner) => owner,
            Err(refusal) => return Ok(Err(untold(refusal))),
        };
        if let Some(owner) = owner {
            return Ok(Ok(Subject::Member(person.clone(), owner)));
        }
        let mut rows = self.app.table.list_memberships(person).await?;
        Ok(match (rows.pop(), rows.is_empty()) {
            (None, _) => Err(untold(auth::no_membership())),
            (Some(only), true) => {
                let subject = Subject::Member(person.clone(), only.facts.owner);
                self.memory.learn(
                    &subject,
                    decide::Facts::Member(only.facts),
                    self.app.clock.now(),
                );
                Ok(subject)
            }
            (Some(_), false) => Err(untold(auth::several_memberships())),
        })
    }

    async fn answer(
        &self,
        request: &Request,
        outcome: Outcome,
    ) -> Result<AuthorizerAnswer, AuthorizerError> {
        match outcome {
            Outcome::Passed(principal) => {
                tracing::debug!(
                    request_id = request.id,
                    caller = principal.id(),
                    operation = principal.operation(),
                    "accepted"
                );
                Ok(allow(request, &principal))
            }
            Outcome::Unknown => {
                tracing::info!(request_id = request.id, why = "no such key", "refused");
                Err(AuthorizerError::Unauthorized)
            }
            Outcome::Refused(refused) => {
                self.keep(request, &refused).await;
                match refused.refusal.answer {
                    Answer::Unauthorized => Err(AuthorizerError::Unauthorized),
                    Answer::Forbidden(_) | Answer::Verdict(_) => Ok(refuse_to_pass(
                        request,
                        &refused.refusal,
                        &refused.subject.actor().id,
                        self.app.clock.now(),
                    )),
                }
            }
        }
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").finish_non_exhaustive()
    }
}
