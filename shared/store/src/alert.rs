//! Alerts: what is known of each group of findings, and what an owner wants to hear of.
//!
//! The write that moves a group on is the one that makes its notice, under the condition that the group is as it was read: a crash, or a second worker, loses none and repeats none.

use aws_sdk_dynamodb::types::{Delete, Put};
use chrono::Duration;
use model::{
    AlertKind, AlertSettings, AlertSettingsFields, AlertState, Finding, KeyId, Owner, Timestamp,
};

use crate::{
    ActiveKey, NoticeRow, OwnerStore, Stamp, StoreError, Table,
    batch::{between, read},
    item::{Item, Read, item, key, list, n, s, set},
    notice::instant,
    transact::{Transaction, built, put_at_rev, put_new},
};

/// An owner's settings, or what stands where there are none.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlertSettings {
    pub owner: Owner,
    pub fields: AlertSettingsFields,
    /// 0 where there are none.
    pub version: u64,
    /// The last change.
    pub changed: Option<Stamp>,
}

/// The entity of groups and silences.
const ENTITY: &str = "alert";
const SETTINGS: &str = "ALERT-SETTINGS";

impl StoredAlertSettings {
    pub(crate) const ENTITY: &str = "alert_settings";

    fn none(owner: Owner) -> StoredAlertSettings {
        StoredAlertSettings {
            owner,
            fields: AlertSettingsFields::default(),
            version: 0,
            changed: None,
        }
    }

    pub(crate) fn read(row: &Item) -> Result<StoredAlertSettings, StoreError> {
        Ok(StoredAlertSettings {
            owner: row.parsed("pk")?,
            fields: serde_json::from_str(row.text("data")?)
                .map_err(|_| StoreError::Corrupt("data"))?,
            version: row.parsed("version")?,
            changed: Some(Stamp::read(row)?),
        })
    }

    /// As its owner's people see it.
    pub fn view(&self) -> AlertSettings {
        let AlertSettingsFields {
            recipients,
            volume_factor: _,
            disabled,
        } = &self.fields;
        AlertSettings {
            company_id: self.owner.company(),
            partner_id: self.owner.partner(),
            disabled: disabled.clone(),
            recipients: recipients.clone(),
            volume_factor: self.fields.volume_factor(),
            version: self.version,
            updated_at: self.changed.as_ref().map(|stamp| stamp.at),
        }
    }
}

impl OwnerStore {
    pub async fn get_alert_settings(&self) -> Result<StoredAlertSettings, StoreError> {
        let records = &self.table.names.records;
        let row = self.table.find(records, self.key(SETTINGS)).await?;
        match row {
            None => Ok(StoredAlertSettings::none(self.owner())),
            Some(row) => StoredAlertSettings::read(&row),
        }
    }

    /// # Errors
    /// `Conflict` where they are no longer `old`.
    pub async fn set_alert_settings(
        &self,
        old: &StoredAlertSettings,
        fields: AlertSettingsFields,
        stamp: &Stamp,
    ) -> Result<StoredAlertSettings, StoreError> {
        let version = old.version + 1;
        let data = serde_json::to_string(&fields).map_err(|_| StoreError::Corrupt("data"))?;
        let mut row = self.key(SETTINGS);
        row.extend(item([
            ("entity", s(StoredAlertSettings::ENTITY)),
            ("data", s(data)),
            ("version", n(version)),
            ("rev", n(version)),
            (Stamp::ATTRIBUTE, stamp.value()),
        ]));
        let mut transaction = Transaction::default();
        transaction.put(self.put_from(row, old.version)?);
        match transaction.commit(&self.table, stamp.nonce).await? {
            Ok(()) => Ok(StoredAlertSettings {
                owner: self.owner(),
                fields,
                version,
                changed: Some(stamp.clone()),
            }),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Puts a row over its `rev`, which is 0 where there was none.
    fn put_from(&self, row: Item, rev: u64) -> Result<Put, StoreError> {
        let records = &self.table.names.records;
        match rev {
            0 => put_new(records, row),
            rev => put_at_rev(records, row, rev),
        }
    }

    /// What is known of the group, and the row's `rev`.
    async fn alert_state(
        &self,
        kind: AlertKind,
        id: KeyId,
    ) -> Result<(Option<AlertState>, u64), StoreError> {
        let key = self.key(state_sk(kind, id));
        let row = self.table.find(&self.table.names.records, key).await?;
        match row {
            None => Ok((None, 0)),
            Some(row) => Ok((Some(read_state(&row)?), row.parsed("rev")?)),
        }
    }

    /// The row that says when what this group keeps to itself is to be told.
    fn silence(&self, kind: AlertKind, id: KeyId, state: &AlertState) -> Silence {
        Silence {
            at: state.speaks_at(),
            key: ActiveKey {
                owner: self.owner(),
                key_id: id,
                last: state.speaks_at(),
            },
            kind,
        }
    }

    fn state_item(&self, kind: AlertKind, id: KeyId, state: &AlertState, rev: u64) -> Item {
        let AlertState {
            first,
            last,
            count,
            period,
            in_period,
            told_at,
            step,
            degree,
            apart,
            apart_hour,
            apart_told,
            untold,
        } = state;
        let mut row = self.key(state_sk(kind, id));
        row.extend(item([
            ("entity", s(ENTITY)),
            ("first", n(first.millis())),
            ("last", n(last.millis())),
            ("count", n(count)),
            ("period", n(period.millis())),
            ("inPeriod", n(in_period)),
            ("told", n(told_at.millis())),
            ("step", n(step)),
            ("degree", n(degree)),
            ("apart", list(apart)),
            ("apartHour", n(apart_hour.millis())),
            ("apartTold", n(apart_told)),
            ("rev", n(rev)),
            ("ttl", n(state.ends().seconds())),
        ]));
        set(&mut row, "untold", untold.as_ref().map(s));
        row
    }
}

impl Table {
    /// As [`OwnerStore::get_alert_settings`], of a key that the table itself named.
    pub async fn alert_settings_of(
        &self,
        key: &ActiveKey,
    ) -> Result<StoredAlertSettings, StoreError> {
        let owned = OwnerStore::new(self.clone(), key.owner);
        owned.get_alert_settings().await
    }

    /// Adds the finding to its group, and makes a notice where it is time; whether one was made.
    ///
    /// `recipients`: who is told instead of the owner's own people.
    ///
    /// # Errors
    /// `Conflict` where somebody else moved the group meanwhile; the next turn finds the same again.
    pub async fn add_finding(
        &self,
        key: &ActiveKey,
        finding: &Finding,
        recipients: Option<Vec<String>>,
        now: Timestamp,
        nonce: [u8; 16],
    ) -> Result<bool, StoreError> {
        let owned = OwnerStore::new(self.clone(), key.owner);
        let (old, rev) = owned.alert_state(finding.kind, key.key_id).await?;
        let Some(grouped) = AlertState::after(old.as_ref(), finding, now) else {
            return Ok(false);
        };
        let state = &grouped.state;
        let mut step = Transaction::default();
        let row = owned.state_item(finding.kind, key.key_id, state, rev + 1);
        step.put(owned.put_from(row, rev)?);
        let silence = |state: &AlertState| {
            let kept = state.untold.is_some();
            kept.then(|| owned.silence(finding.kind, key.key_id, state))
        };
        let (was, is) = (old.as_ref().and_then(silence), silence(state));
        if was != is {
            if let Some(was) = was {
                step.delete(was.delete(self)?);
            }
            if let Some(is) = is {
                step.put(put_new(&self.names.records, is.item())?);
            }
        }
        if grouped.tell {
            let mut text = finding.message.clone();
            if old.is_some() && state.first < finding.first {
                text += &format!(" This began at {}.", state.first);
            }
            if let Some(new) = grouped.new_in_it {
                text += " ";
                text += &new;
            }
            let mut notice = alert(key, finding.kind, state, rev + 1, finding.last, text, now);
            notice.recipients = recipients;
            owned.tell(&mut step, &[notice])?;
        }
        match step.commit(self, nonce).await? {
            Ok(()) => Ok(grouped.tell),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// What groups keep to themselves and may tell by now; at most `limit`, the first due first.
    pub async fn list_silences(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Silence>, StoreError> {
        let until = instant(now.plus(Duration::milliseconds(1)));
        let rows = self.partition(Silence::PARTITION);
        let rows = read(between(rows, "0", &until), limit).await?;
        rows.iter().map(Silence::read).collect()
    }

    /// Ends a silence: what was counted in it is told, also where nothing new came.
    ///
    /// `told`: whether the owner wants to hear of it, and who is told instead of the owner's own people.
    ///
    /// # Errors
    /// `Conflict` where somebody else moved the group meanwhile.
    pub async fn end_silence(
        &self,
        silence: &Silence,
        told: Option<Option<Vec<String>>>,
        now: Timestamp,
        nonce: [u8; 16],
    ) -> Result<(), StoreError> {
        let Silence { at: _, key, kind } = silence;
        let owned = OwnerStore::new(self.clone(), key.owner);
        let (old, rev) = owned.alert_state(*kind, key.key_id).await?;
        let mut step = Transaction::default();
        step.delete(silence.delete(self)?);
        let kept = old.filter(|old| owned.silence(*kind, key.key_id, old) == *silence);
        if let Some(old) = kept
            && let Some(untold) = old.untold.clone()
        {
            let state = match told {
                Some(_) => old.told(now),
                None => AlertState {
                    untold: None,
                    ..old
                },
            };
            let row = owned.state_item(*kind, key.key_id, &state, rev + 1);
            step.put(owned.put_from(row, rev)?);
            if let Some(recipients) = told {
                let text = format!("{untold} This began at {}.", state.first);
                let mut notice = alert(key, *kind, &state, rev + 1, state.last, text, now);
                notice.recipients = recipients;
                owned.tell(&mut step, &[notice])?;
            }
        }
        match step.commit(self, nonce).await? {
            Ok(()) => Ok(()),
            Err(_) => Err(StoreError::Conflict),
        }
    }
}

/// When a group that has something untold may tell it. Made from a row alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    at: Timestamp,
    pub key: ActiveKey,
    pub kind: AlertKind,
}

impl Silence {
    /// The partition of all of them, of all owners.
    const PARTITION: &str = "SILENCES";

    fn key(&self) -> Item {
        let Silence { at, key: id, kind } = self;
        let sk = format!("{}#{}#{kind}#{}", instant(*at), id.owner, id.key_id);
        key(Silence::PARTITION, sk)
    }

    fn item(&self) -> Item {
        let mut row = self.key();
        row.extend(item([
            ("entity", s(ENTITY)),
            ("at", n(self.at.millis())),
            ("owner", s(self.key.owner)),
            ("keyId", s(self.key.key_id)),
            ("kind", s(self.kind)),
            ("rev", n(1)),
        ]));
        row
    }

    fn read(row: &Item) -> Result<Silence, StoreError> {
        let at = row.instant("at")?;
        Ok(Silence {
            at,
            key: ActiveKey {
                owner: row.parsed("owner")?,
                key_id: row.parsed("keyId")?,
                last: at,
            },
            kind: row.parsed("kind")?,
        })
    }

    fn delete(&self, table: &Table) -> Result<Delete, StoreError> {
        let row = Delete::builder().table_name(&table.names.records);
        row.set_key(Some(self.key())).build().map_err(built)
    }
}

/// `rev`: the group's, so that no two of its notices are one.
fn alert(
    key: &ActiveKey,
    kind: AlertKind,
    state: &AlertState,
    rev: u64,
    at: Timestamp,
    text: String,
    now: Timestamp,
) -> NoticeRow {
    let what = format!("{}\n{}\n{rev}", key.key_id, state.first);
    let mut notice = NoticeRow::new(key.owner, &what, kind.notice(), at, text, now);
    notice.key_id = Some(key.key_id);
    notice
}

fn state_sk(kind: AlertKind, id: KeyId) -> String {
    format!("{kind}#{id}")
}

fn read_state(row: &Item) -> Result<AlertState, StoreError> {
    Ok(AlertState {
        first: row.instant("first")?,
        last: row.instant("last")?,
        count: row.parsed("count")?,
        period: row.instant("period")?,
        in_period: row.parsed("inPeriod")?,
        told_at: row.instant("told")?,
        step: row.parsed("step")?,
        degree: row.parsed("degree")?,
        apart: row.texts("apart")?.into_iter().map(str::to_owned).collect(),
        apart_hour: row.instant("apartHour")?,
        apart_told: row.parsed("apartTold")?,
        untold: match row.contains_key("untold") {
            true => Some(row.text("untold")?.to_owned()),
            false => None,
        },
    })
}
