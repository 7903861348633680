//! Keys as their owner manages them, a company or a partner. Facts live once: each change is one conditional update of one row.

use auth::{Counted, KeyFacts, SecretFacts, Since, StoredSecret, key_prefix};
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, Update, builders::UpdateBuilder,
};
use model::{
    Actor, AllowedIps, ApiKey, ApiKeyFields, Future, KeyDates, KeyId, KeyKind, KeyState, KeyStatus,
    Name, Owner, RateLimit, SecretView, Timestamp,
};
use routes::ScopeSet;
use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    LastUse, Listed, OwnerStore, Remembered, SecretUse, Stamp, Start, StoreError, Table,
    gate::counted,
    item::{Item, Read, b, item, key, list, n, s, set},
    limits::{hold_limits, read_limits},
    notice,
    transact::{NEXT, Refused, Transaction, built, next_version, put_new},
};

/// A key's whole row.
#[derive(Debug, Clone)]
pub struct KeyRow {
    pub facts: KeyFacts,
    pub name: Name<1, 100>,
    pub created_at: Timestamp,
    pub created_by: Actor,
    pub rev: u64,
    /// Requests ever counted.
    pub total: u64,
    pub last_use: Option<LastUse>,
    /// When something is to be told of it next.
    pub notice_at: Option<Timestamp>,
    /// The expiry that was told of last.
    pub expiry_told: Option<Timestamp>,
    /// By suffix, of the secrets that were used.
    pub uses: BTreeMap<String, SecretUse>,
    pub changed: Stamp,
}

/// What counts a key among its owner's, and names it.
#[derive(Debug, Clone)]
pub struct KeyOutline {
    pub id: KeyId,
    pub kind: KeyKind,
    pub name: Name<1, 100>,
    pub state: KeyState,
    pub expires_at: Option<Timestamp>,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub id: KeyId,
    pub kind: KeyKind,
    pub fields: ApiKeyFields,
    pub limits: RateLimit,
    /// The first secret and its suffix; without one the key authenticates nothing until it is rotated.
    pub secret: Option<(StoredSecret, String)>,
    pub stamp: Stamp,
}

/// The secrets that a rotation, or a change of its overlap, leaves behind.
#[derive(Debug, Clone)]
pub struct NewSecrets {
    /// The newest last.
    pub secrets: Vec<SecretFacts>,
    /// The suffix of one that goes, and only if it was never used.
    pub unused: Option<String>,
}

/// What a change leaves behind; every change writes all facts that people can set.
#[derive(Debug, Clone)]
pub struct KeyChange {
    pub fields: ApiKeyFields,
    pub state: KeyState,
    /// When something is to be told of it next.
    pub notice_at: Option<Timestamp>,
    /// The expiry that has passed before the change: it is told of now, or never.
    pub expired_at: Option<Timestamp>,
    /// The version that the change was made from.
    pub from: u64,
}

/// Which keys a list shows.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    pub status: Option<KeyStatus>,
    /// A key's first characters, or a part of its name in any case.
    pub q: Option<String>,
}

const POINTER: &str = "KEY#";
const COUNT: &str = "COUNT#key";

impl OwnerStore {
    /// Makes a key, unless the owner has as many live ones as it may.
    ///
    /// # Errors
    /// `Full` at the limit; `Locked` during a lockdown; `Conflict` where the id is taken (of 2^47, so try another one), or the company's limits are no longer these.
    pub async fn create_key(
        &self,
        new: &NewKey,
        key_limit: u32,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        // The counter is raised here and never lowered, so when it says full it may be wrong once.
        for recounted in [false, true] {
            let mut transaction = Transaction::default();
            let remember = self.remember(&mut transaction, remembered)?;
            let lock = self.prove_unlocked(&mut transaction)?;
            let count = self.creation(&mut transaction, new, key_limit)?;
            let nonce = nonce_of(&new.stamp, if recounted { 2 } else { 0 });
            match transaction.commit(&self.table, nonce).await? {
                Ok(()) => return Ok(()),
                Err(Refused { action, .. }) if Some(action) == remember => {
                    return Err(StoreError::AlreadyDone);
                }
                Err(Refused { action, .. }) if Some(action) == lock => {
                    return Err(StoreError::Locked);
                }
                Err(Refused { action, row }) if action == count => {
                    if recounted {
                        return Err(StoreError::Full);
                    }
                    self.recount_keys(row, new.stamp.at, nonce_of(&new.stamp, 1))
                        .await?;
                }
                Err(Refused { .. }) => return Err(StoreError::Conflict),
            }
        }
        Err(StoreError::Full)
    }

    /// The action that counts the key.
    fn creation(
        &self,
        transaction: &mut Transaction,
        new: &NewKey,
        key_limit: u32,
    ) -> Result<usize, StoreError> {
        let names = &self.table.names;
        transaction.put(put_new(&names.keys, new.row(self.owner()).item())?);
        let mut pointer = self.key(pointer(new.stamp.at, new.id));
        pointer.extend(item([
            ("entity", s("pointer")),
            ("keyId", s(new.id)),
            ("rev", n(1)),
        ]));
        transaction.put(put_new(&names.records, pointer)?);
        let count = transaction.update(self.one_more(key_limit, 1)?);
        // Of an ATS key the limits are its own.
        if new.kind == KeyKind::Standard {
            transaction.check(self.limits_check(new.limits)?);
        }
        Ok(count)
    }

    /// Counts one more live key, where there is room; `made`: how many of them are new.
    fn one_more(&self, key_limit: u32, made: u32) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(COUNT)))
            .update_expression("ADD #live :one, #all :made, #rev :one")
            .condition_expression("attribute_not_exists(#live) OR #live < :limit")
            .expression_attribute_names("#live", "live")
            .expression_attribute_names("#all", "every")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":made", n(made))
            .expression_attribute_values(":limit", n(key_limit))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(built)
    }

    /// Sets the counter of live keys to what strong reads say, unless it moved meanwhile.
    async fn recount_keys(
        &self,
        counter: Option<Item>,
        now: Timestamp,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        let counter = counter.ok_or(StoreError::Corrupt(COUNT))?;
        let live = self.live_keys(now).await?;
        let update = Update::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(COUNT)))
            .update_expression("SET #live = :live ADD #rev :one")
            .condition_expression("#rev = :rev")
            .expression_attribute_names("#live", "live")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":live", n(live))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":rev", n(counter.text("rev")?))
            .build()
            .map_err(built)?;
        // Others who make keys hold the row in their transactions, and only `transact` waits for them.
        let mut transaction = Transaction::default();
        transaction.update(update);
        // Where another creation was counted meanwhile, the next try meets the counter as it is.
        let _ = transaction.commit(&self.table, nonce).await?;
        Ok(())
    }

    /// How many live keys the owner has, by strong reads of all.
    pub async fn live_keys(&self, now: Timestamp) -> Result<usize, StoreError> {
        let keys = self.key_outlines().await?;
        let live = keys
            .iter()
            .map(|key| key.state.shown(key.expires_at, now))
            .filter(|status| matches!(status, KeyStatus::Active | KeyStatus::Suspended));
        Ok(live.count())
    }

    /// Whether there is such a company or partner.
    pub async fn exists(&self) -> Result<bool, StoreError> {
        match self.key_limit().await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many live keys the owner may have.
    pub async fn key_limit(&self) -> Result<u32, StoreError> {
        let sk = match self.owner() {
            Owner::Partner(_) => "PARTNER",
            Owner::Company(_) | Owner::System => "COMPANY",
        };
        let row = self
            .table
            .find(&self.table.names.records, self.key(sk))
            .await?;
        row.ok_or(StoreError::NotFound)?.parsed("keyLimit")
    }

    /// The owner's key, strongly.
    pub async fn get_key(&self, id: KeyId) -> Result<KeyRow, StoreError> {
        let row = self.table.find_key(id).await?;
        // A foreign key is not found: whose it is says its row.
        row.filter(|row| row.facts.owner == self.owner())
            .ok_or(StoreError::NotFound)
    }

    /// Applies a change; every hint in every process is dead from this moment.
    ///
    /// # Errors
    /// `Conflict` when the row is no longer what the change was made from.
    pub async fn update_key(
        &self,
        id: KeyId,
        change: &KeyChange,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
    ) -> Result<KeyRow, StoreError> {
        let update = self.table.key_update(self.owner(), id, change, stamp)?;
        self.apply(id, update, stamp, remembered).await
    }

    async fn apply(
        &self,
        id: KeyId,
        update: Update,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
    ) -> Result<KeyRow, StoreError> {
        if remembered.is_none() {
            return KeyRow::read(self.table.update_alone(update, stamp).await?);
        }
        let mut transaction = Transaction::default();
        let remember = self.remember(&mut transaction, remembered)?;
        transaction.update(update);
        match transaction.commit(&self.table, stamp.nonce).await? {
            Ok(()) => self.get_key(id).await,
            Err(Refused { action, .. }) if Some(action) == remember => Err(StoreError::AlreadyDone),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Replaces the key's secrets; every hint in every process is dead from this moment.
    ///
    /// # Errors
    /// As [`Self::update_key`]; `Conflict`, too, where a secret was used that goes only unused.
    pub async fn set_secrets(
        &self,
        row: &KeyRow,
        new: &NewSecrets,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
    ) -> Result<KeyRow, StoreError> {
        let from = row.facts.counted.version;
        let NewSecrets { secrets, unused } = new;
        let mut update = self.table.next_key(self.owner(), row.facts.id, from, stamp);
        let [shard, at] = notice::BY_NOTICE.1;
        let mut expression = format!("{NEXT}, #secrets = :secrets");
        let mut remove = Vec::new();
        match row.next_notice(dates(&row.facts, secrets), stamp.at) {
            Some(next) => {
                expression.push_str(", #noticeShard = :shard, #noticeAt = :next_notice");
                update = update
                    .expression_attribute_values(":shard", s(notice::shard_of(row.facts.id)))
                    .expression_attribute_values(":next_notice", s(notice::instant(next)));
            }
            None => remove.extend(["#noticeShard".to_owned(), "#noticeAt".to_owned()]),
        }
        update = update
            .expression_attribute_names("#noticeShard", shard)
            .expression_attribute_names("#noticeAt", at);
        if let Some(expired) = row.expired_untold(stamp.at) {
            expression.push_str(", #told = :told");
            update = update
                .expression_attribute_names("#told", KeyRow::EXPIRY_TOLD)
                .expression_attribute_values(":told", n(expired.millis()));
        }
        let dropped = row
            .facts
            .secrets
            .iter()
            .filter(|old| secrets.iter().all(|new| new.suffix != old.suffix));
        for (index, SecretFacts { suffix, .. }) in dropped.enumerate() {
            remove.extend([format!("#uses{index}"), format!("#used{index}")]);
            update = update
                .expression_attribute_names(format!("#uses{index}"), SecretUse::count_of(suffix))
                .expression_attribute_names(format!("#used{index}"), SecretUse::last_of(suffix));
        }
        if let Some(suffix) = unused {
            // A request that is counted raises no version, so this is proven by itself.
            let condition = update
                .get_condition_expression()
                .clone()
                .unwrap_or_default();
            update = update
                .condition_expression(format!("{condition} AND attribute_not_exists(#unused)"))
                .expression_attribute_names("#unused", SecretUse::count_of(suffix));
        }
        expression.push_str(" ADD #rev :one");
        if !remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let update = update
            .update_expression(expression)
            .expression_attribute_names("#secrets", "secrets")
            .expression_attribute_values(
                ":secrets",
                AttributeValue::L(secrets.iter().map(secret_value).collect()),
            )
            .build()
            .map_err(built)?;
        self.apply(row.facts.id, update, stamp, remembered).await
    }

    /// As [`Self::update_key`], for a change that gives an expired key life again.
    ///
    /// # Errors
    /// `Full` where the company has as many live keys as it may; `Locked` during a lockdown.
    pub async fn revive_key(
        &self,
        id: KeyId,
        change: &KeyChange,
        key_limit: u32,
        stamp: &Stamp,
    ) -> Result<KeyRow, StoreError> {
        for recounted in [false, true] {
            let mut transaction = Transaction::default();
            let changed =
                transaction.update(self.table.key_update(self.owner(), id, change, stamp)?);
            let count = transaction.update(self.one_more(key_limit, 0)?);
            self.prove_unlocked(&mut transaction)?;
            let nonce = nonce_of(stamp, if recounted { 2 } else { 0 });
            match transaction.commit(&self.table, nonce).await? {
                Ok(()) => return self.get_key(id).await,
                Err(Refused { action, .. }) if action == changed => {
                    return Err(StoreError::Conflict);
                }
                Err(Refused { action, .. }) if action != count => return Err(StoreError::Locked),
                Err(Refused { row, .. }) if !recounted => {
                    self.recount_keys(row, stamp.at, nonce_of(stamp, 1)).await?;
                }
                Err(_) => break,
            }
        }
        Err(StoreError::Full)
    }

    /// The owner's keys, newest first, and how many the filter lets through (`None` with `q`).
    pub async fn list_keys(
        &self,
        filter: &KeyFilter,
        start: &Start,
        limit: usize,
        now: Timestamp,
    ) -> Result<Listed<KeyRow>, StoreError> {
        let (items, total, more) = if filter.is_empty() {
            let keys = async {
                let (pointers, more) = self.page(POINTER, "", start, limit).await?;
                Ok((self.key_rows(&key_ids(&pointers)?).await?, more))
            };
            let ((keys, more), total) = tokio::try_join!(keys, self.ever_made(COUNT))?;
            (keys, total, more)
        } else {
            // What a key's status is says the clock, so no index can: all rows are read.
            let mut rows = self.all_keys().await?;
            rows.retain(|row| filter.shows(row, now));
            let total = rows.len();
            let from = match start {
                Start::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
                // The key there may have left the filter since.
                Start::After(after) => rows.partition_point(|row| row.position() <= *after),
            };
            rows.drain(..from.min(total));
            let more = rows.len() > limit;
            rows.truncate(limit);
            (rows, total as u64, more)
        };
        Ok(Listed {
            total: filter.q.is_none().then_some(total),
            total_is_lower_bound: false,
            next: items.last().filter(|_| more).map(KeyRow::position),
            cut: false,
            items,
        })
    }

    pub(crate) async fn all_keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.key_rows(&self.key_ids().await?).await
    }

    pub(crate) async fn key_ids(&self) -> Result<Vec<KeyId>, StoreError> {
        key_ids(&self.run(POINTER, None, usize::MAX).await?)
    }

    /// All the owner's keys, strongly, and of each what counts and names it.
    pub(crate) async fn key_outlines(&self) -> Result<Vec<KeyOutline>, StoreError> {
        let keys = self.key_ids().await?.into_iter().map(KeyRow::key).collect();
        let (table, parts) = (&self.table.names.keys, &KeyOutline::PARTS);
        let rows = self.table.get_parts(table, keys, parts).await?;
        rows.iter().map(KeyOutline::read).collect()
    }

    pub(crate) async fn key_rows(&self, ids: &[KeyId]) -> Result<Vec<KeyRow>, StoreError> {
        let keys = ids.iter().map(|id| KeyRow::key(*id)).collect();
        let rows = self.table.get_many(&self.table.names.keys, keys).await?;
        rows.into_iter().map(KeyRow::read).collect()
    }
}

fn key_ids(pointers: &[Item]) -> Result<Vec<KeyId>, StoreError> {
    pointers.iter().map(|row| row.parsed("keyId")).collect()
}

/// Each of the transactions of one change is another one to DynamoDB.
fn nonce_of(stamp: &Stamp, step: u8) -> [u8; 16] {
    let mut nonce = stamp.nonce;
    nonce[0] ^= step;
    nonce
}

/// Newest first: the time counts down.
fn pointer(made: Timestamp, id: KeyId) -> String {
    format!(
        "{POINTER}{:016}#{id}",
        9_999_999_999_999_999 - made.millis()
    )
}

impl NewKey {
    /// As people see it once it is made.
    pub fn view(&self, owner: Owner, now: Timestamp) -> ApiKey {
        self.row(owner).view(now)
    }

    pub(crate) fn row(&self, owner: Owner) -> KeyRow {
        let NewKey {
            id,
            kind,
            fields,
            limits,
            secret,
            stamp,
        } = self.clone();
        let secret = secret.map(|(stored, suffix)| SecretFacts {
            stored,
            suffix,
            created_at: stamp.at,
            valid_until: None,
            ended: false,
        });
        let ApiKeyFields {
            name,
            scopes,
            expires_at,
            allowed_ips,
        } = fields;
        let mut row = KeyRow {
            facts: KeyFacts {
                id,
                kind,
                owner,
                state: KeyState::Active,
                since: None,
                expires_at: expires_at.map(|at| *at),
                allowed_ips,
                scopes,
                limits,
                secrets: secret.into_iter().collect(),
                counted: Counted {
                    version: 1,
                    ..Counted::default()
                },
            },
            name,
            created_at: stamp.at,
            created_by: stamp.actor.clone(),
            rev: 1,
            total: 0,
            last_use: None,
            uses: BTreeMap::new(),
            notice_at: None,
            expiry_told: None,
            changed: stamp,
        };
        row.notice_at = row.dates().next_notice(row.created_at);
        row
    }
}

impl KeyFilter {
    fn is_empty(&self) -> bool {
        self.status.is_none() && self.q.is_none()
    }

    fn shows(&self, row: &KeyRow, now: Timestamp) -> bool {
        let status = self.status.is_none_or(|status| row.status(now) == status);
        let q = self.q.as_ref().is_none_or(|q| {
            row.prefix().starts_with(q.as_str())
                || row.name.to_lowercase().contains(&q.to_lowercase())
        });
        status && q
    }
}

impl Table {
    /// As [`next_version`], of one of the owner's keys.
    fn next_key(&self, owner: Owner, id: KeyId, from: u64, stamp: &Stamp) -> UpdateBuilder {
        next_version(&self.names.keys, KeyRow::key(id), from, stamp)
            .condition_expression("#version = :from AND #owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", s(owner))
    }

    /// A change of one of the owner's keys.
    pub(crate) fn key_update(
        &self,
        owner: Owner,
        id: KeyId,
        change: &KeyChange,
        stamp: &Stamp,
    ) -> Result<Update, StoreError> {
        let KeyChange {
            fields,
            state,
            notice_at: next,
            expired_at,
            from,
        } = change;
        let ApiKeyFields {
            name,
            scopes,
            expires_at,
            allowed_ips,
        } = fields;
        let [shard, at] = notice::BY_NOTICE.1;
        let mut set = format!("{NEXT}, #name = :name, #scopes = :scopes, #state = :state");
        let mut remove = Vec::new();
        let mut update = self
            .next_key(owner, id, *from, stamp)
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#scopes", "scopes")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_names("#ips", "ips")
            .expression_attribute_names(format!("#{shard}"), shard)
            .expression_attribute_names(format!("#{at}"), at)
            .expression_attribute_values(":name", s(&**name))
            .expression_attribute_values(":scopes", scope_list(*scopes))
            .expression_attribute_values(":state", s(state));
        if let Some(expired) = expired_at {
            set.push_str(", #told = :told");
            update = update
                .expression_attribute_names("#told", KeyRow::EXPIRY_TOLD)
                .expression_attribute_values(":told", n(expired.millis()));
        }
        let mut optional = |name: &str, value: Option<AttributeValue>| match value {
            Some(value) => {
                set.push_str(&format!(", #{name} = :{name}"));
                Some((format!(":{name}"), value))
            }
            None => {
                remove.push(format!("#{name}"));
                None
            }
        };
        let shard = optional(shard, next.map(|_| s(notice::shard_of(id))));
        let at = optional(at, next.map(|next| s(notice::instant(next))));
        let expires = optional("expires", expires_at.as_ref().map(|at| n(at.millis())));
        let ips = optional("ips", allowed_ips.as_ref().map(packed_ips));
        for (name, value) in expires.into_iter().chain(ips).chain(shard).chain(at) {
            update = update.expression_attribute_values(name, value);
        }
        let mut expression = format!("{set} ADD #rev :one");
        if !remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        update.update_expression(expression).build().map_err(built)
    }
}

impl KeyOutline {
    const PARTS: [&str; 5] = ["keyId", "kind", "name", "state", "expires"];

    /// The first 13 characters of the key.
    pub fn prefix(&self) -> String {
        key_prefix(self.kind, self.id)
    }

    fn read(row: &Item) -> Result<KeyOutline, StoreError> {
        Ok(KeyOutline {
            id: row.parsed("keyId")?,
            kind: row.parsed("kind")?,
            name: read_name(row)?,
            state: row.parsed("state")?,
            expires_at: row.instant_if("expires")?,
        })
    }
}

fn read_name(row: &Item) -> Result<Name<1, 100>, StoreError> {
    serde_json::from_value(row.text("name")?.into()).map_err(|_| StoreError::Corrupt("name"))
}

impl KeyRow {
    pub(crate) const ENTITY: &str = "api_key";
    pub(crate) const EXPIRY_TOLD: &str = "expiryTold";

    pub(crate) fn key(id: KeyId) -> Item {
        key(format_args!("KEY#{id}"), "KEY")
    }

    pub(crate) fn item(&self) -> Item {
        let KeyRow {
            facts,
            name,
            created_at,
            created_by,
            rev,
            total,
            last_use: _,
            uses,
            notice_at: _,
            expiry_told,
            changed,
        } = self;
        let KeyFacts {
            id,
            kind,
            owner,
            state,
            since: _,
            expires_at,
            allowed_ips,
            scopes,
            limits,
            secrets,
            counted,
        } = facts;
        let mut row = KeyRow::key(*id);
        row.extend(item([
            ("entity", s(KeyRow::ENTITY)),
            ("keyId", s(id)),
            ("kind", s(kind)),
            ("owner", s(owner)),
            ("state", s(state)),
            ("name", s(&**name)),
            ("scopes", scope_list(*scopes)),
            (
                "secrets",
                AttributeValue::L(secrets.iter().map(secret_value).collect()),
            ),
            ("created", n(created_at.millis())),
            ("creatorKind", s(created_by.kind)),
            ("creator", s(&created_by.id)),
            ("version", n(counted.version)),
            ("rev", n(rev)),
            ("total", n(total)),
            ("nonce", b(counted.nonce.0)),
            (Stamp::ATTRIBUTE, changed.value()),
        ]));
        hold_limits(&mut row, *limits);
        set(&mut row, "expires", expires_at.map(|at| n(at.millis())));
        set(&mut row, "ips", allowed_ips.as_ref().map(packed_ips));
        let told = expiry_told.map(|at| n(at.millis()));
        set(&mut row, KeyRow::EXPIRY_TOLD, told);
        for (name, value) in notice::place_in_index(self).into_iter().flatten() {
            set(&mut row, name, Some(s(value)));
        }
        for (suffix, used) in uses {
            row.extend(used.attributes(suffix));
        }
        row
    }

    /// From a row of the table, or an image of its stream.
    pub fn read(row: Item) -> Result<KeyRow, StoreError> {
        let secrets = match row.get("secrets") {
            Some(AttributeValue::L(values)) => values
                .iter()
                .map(read_secret)
                .collect::<Result<Vec<_>, _>>()?,
            _ => return Err(StoreError::Corrupt("secrets")),
        };
        let allowed_ips = row.get("ips").map(read_ips).transpose()?;
        let mut uses = BTreeMap::new();
        for SecretFacts { suffix, .. } in &secrets {
            let used = SecretUse::read(&row, suffix)?;
            uses.extend(used.map(|used| (suffix.clone(), used)));
        }
        let (state, changed) = (row.parsed("state")?, Stamp::read(&row)?);
        Ok(KeyRow {
            facts: KeyFacts {
                id: row.parsed("keyId")?,
                kind: row.parsed("kind")?,
                owner: row.parsed("owner")?,
                state,
                since: since(state, &changed),
                expires_at: row.instant_if("expires")?,
                allowed_ips,
                scopes: ScopeSet::from_stored(row.texts("scopes")?),
                limits: read_limits(&row)?,
                secrets,
                counted: counted(&row)?,
            },
            name: read_name(&row)?,
            created_at: row.instant("created")?,
            created_by: Actor {
                kind: row.parsed("creatorKind")?,
                id: row.text("creator")?.to_owned(),
            },
            rev: row.parsed("rev")?,
            total: row.parsed("total")?,
            last_use: LastUse::read(&row)?,
            notice_at: notice::read_instant(&row)?,
            expiry_told: row.instant_if(KeyRow::EXPIRY_TOLD)?,
            uses,
            changed,
        })
    }

    pub fn status(&self, now: Timestamp) -> KeyStatus {
        self.facts.state.shown(self.facts.expires_at, now)
    }

    /// What is told of it depends on these.
    pub fn dates(&self) -> KeyDates {
        dates(&self.facts, &self.facts.secrets)
    }

    /// The change to these fields and this state at `now`.
    pub fn becoming(&self, fields: ApiKeyFields, state: KeyState, now: Timestamp) -> KeyChange {
        KeyChange {
            notice_at: self.next_notice(
                KeyDates {
                    state,
                    expires_at: fields.expires_at.as_ref().map(|at| **at),
                    ..self.dates()
                },
                now,
            ),
            fields,
            state,
            expired_at: self.expired_untold(now),
            from: self.facts.counted.version,
        }
    }

    /// When something is to be told next of the key with these dates. What is due already, and not changed, is still to be told.
    pub(crate) fn next_notice(&self, dates: KeyDates, now: Timestamp) -> Option<Timestamp> {
        let due = self.notice_at.filter(|at| *at <= now);
        due.filter(|at| dates.notices_at(*at) == self.dates().notices_at(*at))
            .filter(|at| !dates.notices_at(*at).is_empty())
            .or_else(|| dates.next_notice(now))
    }

    /// An expiry that has passed, and was not told of.
    pub(crate) fn expired_untold(&self, now: Timestamp) -> Option<Timestamp> {
        let expired = self.facts.expires_at.filter(|at| *at <= now);
        expired.filter(|_| {
            self.expiry_told != self.facts.expires_at && self.facts.state != KeyState::Revoked
        })
    }

    /// In the list of the company's keys.
    fn position(&self) -> String {
        pointer(self.created_at, self.facts.id)
    }

    /// The first 13 characters of the key.
    pub fn prefix(&self) -> String {
        key_prefix(self.facts.kind, self.facts.id)
    }

    pub(crate) fn outline(&self) -> KeyOutline {
        KeyOutline {
            id: self.facts.id,
            kind: self.facts.kind,
            name: self.name.clone(),
            state: self.facts.state,
            expires_at: self.facts.expires_at,
        }
    }

    pub fn fields(&self) -> ApiKeyFields {
        ApiKeyFields {
            name: self.name.clone(),
            scopes: self.facts.scopes,
            expires_at: self.facts.expires_at.map(Future::from),
            allowed_ips: self.facts.allowed_ips.clone(),
        }
    }

    pub fn view(&self, now: Timestamp) -> ApiKey {
        let facts = &self.facts;
        let newest = facts
            .secrets
            .iter()
            .map(|secret| secret.created_at)
            .max()
            .unwrap_or(self.created_at);
        ApiKey {
            id: facts.id,
            prefix: self.prefix(),
            kind: facts.kind,
            company_id: facts.owner.company(),
            partner_id: facts.owner.partner(),
            status: self.status(now),
            fields: self.fields(),
            rate_limit: facts.limits,
            created_at: self.created_at,
            created_by: self.created_by.clone(),
            last_used_at: self.last_use.as_ref().map(|last| last.at),
            last_used_ip: self.last_use.as_ref().map(|last| last.source_ip.clone()),
            secret_age_days: now.since(newest).num_days(),
            secrets: facts
                .secrets
                .iter()
                .map(|secret| self.secret_view(secret))
                .collect(),
            version: facts.counted.version,
        }
    }

    fn secret_view(&self, secret: &SecretFacts) -> SecretView {
        let last = self.uses.get(&secret.suffix);
        SecretView {
            suffix: secret.suffix.clone(),
            created_at: secret.created_at,
            valid_until: secret.valid_until,
            last_used_at: last.map(|last| last.at),
            last_used_ip: last
                .and_then(|last| last.source_ip)
                .map(|ip| ip.to_string()),
        }
    }
}

/// How the key came into its state, where the last change tells: nothing follows a revocation, but a suspended key may have been renamed since.
fn since(state: KeyState, changed: &Stamp) -> Option<Since> {
    let told = match state {
        KeyState::Active => false,
        KeyState::Suspended => changed.operation == "SuspendApiKey",
        KeyState::Revoked => true,
    };
    told.then(|| Since {
        at: changed.at,
        by: changed.actor.clone(),
        reason: changed.reason.clone(),
    })
}

fn dates(facts: &KeyFacts, secrets: &[SecretFacts]) -> KeyDates {
    KeyDates {
        state: facts.state,
        expires_at: facts.expires_at,
        secret_made_at: secrets.iter().map(|secret| secret.created_at).max(),
    }
}

fn scope_list(scopes: ScopeSet) -> AttributeValue {
    list(scopes.iter().map(routes::Scope::as_str))
}

/// Packed, because each authorized request writes the whole row, and 1 KB is one unit: a network's prefix length (IPv6: + 64), then its address.
fn packed_ips(ips: &AllowedIps) -> AttributeValue {
    let mut bytes = Vec::new();
    for network in ips.iter() {
        match network.addr() {
            IpAddr::V4(address) => {
                bytes.push(network.prefix_len());
                bytes.extend(address.octets());
            }
            IpAddr::V6(address) => {
                bytes.push(V6 + network.prefix_len());
                bytes.extend(address.octets());
            }
        }
    }
    b(bytes)
}

/// More than an IPv4 prefix length can be.
const V6: u8 = 64;

fn read_ips(value: &AttributeValue) -> Result<AllowedIps, StoreError> {
    let corrupt = || StoreError::Corrupt("ips");
    let mut bytes = value.as_b().map_err(|_| corrupt())?.as_ref();
    let mut texts = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        if let Some(length) = first.checked_sub(V6) {
            let (octets, rest) = rest.split_first_chunk::<16>().ok_or_else(corrupt)?;
            texts.push(format!("{}/{length}", IpAddr::from(*octets)));
            bytes = rest;
        } else {
            let (octets, rest) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
            texts.push(format!("{}/{first}", IpAddr::from(*octets)));
            bytes = rest;
        }
    }
    serde_json::from_value(texts.into()).map_err(|_| corrupt())
}

fn secret_value(secret: &SecretFacts) -> AttributeValue {
    let SecretFacts {
        stored,
        suffix,
        created_at,
        valid_until,
        ended,
    } = secret;
    let mut map = item([
        ("hmac", b(stored.hmac)),
        ("generation", n(stored.generation)),
        ("suffix", s(suffix)),
        ("created", n(created_at.millis())),
    ]);
    set(&mut map, "until", valid_until.map(|at| n(at.millis())));
    set(
        &mut map,
        "ended",
        ended.then_some(AttributeValue::Bool(true)),
    );
    AttributeValue::M(map)
}

fn read_secret(value: &AttributeValue) -> Result<SecretFacts, StoreError> {
    let map = value.as_m().map_err(|_| StoreError::Corrupt("secrets"))?;
    Ok(SecretFacts {
        stored: StoredSecret {
            hmac: map.bytes("hmac")?,
            generation: map.parsed("generation")?,
        },
        suffix: map.text("suffix")?.to_owned(),
        created_at: map.instant("created")?,
        valid_until: map.instant_if("until")?,
        ended: map.contains_key("ended"),
    })
}
