//! Who a caller is and what it may reach: the key format, its secrets, access tokens, the policy document.
//!
//! Invariant: everything here is a pure function of its arguments; a secret is never shown by `Debug`, and is zeroized when dropped.
//! Knows nothing of AWS clients, HTTP, storage, the clock or the source of randomness; instants are milliseconds since the Unix epoch.

mod api_key;
mod decision;
mod invitation;
mod keyring;
mod policy;
mod principal;
mod session;
mod token;

#[cfg(test)]
mod seeded;

pub use api_key::{PlainKey, PresentedKey, key_prefix};
pub use decision::{
    Administering, AdministratorFacts, Answer, Asked, Capacity, Commit, Counted, Credential,
    Decision, Forbidden, GivenReason, Grant, KeyFacts, MAX_AUTH_AGE_SECONDS, MemberFacts,
    NamedCompany, NamedPartner, Nonce, RateLimited, Refusal, SecretFacts, Since, Unit, Verdict,
    WARNED_BEFORE_MILLIS, WRITE_SECONDS, Warning, Window, decide_person, named_owner,
    no_administrator, no_membership, several_memberships, stale_sign_in, windows,
};
pub use invitation::{InvitationKeys, InvitationSeed, InvitationToken};
pub use keyring::{
    Keyring, KeyringError, RotationRefused, STAGING_MILLIS, SecretDocument, StoredSecret, Subkey,
    subkey,
};
pub use policy::{
    Effect, InvalidMethodArn, MethodArn, PolicyDocument, Statement, deny, iam, policy,
    reach_of_administrator, reach_of_key, reach_of_person,
};
pub use principal::{Context, Heard, Principal, RateState, UnreadableContext, Who};
pub use session::{SessionCookie, SessionKeys, SessionName};
pub use token::{
    AccessToken, FetchKeys, IdToken, InvalidJwks, IssuerConfig, Jwks, JwksCache, JwksUnavailable,
    MAX_ID_TOKEN_AGE_SECONDS, TokenAlgorithm, TokenRefused, key_id, verify_access_token,
    verify_id_token,
};
