//! The tokens in the links of invitations.
//!
//! A token is never stored, not even as a digest: it is the HMAC of what the invitation's row says, 32 random bytes above all, under a key that the tables don't hold.
//! So a mail that must be sent again is the same mail, a task to send it needs no secret, and neither the tables, their streams nor their backups help anybody to a token.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use model::{CompanyId, InvalidId, InvitationId, Owner, PartnerId};
use std::{collections::BTreeMap, fmt, str::FromStr};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    SecretDocument,
    keyring::{self, Subkey, subkey},
};

/// What makes and checks tokens, by generation.
///
/// Derived from the secret that seals cursors: both live 7 days, so that one rule says when a generation may be retired, and who only mails must not be able to mint API keys.
pub struct InvitationKeys {
    newest: u32,
    keys: BTreeMap<u32, Subkey>,
}

/// A token as it was made or presented. A credential: only [`Self::expose`] shows it.
#[derive(Clone)]
pub struct InvitationToken {
    generation: u32,
    owner: Owner,
    id: InvitationId,
    mac: [u8; 32],
}

/// The random part of an invitation; of no use without the key.
pub type InvitationSeed = [u8; 32];

impl InvitationKeys {
    pub fn new(document: &SecretDocument) -> InvitationKeys {
        let derived = |secret| subkey(secret, "instaview/invitation/1");
        InvitationKeys {
            newest: document.newest().0,
            keys: document
                .verified()
                .map(|(number, secret)| (number, derived(secret)))
                .collect(),
        }
    }

    /// The token of an invitation; the same each time, until another generation is active.
    pub fn token(&self, owner: Owner, id: InvitationId, seed: &InvitationSeed) -> InvitationToken {
        let key = self.keys.get(&self.newest);
        InvitationToken {
            generation: self.newest,
            owner,
            id,
            mac: mac(
                key.expect("the newest generation is a verified one"),
                owner,
                id,
                seed,
            ),
        }
    }

    /// Whether the token's generation is known here; if not, others may know it.
    pub fn know(&self, token: &InvitationToken) -> bool {
        self.keys.contains_key(&token.generation)
    }

    /// Whether this is a token of the invitation with this seed, in constant time.
    pub fn verify(&self, token: &InvitationToken, seed: &InvitationSeed) -> bool {
        let key = self.keys.get(&token.generation);
        key.is_some_and(|key| {
            let right = mac(key, token.owner, token.id, seed);
            right.ct_eq(&token.mac).into()
        })
    }
}

fn mac(key: &Subkey, owner: Owner, id: InvitationId, seed: &InvitationSeed) -> [u8; 32] {
    // Ids have no line ends, and the seed has one length.
    let mut message = format!("{owner}\n{id}\n").into_bytes();
    message.extend(seed);
    keyring::mac(key, &message)
}

impl InvitationToken {
    /// Whose invitation the token claims to be of; only [`InvitationKeys::verify`] says whether it is.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    pub fn id(&self) -> InvitationId {
        self.id
    }

    /// The text in the link: 92 characters.
    pub fn expose(&self) -> Zeroizing<String> {
        let (kind, owner) = match self.owner {
            Owner::Company(id) => (b'C', id.to_bytes()),
            Owner::Partner(id) => (b'P', id.to_bytes()),
            // Invites nobody, and is read by nobody.
            Owner::System => (b'S', [0; 16]),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
        bytes.extend(self.generation.to_be_bytes());
        bytes.push(kind);
        bytes.extend(owner);
        bytes.extend(self.id.to_bytes());
        bytes.extend(self.mac);
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&*bytes))
    }
}

/// Generation, kind of owner, owner, invitation, HMAC.
const LENGTH: usize = 4 + 1 + 16 + 16 + 32;

impl FromStr for InvitationToken {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidId)?;
        let bytes: [u8; LENGTH] = bytes.try_into().map_err(|_| InvalidId)?;
        let (generation, rest) = bytes.split_first_chunk::<4>().ok_or(InvalidId)?;
        let (kind, rest) = rest.split_first().ok_or(InvalidId)?;
        let (owner, rest) = rest.split_first_chunk::<16>().ok_or(InvalidId)?;
        let (id, mac) = rest.split_first_chunk::<16>().ok_or(InvalidId)?;
        Ok(InvitationToken {
            generation: u32::from_be_bytes(*generation),
            owner: match kind {
                b'C' => Owner::Company(CompanyId::from_bytes(*owner)?),
                b'P' => Owner::Partner(PartnerId::from_bytes(*owner)?),
                _ => return Err(InvalidId),
            },
            id: InvitationId::from_bytes(*id)?,
            mac: mac.try_into().map_err(|_| InvalidId)?,
        })
    }
}

impl fmt::Debug for InvitationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationToken")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for InvitationKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STAGING_MILLIS;
    use model::Timestamp;

    fn of(owner: u8, id: u8) -> (Owner, InvitationId) {
        let now = Timestamp::from_millis(1_700_000_000_000).expect("in range");
        (
            Owner::Company(CompanyId::new(now, [owner; 10])),
            InvitationId::new(now, [id; 10]),
        )
    }

    #[test]
    fn a_partners_token_names_the_partner_and_debug_shows_no_secret() {
        let keys = InvitationKeys::new(&SecretDocument::generate([7; 32], 0));
        let (_, id) = of(1, 1);
        let now = Timestamp::from_millis(1).expect("in range");
        let owner = Owner::Partner(PartnerId::new(now, [5; 10]));
        let token = keys.token(owner, id, &[3; 32]);
        let read: InvitationToken = token.expose().parse().expect("a token");
        assert_eq!((read.owner(), read.id()), (owner, id));
        let shown = format!("InvitationToken {{ id: {id:?}, .. }}");
        assert_eq!(format!("{token:?}"), shown);
        assert_eq!(format!("{keys:?}"), "{1}");
    }

    #[test]
    fn a_token_opens_its_own_invitation_and_no_other() {
        let keys = InvitationKeys::new(&SecretDocument::generate([7; 32], 0));
        let (owner, id) = of(1, 1);
        let text = keys.token(owner, id, &[3; 32]).expose();
        assert_eq!(*text, *keys.token(owner, id, &[3; 32]).expose());
        assert_eq!(text.len(), 92);
        let read: InvitationToken = text.parse().expect("a token");
        assert_eq!((read.owner(), read.id()), (owner, id));
        assert!(keys.verify(&read, &[3; 32]) && !keys.verify(&read, &[4; 32]));
        // Whichever character is another one, it is no token or not the right one.
        for at in 0..text.len() {
            let mut other = text.to_string();
            let another = if &text[at..=at] == "A" { "B" } else { "A" };
            other.replace_range(at..=at, another);
            let other = other.parse::<InvitationToken>();
            assert!(other.is_err() || other.is_ok_and(|other| !keys.verify(&other, &[3; 32])));
        }
        let foreign = InvitationKeys::new(&SecretDocument::generate([8; 32], 0));
        assert!(!foreign.verify(&read, &[3; 32]));
        // The same seed in another place makes another token.
        for (owner, id) in [of(2, 1), of(1, 2)] {
            assert_ne!(keys.token(owner, id, &[3; 32]).mac, read.mac);
        }
    }

    #[test]
    fn a_rotation_changes_new_tokens_and_kills_none() {
        let mut document = SecretDocument::generate([7; 32], 0);
        let (owner, id) = of(1, 1);
        let first = InvitationKeys::new(&document);
        let old = first.token(owner, id, &[3; 32]);
        document.stage([9; 32], 0).expect("staged");
        let staged = InvitationKeys::new(&document);
        assert_eq!(staged.token(owner, id, &[3; 32]).mac, old.mac);
        document.activate(2, STAGING_MILLIS).expect("activated");
        let second = InvitationKeys::new(&document);
        let new = second.token(owner, id, &[3; 32]);
        assert!(second.verify(&old, &[3; 32]) && second.verify(&new, &[3; 32]));
        assert!(staged.verify(&new, &[3; 32]));
        assert!(!first.know(&new) && first.know(&old));
    }
}
