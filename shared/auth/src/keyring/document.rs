//! One secret of several numbered generations, as it rests in a secret store.
//!
//! `{"generations":[{"number":1,"state":"active","secret":"<32 bytes, Base64>","stagedAt":ms,"activatedAt":ms}]}`
//!
//! Serves all three secrets: the keyring derives its keys from it; cursors and sessions seal with [`SecretDocument::newest`] and open with [`SecretDocument::find`].

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// How long a step of a rotation must have stood before the next may follow: thrice the five minutes after which every process has read the document again.
pub const STAGING_MILLIS: i64 = 15 * 60 * 1000;

/// Numbered 32-byte secrets, at least one of them active.
///
/// A rotation is [`stage`](Self::stage), [`activate`](Self::activate), [`retire`](Self::retire), each followed by writing [`to_json`](Self::to_json) back; none of them refuses what was made before.
/// Changing a document is the business of one operator at a time: write it back conditionally.
pub struct SecretDocument {
    /// Ascending by number.
    generations: Vec<Held>,
}

struct Held {
    number: u32,
    staged_at: i64,
    state: State,
}

enum State {
    /// Verified by all, used for nothing new.
    Staged { secret: Secret },
    /// The newest one makes what is new.
    Active { secret: Secret, since: i64 },
    /// The number stays, so that it is never given again; the secret is gone.
    Retired,
}

type Secret = Zeroizing<[u8; 32]>;

impl SecretDocument {
    pub fn from_json(json: &str) -> Result<SecretDocument, KeyringError> {
        let written: Written = serde_json::from_str(json).map_err(|fault| {
            // Never serde's own text: it quotes the offending value, which may be a secret.
            KeyringError::Malformed {
                line: fault.line(),
                column: fault.column(),
            }
        })?;
        let mut generations = written
            .generations
            .into_iter()
            .map(Held::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        generations.sort_by_key(|held| held.number);
        if let Some(pair) = generations
            .windows(2)
            .find(|pair| pair[0].number == pair[1].number)
        {
            return Err(KeyringError::DuplicateNumber(pair[0].number));
        }
        let document = SecretDocument { generations };
        document
            .newest_active()
            .ok_or(KeyringError::NoActiveGeneration)?;
        Ok(document)
    }

    /// The document as it is to be stored, secrets included.
    pub fn to_json(&self) -> Zeroizing<String> {
        // Room for all of it at once: a buffer that grows leaves copies behind that nobody zeroizes.
        let room = 64 + 256 * self.generations.len();
        let mut json = Zeroizing::new(Vec::with_capacity(room));
        let written = Written {
            generations: self.generations.iter().map(Entry::from).collect(),
        };
        serde_json::to_writer(&mut *json, &written).expect("numbers and texts always serialize");
        Zeroizing::new(
            String::from_utf8(std::mem::take(&mut *json)).expect("serde_json writes UTF-8"),
        )
    }

    /// A first document: generation 1, active.
    pub fn generate(random: [u8; 32], now_millis: i64) -> SecretDocument {
        SecretDocument {
            generations: vec![Held {
                number: 1,
                staged_at: now_millis,
                state: State::Active {
                    secret: Zeroizing::new(random),
                    since: now_millis,
                },
            }],
        }
    }

    /// Begins a rotation; the new generation's number.
    pub fn stage(&mut self, random: [u8; 32], now_millis: i64) -> Result<u32, RotationRefused> {
        let staged = |held: &&Held| matches!(held.state, State::Staged { .. });
        if let Some(held) = self.generations.iter().find(staged) {
            return Err(RotationRefused::AlreadyStaged(held.number));
        }
        let last = self.generations.iter().map(|held| held.number).max();
        let number = last
            .unwrap_or(0)
            .checked_add(1)
            .ok_or(RotationRefused::NumbersUsedUp)?;
        self.generations.push(Held {
            number,
            staged_at: now_millis,
            state: State::Staged {
                secret: Zeroizing::new(random),
            },
        });
        Ok(number)
    }

    /// From now on the generation makes what is new; refused within [`STAGING_MILLIS`] of its staging, when a process may not know it yet.
    pub fn activate(&mut self, number: u32, now_millis: i64) -> Result<(), RotationRefused> {
        let held = self.held_mut(number)?;
        let State::Staged { secret } = &held.state else {
            return Err(RotationRefused::NotStaged);
        };
        settled(held.staged_at, now_millis)?;
        let secret = secret.clone();
        held.state = State::Active {
            secret,
            since: now_millis,
        };
        Ok(())
    }

    /// Ends a generation and forgets its secret: what was made under it is dead.
    ///
    /// `live` names what would die (for keys: the ids of those with a live secret of this generation) and must be empty.
    /// An expired key counts as live if a new expiry may still revive it.
    /// Refused until a newer generation has been active for [`STAGING_MILLIS`], because until then a process may still use this one for something new.
    pub fn retire(
        &mut self,
        number: u32,
        now_millis: i64,
        live: impl IntoIterator<Item = String>,
    ) -> Result<(), RotationRefused> {
        let newer_since = self.superseded_at(number);
        let held = self.held_mut(number)?;
        match held.state {
            State::Retired => return Ok(()),
            State::Active { .. } => {
                settled(newer_since.ok_or(RotationRefused::StillMints)?, now_millis)?;
            }
            State::Staged { .. } => {}
        }
        let live: Vec<String> = live.into_iter().collect();
        if !live.is_empty() {
            return Err(RotationRefused::StillUsed(live));
        }
        held.state = State::Retired;
        Ok(())
    }

    /// Since when a newer generation makes what is new; in Unix milliseconds.
    pub fn superseded_at(&self, number: u32) -> Option<i64> {
        let newer = self.generations.iter().filter(|held| held.number > number);
        newer
            .filter_map(|held| match held.state {
                State::Active { since, .. } => Some(since),
                State::Staged { .. } | State::Retired => None,
            })
            .min()
    }

    /// What new things are sealed with: number and secret of the newest active generation.
    pub fn newest(&self) -> (u32, &[u8; 32]) {
        self.newest_active()
            .expect("no document without an active generation is ever made")
    }

    /// What a thing sealed under this number is opened with; `None` for an unknown or retired one.
    pub fn find(&self, number: u32) -> Option<&[u8; 32]> {
        self.verified()
            .find(|(held, _)| *held == number)
            .map(|(_, secret)| secret)
    }

    /// Staged and active generations, oldest first.
    pub fn verified(&self) -> impl Iterator<Item = (u32, &[u8; 32])> {
        self.generations
            .iter()
            .filter_map(|held| Some((held.number, held.state.secret()?)))
    }

    fn newest_active(&self) -> Option<(u32, &[u8; 32])> {
        self.generations
            .iter()
            .rev()
            .find_map(|held| match &held.state {
                State::Active { secret, .. } => Some((held.number, &**secret)),
                State::Staged { .. } | State::Retired => None,
            })
    }

    fn held_mut(&mut self, number: u32) -> Result<&mut Held, RotationRefused> {
        self.generations
            .iter_mut()
            .find(|held| held.number == number)
            .ok_or(RotationRefused::UnknownGeneration)
    }
}

impl fmt::Debug for SecretDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.generations
                    .iter()
                    .map(|held| (held.number, held.state.name())),
            )
            .finish()
    }
}

impl State {
    fn secret(&self) -> Option<&[u8; 32]> {
        match self {
            State::Staged { secret } | State::Active { secret, .. } => Some(secret),
            State::Retired => None,
        }
    }

    fn name(&self) -> Name {
        match self {
            State::Staged { .. } => Name::Staged,
            State::Active { .. } => Name::Active,
            State::Retired => Name::Retired,
        }
    }
}

fn settled(since: i64, now_millis: i64) -> Result<(), RotationRefused> {
    let wait_millis = since
        .saturating_add(STAGING_MILLIS)
        .saturating_sub(now_millis);
    if wait_millis > 0 {
        return Err(RotationRefused::TooEarly { wait_millis });
    }
    Ok(())
}

/// Why a document can't be used. Says nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    #[error("not a secret document (line {line}, column {column})")]
    Malformed { line: usize, column: usize },
    #[error("no generation is active")]
    NoActiveGeneration,
    #[error("generation {0} stands twice")]
    DuplicateNumber(u32),
    #[error("generation {0} has no secret of exactly 32 bytes")]
    BadSecret(u32),
    #[error("generation {0} is active since no time")]
    NoActivationTime(u32),
    #[error("generations are numbered from 1")]
    NumberZero,
}

/// Why a step of a rotation can't be taken now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationRefused {
    #[error("no such generation")]
    UnknownGeneration,
    #[error("generation {0} is staged already")]
    AlreadyStaged(u32),
    #[error("the generation is not staged")]
    NotStaged,
    #[error("too early by {wait_millis} ms: not every process has read the last step yet")]
    TooEarly { wait_millis: i64 },
    #[error("the newest active generation can't be retired")]
    StillMints,
    #[error("{} live things were made under it", .0.len())]
    StillUsed(Vec<String>),
    #[error("no number is left")]
    NumbersUsedUp,
}

#[derive(Serialize, Deserialize)]
struct Written {
    generations: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    number: u32,
    state: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Encoded>,
    staged_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activated_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Staged,
    Active,
    Retired,
}

impl TryFrom<Entry> for Held {
    type Error = KeyringError;

    fn try_from(entry: Entry) -> Result<Held, KeyringError> {
        let Entry {
            number,
            state,
            secret,
            staged_at,
            activated_at,
        } = entry;
        if number == 0 {
            return Err(KeyringError::NumberZero);
        }
        let secret = || {
            let bytes = secret.and_then(|Encoded(bytes)| <[u8; 32]>::try_from(&bytes[..]).ok());
            bytes
                .map(Zeroizing::new)
                .ok_or(KeyringError::BadSecret(number))
        };
        let state = match state {
            Name::Staged => State::Staged { secret: secret()? },
            Name::Active => State::Active {
                secret: secret()?,
                since: activated_at.ok_or(KeyringError::NoActivationTime(number))?,
            },
            Name::Retired => State::Retired,
        };
        Ok(Held {
            number,
            staged_at,
            state,
        })
    }
}

impl From<&Held> for Entry {
    fn from(held: &Held) -> Entry {
        let Held {
            number,
            staged_at,
            state,
        } = held;
        Entry {
            number: *number,
            state: state.name(),
            secret: state
                .secret()
                .map(|secret| Encoded(Zeroizing::new(secret.to_vec()))),
            staged_at: *staged_at,
            activated_at: match state {
                State::Active { since, .. } => Some(*since),
                State::Staged { .. } | State::Retired => None,
            },
        }
    }
}

/// Base64 with padding on the wire; any length here, so that a short one is told from a malformed one.
struct Encoded(Zeroizing<Vec<u8>>);

impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for Encoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Cow::<'de, str>::deserialize(deserializer)? {
            Cow::Borrowed(text) => Zeroizing::new(text.to_owned()),
            Cow::Owned(text) => Zeroizing::new(text),
        };
        let bytes = STANDARD
            .decode(text.as_bytes())
            .map_err(|_| serde::de::Error::custom("not Base64"))?;
        Ok(Encoded(Zeroizing::new(bytes)))
    }
}

#[cfg(test)]
mod tests;
