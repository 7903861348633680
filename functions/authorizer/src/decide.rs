//! The loop around the pure decision: hint, decide, commit, and again on what the row turned out to be.

use auth::{
    Administering, AdministratorFacts, Commit, Counted, Decision, Grant, KeyFacts, Keyring,
    MemberFacts, Nonce, PresentedKey, Principal, Refusal, Who, decide_person,
};
use model::{Actor, ActorKind, CompanyId, KeyId, KeyKind, Owner, PersonId, RateLimit, Timestamp};
use std::sync::Arc;
use store::{Committed, LastUse, StoreError};

use crate::{Authorizer, AuthorizerError, event::Request, memory::Remember};

/// The row that a request is counted on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Key(KeyId),
    Member(PersonId, Owner),
    Person(PersonId),
    Administrator(PersonId),
}

/// A credential that is good by itself; what it may do says the row.
#[derive(Debug)]
pub(crate) enum Credential {
    Key {
        presented: PresentedKey,
        keyring: Arc<Keyring>,
    },
    /// A token that was verified; it says who the person is and nothing else.
    Person,
}

/// What a row says.
#[derive(Debug, Clone)]
pub(crate) enum Facts {
    Key(KeyFacts),
    Member(MemberFacts),
    Person(Counted),
    Administrator(AdministratorFacts),
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Passed(Principal),
    Refused(Refused),
    /// There is no such key.
    Unknown,
}

/// A refusal, of whom, and who may know.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    pub(crate) subject: Subject,
    pub(crate) told: Told,
}

/// Who is told of a refusal: the owner of a key, and of people whoever they are a live member of, however they named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Nobody,
    Owner(Owner),
    /// The owner that the request is about, if the person turns out to be its member.
    OwnerAsked,
}

impl Outcome {
    pub(crate) fn untold(refusal: Refusal, subject: Subject) -> Outcome {
        Outcome::Refused(Refused {
            refusal,
            subject,
            told: Told::Nobody,
        })
    }
}

impl Subject {
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Subject::Key(id) => Actor::key(*id),
            Subject::Member(id, _) | Subject::Person(id) => Actor {
                kind: ActorKind::User,
                id: id.to_string(),
            },
            Subject::Administrator(id) => Actor {
                kind: ActorKind::Admin,
                id: id.to_string(),
            },
        }
    }
}

/// How often a commit that met another row than it thought is decided again: a script that changes a key in a loop must not make the key's requests fail.
const MAX_AGAIN: u32 = 8;

impl Authorizer {
    pub(crate) async fn decide(
        &self,
        request: &Request,
        subject: &Subject,
        credential: &Credential,
    ) -> Result<Outcome, AuthorizerError> {
        let asked = &request.asked;
        let remember = Remember::new(subject, credential.digest(), asked);
        let nonce = Nonce(self.app.entropy.bytes());
        // On a route that no person may use, no row could say otherwise: that is found without the store.
        let in_vain = matches!(subject, Subject::Person(_))
            && !matches!(
                asked.route.access,
                routes::Access::Person | routes::Access::AnyPrincipal
            );
        let mut fresh = in_vain;
        let mut hint = if in_vain {
            Some(Facts::Person(Counted::default()))
        } else {
            self.memory.hint(subject)
        };
        let mut grant = None;
        let mut again = 0;
        loop {
            let facts = match hint.take() {
                Some(facts) => facts,
                None => {
                    fresh = true;
                    let Some(facts) = self.read(subject).await? else {
                        return Ok(self.nobody(subject));
                    };
                    self.memory
                        .learn(subject, facts.clone(), self.app.clock.now());
                    facts
                }
            };
            let now = self.app.clock.now();
            let commit = match facts.decide(credential, asked, grant, now) {
                Decision::Refuse(refusal) => {
                    // A hint may be out of date, so its word alone refuses nobody, unless the store said the same a moment ago.
                    let known = fresh || self.memory.confirms(&remember, &refusal, &facts, now);
                    if known {
                        if fresh {
                            self.memory.refused(remember, &facts, now);
                        }
                        return Ok(Outcome::Refused(Refused {
                            refusal,
                            subject: subject.clone(),
                            told: facts.told(),
                        }));
                    }
                    continue;
                }
                Decision::NeedGrant(company) => {
                    grant = Some(self.grant(&facts, company).await?);
                    hint = Some(facts);
                    continue;
                }
                Decision::Commit(commit) => commit,
            };
            let administering = commit.administering.as_ref();
            let last = LastUse {
                at: now,
                source_ip: asked.address.to_canonical().to_string(),
                operation: asked.route.operation.to_owned(),
                request_id: request.id.clone(),
                company: commit.company,
                partner: administering.and_then(|act| act.owner.partner()),
                reason: administering.map(|act| act.reason.to_string()),
                secret_suffix: commit.secret_suffix.clone(),
                user_agent: request.user_agent.clone(),
            };
            match self.commit(subject, &commit, nonce, &last).await? {
                Committed::Applied(row) => {
                    let principal = row.principal(subject, &commit, asked.route.operation, now);
                    self.memory.learn(subject, row, self.app.clock.now());
                    return Ok(Outcome::Passed(principal));
                }
                Committed::Refused(row) => {
                    again += 1;
                    if again > MAX_AGAIN {
                        return Err(AuthorizerError::Contended);
                    }
                    self.memory
                        .learn(subject, row.clone(), self.app.clock.now());
                    hint = Some(row);
                    fresh = true;
                    grant = None;
                }
                Committed::Missing => {
                    self.memory.forget(subject);
                    return Ok(self.nobody(subject));
                }
            }
        }
    }

    /// There is no row: a key that isn't ours, or a person who is no member.
    fn nobody(&self, subject: &Subject) -> Outcome {
        match subject {
            Subject::Key(_) => Outcome::Unknown,
            Subject::Member(..) | Subject::Person(_) => {
                Outcome::untold(auth::no_membership(), subject.clone())
            }
            Subject::Administrator(_) => Outcome::untold(auth::no_administrator(), subject.clone()),
        }
    }

    async fn read(&self, subject: &Subject) -> Result<Option<Facts>, StoreError> {
        let table = &self.app.table;
        Ok(match subject {
            Subject::Key(id) => table.find_key(*id).await?.map(|row| Facts::Key(row.facts)),
            Subject::Member(person, owner) => table
                .find_member(person, *owner)
                .await?
                .map(|row| Facts::Member(row.facts)),
            Subject::Administrator(person) => table
                .find_administrator(person)
                .await?
                .map(|row| Facts::Administrator(row.facts)),
            // The row is made by the first request, so that there is nothing to be read before.
            Subject::Person(person) => Some(Facts::Person(
                table
                    .find_person(person)
                    .await?
                    .map(|row| row.counted)
                    .unwrap_or_default(),
            )),
        })
    }

    async fn grant(&self, facts: &Facts, company: CompanyId) -> Result<Option<Grant>, StoreError> {
        match facts {
            Facts::Key(KeyFacts {
                owner: Owner::Partner(partner),
                ..
            }) => self.app.table.find_grant(*partner, company).await,
            _ => Ok(None),
        }
    }

    async fn commit(
        &self,
        subject: &Subject,
        commit: &Commit,
        nonce: Nonce,
        last: &LastUse,
    ) -> Result<Committed<Facts>, StoreError> {
        let table = &self.app.table;
        Ok(match subject {
            Subject::Key(id) => table
                .commit_key(*id, commit, nonce, last)
                .await?
                .map(|row| Facts::Key(row.facts)),
            Subject::Member(person, owner) => table
                .commit_member(person, *owner, commit, nonce, last)
                .await?
                .map(|row| Facts::Member(row.facts)),
            Subject::Administrator(person) => table
                .commit_administrator(person, commit, nonce, last)
                .await?
                .map(|row| Facts::Administrator(row.facts)),
            Subject::Person(person) => table
                .commit_person(person, commit, nonce, last)
                .await?
                .map(|row| Facts::Person(row.counted)),
        })
    }
}

impl Credential {
    /// Tells this credential from another of the same subject, for as long as the process lives.
    fn digest(&self) -> [u8; 16] {
        match self {
            Credential::Key { presented, keyring } => keyring.digest(presented),
            // Whichever token: it has no say in what a row refuses.
            Credential::Person => [0; 16],
        }
    }
}

impl Facts {
    fn decide(
        &self,
        credential: &Credential,
        asked: &auth::Asked,
        grant: Option<Option<Grant>>,
        now: Timestamp,
    ) -> Decision {
        match (self, credential) {
            (Facts::Key(facts), Credential::Key { presented, keyring }) => {
                facts.decide(presented, keyring, asked, grant, now)
            }
            (Facts::Member(facts), Credential::Person) => facts.decide(asked, now),
            (Facts::Administrator(facts), Credential::Person) => facts.decide(asked, now),
            (Facts::Person(counted), Credential::Person) => decide_person(counted, asked, now),
            // A subject is made from its own kind of credential.
            _ => Decision::Refuse(auth::no_membership()),
        }
    }

    pub(crate) fn counted(&self) -> &Counted {
        match self {
            Facts::Key(facts) => &facts.counted,
            Facts::Member(facts) => &facts.counted,
            Facts::Administrator(facts) => &facts.counted,
            Facts::Person(counted) => counted,
        }
    }

    fn told(&self) -> Told {
        match self {
            Facts::Key(facts) => Told::Owner(facts.owner),
            Facts::Member(facts) if facts.ended => Told::Nobody,
            Facts::Member(facts) => Told::Owner(facts.owner),
            Facts::Person(_) | Facts::Administrator(_) => Told::Owner(Owner::System),
        }
    }

    fn principal(
        &self,
        subject: &Subject,
        commit: &Commit,
        operation: &str,
        now: Timestamp,
    ) -> Principal {
        let (who, owner, limits) = match (self, subject) {
            (Facts::Key(facts), _) => (
                Who::Key {
                    id: facts.id,
                    kind: facts.kind,
                    secret_suffix: commit.secret_suffix.clone().unwrap_or_default(),
                },
                Some(facts.owner),
                facts.limits,
            ),
            (Facts::Member(facts), _) => (
                Who::Person {
                    id: facts.person.clone(),
                },
                Some(facts.owner),
                RateLimit::PERSON,
            ),
            (Facts::Administrator(facts), _) => {
                let id = facts.person.clone();
                match commit.administering.clone() {
                    Some(Administering { owner, reason }) => {
                        let who = Who::Administrator { id, reason };
                        (who, Some(owner), RateLimit::PERSON)
                    }
                    // Who gives no reason acts for nobody.
                    None => (Who::Person { id }, None, RateLimit::PERSON),
                }
            }
            (
                Facts::Person(_),
                Subject::Person(id) | Subject::Member(id, _) | Subject::Administrator(id),
            ) => (Who::Person { id: id.clone() }, None, RateLimit::PERSON),
            (Facts::Person(_), Subject::Key(id)) => (
                Who::Key {
                    id: *id,
                    kind: KeyKind::Standard,
                    secret_suffix: String::new(),
                },
                None,
                RateLimit::PERSON,
            ),
        };
        Principal::committed(who, owner, commit, operation, limits, self.counted(), now)
    }
}
