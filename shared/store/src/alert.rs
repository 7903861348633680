//! Alerts: what is known of each group of findings, and what an owner wants to hear of.
//!
//! The write that moves a group on is the one that makes its notice, under the condition that the group is as it was read: a crash, or a second worker, loses none and repeats none.

use aws_sdk_dynamodb::types::Put;
use model::{
    AlertKind, AlertSettings, AlertSettingsFields, AlertState, Finding, KeyId, Owner, Timestamp,
};

use crate::{
    ActiveKey, NoticeRow, OwnerStore, StoreError, Table,
    item::{Item, Read, item, n, s},
    transact::{Transaction, put_at_rev, put_new},
};

/// An owner's settings, or what stands where there are none.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlertSettings {
    pub owner: Owner,
    pub fields: AlertSettingsFields,
    /// 0 where there are none.
    pub version: u64,
    pub updated_at: Option<Timestamp>,
}

/// The entity of both kinds of rows.
pub(crate) const ENTITY: &str = "alert";
const SETTINGS: &str = "ALERT-SETTINGS";

impl StoredAlertSettings {
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
            updated_at: self.updated_at,
        }
    }
}

impl OwnerStore {
    pub async fn get_alert_settings(&self) -> Result<StoredAlertSettings, StoreError> {
        let owner = self.owner();
        let records = &self.table.names.records;
        let row = self.table.find(records, self.key(SETTINGS)).await?;
        Ok(match row {
            None => StoredAlertSettings {
                owner,
                fields: AlertSettingsFields::default(),
                version: 0,
                updated_at: None,
            },
            Some(row) => StoredAlertSettings {
                owner,
                fields: serde_json::from_str(row.text("data")?)
                    .map_err(|_| StoreError::Corrupt("data"))?,
                version: row.parsed("version")?,
                updated_at: Some(row.instant("updated")?),
            },
        })
    }

    /// # Errors
    /// `Conflict` where they are no longer `old`.
    pub async fn set_alert_settings(
        &self,
        old: &StoredAlertSettings,
        fields: AlertSettingsFields,
        now: Timestamp,
        nonce: [u8; 16],
    ) -> Result<StoredAlertSettings, StoreError> {
        let version = old.version + 1;
        let data = serde_json::to_string(&fields).map_err(|_| StoreError::Corrupt("data"))?;
        let mut row = self.key(SETTINGS);
        row.extend(item([
            ("entity", s(ENTITY)),
            ("data", s(data)),
            ("version", n(version)),
            ("rev", n(version)),
            ("updated", n(now.millis())),
        ]));
        let mut transaction = Transaction::default();
        transaction.put(self.put_from(row, old.version)?);
        match transaction.commit(&self.table, nonce).await? {
            Ok(()) => Ok(StoredAlertSettings {
                owner: self.owner(),
                fields,
                version,
                updated_at: Some(now),
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
            ("rev", n(rev)),
            ("ttl", n(state.ends().seconds())),
        ]));
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
        if grouped.tell {
            // The group's own number, so that no two of its notices are one.
            let what = format!("{}\n{}\n{}", key.key_id, state.first, state.count);
            let kind = finding.kind.notice();
            let text = match old {
                Some(_) if state.first < finding.first => {
                    format!("{} This began at {}.", finding.message, state.first)
                }
                _ => finding.message.clone(),
            };
            let mut notice = NoticeRow::new(key.owner, &what, kind, finding.last, text, now);
            notice.key_id = Some(key.key_id);
            notice.recipients = recipients;
            owned.tell(&mut step, &[notice])?;
        }
        match step.commit(self, nonce).await? {
            Ok(()) => Ok(grouped.tell),
            Err(_) => Err(StoreError::Conflict),
        }
    }
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
    })
}
