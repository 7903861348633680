//! A company's kill switch: every key that isn't revoked yet is revoked, every active grant suspended.
//!
//! A lockdown is one row of the company. While it runs, whoever makes or revives a key, or makes or resumes a grant, proves in the same transaction that it doesn't, so nothing new comes to be that the sweep would miss; and revoking is final, so nothing comes back.
//! What is left is a task, which the worker ends where a process stopped before. Whoever sweeps stamps as the one who began, and the stamp's nonce names the lockdown on every row that it changed: so the report is read from the rows, whoever swept them, and says neither more nor less.

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, ReturnValuesOnConditionCheckFailure, Update,
};
use model::{GrantState, KeyState, PartnerId};
use tokio::task::JoinSet;

use crate::{
    CompanyStore, GrantRow, KeyOutline, KeyRow, OwnerStore, Remembered, Stamp, StoreError, Task,
    item::{Item, Read, b, item, n, s, set},
    transact::{Transaction, built, put_new, put_over},
};

/// A company's last lockdown, or the one that runs.
#[derive(Debug, Clone)]
pub struct Lockdown {
    /// Of whoever began it; every change that it makes has this stamp.
    stamp: Stamp,
    include_partners: bool,
    runs: bool,
    /// Whether somebody was given its report.
    reported: bool,
    /// Nonces of earlier ones whose report nobody was given: this one's tells of their part, too.
    unreported: Vec<[u8; 16]>,
    /// Whose grants were suspended by it and by those.
    partners: Vec<PartnerId>,
    /// Raised by what begins and ends, and so by each write while none runs.
    version: u64,
    rev: u64,
}

/// What a lockdown ended, or would end.
#[derive(Debug, Clone, Default)]
pub struct Caught {
    /// The youngest first.
    pub keys: Vec<KeyOutline>,
    /// Whose grants.
    pub partners: Vec<PartnerId>,
}

const SK: &str = "LOCKDOWN";
/// Earlier lockdowns that a report tells of at most.
const MOST_UNREPORTED: usize = 20;
/// Keys that are revoked at the same time.
const AT_ONCE: usize = 8;
/// How often one grant's step is tried while others change it.
const TRIES: u32 = 8;

impl OwnerStore {
    /// Whether a lockdown runs, strongly. Partners have none.
    pub async fn is_locked(&self) -> Result<bool, StoreError> {
        if self.owner().company().is_none() {
            return Ok(false);
        }
        let row = self.table.find(&self.table.names.records, self.key(SK));
        Ok(row
            .await?
            .is_some_and(|row| row.contains_key(Lockdown::RUNS)))
    }

    /// The action that proves that no lockdown runs. Partners have none.
    pub(crate) fn prove_unlocked(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Option<usize>, StoreError> {
        if self.owner().company().is_none() {
            return Ok(None);
        }
        let check = ConditionCheck::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(SK)))
            .condition_expression("attribute_not_exists(#runs)")
            .expression_attribute_names("#runs", Lockdown::RUNS)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
            .build()
            .map_err(built)?;
        Ok(Some(transaction.check(check)))
    }
}

impl CompanyStore {
    /// What a lockdown would end now. Expired keys are caught, too: they could be given life again.
    pub async fn would_catch(&self, include_partners: bool) -> Result<Caught, StoreError> {
        let grants = self.active_grants(include_partners);
        let (grants, mut keys) = tokio::try_join!(grants, self.key_outlines())?;
        keys.retain(|key| key.state != KeyState::Revoked);
        Ok(Caught {
            keys,
            partners: grants.into_iter().map(|row| row.partner).collect(),
        })
    }

    async fn active_grants(&self, include_partners: bool) -> Result<Vec<GrantRow>, StoreError> {
        if !include_partners {
            return Ok(Vec::new());
        }
        let mut grants = self.grants().await?;
        grants.retain(|row| row.state == GrantState::Active);
        Ok(grants)
    }

    /// Locks the company, or joins the lockdown that runs already, which may spare the grants.
    ///
    /// # Errors
    /// `Conflict` where somebody else began or ended one meanwhile.
    pub async fn begin_lockdown(
        &self,
        stamp: &Stamp,
        include_partners: bool,
    ) -> Result<Lockdown, StoreError> {
        let old = self.find_lockdown().await?;
        if let Some(running) = old.as_ref().filter(|old| old.runs) {
            return Ok(running.clone());
        }
        let records = &self.table.names.records;
        let new = Lockdown::after(old.as_ref(), stamp, include_partners);
        let mut row = self.key(SK);
        row.extend(new.item());
        let mut transaction = Transaction::default();
        transaction.put(match &old {
            None => put_new(records, row)?,
            Some(old) => put_over(records, row, old.version)?,
        });
        transaction.put(self.task(Task::LOCKDOWN)?);
        match transaction.commit(&self.table, stamp.nonce).await? {
            Ok(()) => Ok(new),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Ends the life of at most `most` keys and grants; true when none is left.
    ///
    /// # Errors
    /// `Throttled` where others changed a grant each time.
    pub async fn sweep(
        &self,
        lockdown: &Lockdown,
        most: usize,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<bool, StoreError> {
        let mut keys = self.all_keys().await?;
        keys.retain(|row| row.facts.state != KeyState::Revoked);
        let mut grants = self.active_grants(lockdown.include_partners).await?;
        // It ran before these were read and runs still, so each of them was there under the lock. Once it is over there may be new ones, and they are none of its business.
        let now = self.find_lockdown().await?;
        if !now.is_some_and(|now| now.is_still(lockdown)) {
            return Ok(true);
        }
        let all = keys.len() + grants.len() <= most;
        keys.truncate(most);
        grants.truncate(most - keys.len());
        self.revoke_keys(keys, &lockdown.stamp).await?;
        for grant in grants {
            self.suspend_for(lockdown, grant, &nonce).await?;
        }
        Ok(all)
    }

    async fn revoke_keys(&self, keys: Vec<KeyRow>, stamp: &Stamp) -> Result<(), StoreError> {
        let mut left = keys.into_iter();
        let mut revoking = JoinSet::new();
        loop {
            while revoking.len() < AT_ONCE
                && let Some(row) = left.next()
            {
                let (table, update) = (self.table.clone(), self.revocation(&row, stamp)?);
                let stamp = stamp.clone();
                revoking.spawn(async move { table.update_alone(update, &stamp).await });
            }
            match revoking.join_next().await {
                None => return Ok(()),
                // One that conflicts is revoked already, by whomever.
                Some(Ok(Ok(_) | Err(StoreError::Conflict))) => {}
                Some(Ok(Err(fault))) => return Err(fault),
                Some(Err(_)) => return Err(StoreError::Corrupt("task")),
            }
        }
    }

    /// Depends on nothing that was read, so that nobody who changes the key in a loop can keep it alive.
    fn revocation(&self, row: &KeyRow, stamp: &Stamp) -> Result<Update, StoreError> {
        let mut update = Update::builder();
        let mut told = "";
        if let Some(expired) = row.expired_untold(stamp.at) {
            told = ", #told = :told";
            update = update
                .expression_attribute_names("#told", KeyRow::EXPIRY_TOLD)
                .expression_attribute_values(":told", n(expired.millis()));
        }
        update
            .table_name(&self.table.names.keys)
            .set_key(Some(KeyRow::key(row.facts.id)))
            .update_expression(format!(
                "SET #state = :revoked, #version = #version + :one, #changed = :changed{told} ADD #rev :one",
            ))
            .condition_expression("#state <> :revoked AND #owner = :owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#changed", Stamp::ATTRIBUTE)
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":revoked", s(KeyState::Revoked))
            .expression_attribute_values(":owner", s(self.owner()))
            .expression_attribute_values(":changed", stamp.value())
            .expression_attribute_values(":one", n(1))
            .build()
            .map_err(built)
    }

    /// A suspended grant may be resumed once the lockdown is over, so each suspension proves that it runs, and is noted for the report.
    async fn suspend_for(
        &self,
        lockdown: &Lockdown,
        mut old: GrantRow,
        nonce: &impl Fn() -> [u8; 16],
    ) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let new = old.becoming(GrantState::Suspended, &lockdown.stamp);
            let noted = AttributeValue::Ss(vec![old.partner.to_string()]);
            let note = self
                .lockdown_update(lockdown)
                .update_expression("ADD #partners :partner, #rev :one")
                .condition_expression("#run = :run AND attribute_exists(#runs)")
                .expression_attribute_names("#runs", Lockdown::RUNS)
                .expression_attribute_names("#partners", Lockdown::PARTNERS)
                .expression_attribute_values(":partner", noted)
                .build()
                .map_err(built)?;
            let mut step = Transaction::default();
            let note = step.update(note);
            for put in new.puts(&self.table, Some(old.version))? {
                step.put(put);
            }
            match step.commit(&self.table, nonce()).await? {
                Ok(()) => return Ok(()),
                // It is over.
                Err(refused) if refused.action == note => return Ok(()),
                Err(_) => {}
            }
            match self.find_grant(old.partner).await? {
                Some(again) if again.state == GrantState::Active => old = again,
                _ => return Ok(()),
            }
        }
        Err(StoreError::Throttled(
            "others changed the grant each time".to_owned(),
        ))
    }

    /// What the lockdown ended so far, and what those before it ended whose report nobody was given.
    pub async fn caught(&self, lockdown: &Lockdown) -> Result<Caught, StoreError> {
        let mut keys = self.all_keys().await?;
        keys.retain(|row| row.facts.state == KeyState::Revoked && lockdown.made(row.changed.nonce));
        // As the row has it now: others may have swept since it was read.
        let row = self.find_lockdown().await?;
        let partners = match row.filter(|row| row.stamp.nonce == lockdown.stamp.nonce) {
            Some(row) => row.partners,
            // Yet another one has begun since.
            None => {
                let mut grants = self.grants().await?;
                grants.retain(|row| lockdown.made(row.changed.nonce));
                grants.into_iter().map(|row| row.partner).collect()
            }
        };
        Ok(Caught {
            keys: keys.iter().map(KeyRow::outline).collect(),
            partners,
        })
    }

    /// Unlocks the company, once nothing is left. `reported`: the answer that is kept with it, or that the caller gives the report without one being kept; `None` where nobody is given it yet.
    ///
    /// # Errors
    /// `AlreadyDone` as everywhere.
    pub async fn end_lockdown(
        &self,
        lockdown: &Lockdown,
        reported: Option<Option<&Remembered>>,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<(), StoreError> {
        let set = match reported {
            Some(_) => "SET #version = #version + :one, #reported = :run",
            None => "SET #version = #version + :one",
        };
        let mut update = self
            .lockdown_update(lockdown)
            .update_expression(format!("{set} ADD #rev :one REMOVE #runs"))
            .condition_expression("#run = :run AND attribute_exists(#runs)")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#runs", Lockdown::RUNS);
        if reported.is_some() {
            update = update.expression_attribute_names("#reported", Lockdown::REPORTED);
        }
        let task = self.task_end(Task::LOCKDOWN)?;
        let remembered = reported.flatten();
        let mut end = Transaction::default();
        let remember = self.remember(&mut end, remembered)?;
        end.update(update.build().map_err(built)?);
        end.delete(task);
        match end.commit(&self.table, nonce()).await? {
            Ok(()) => Ok(()),
            Err(refused) if Some(refused.action) == remember => Err(StoreError::AlreadyDone),
            // Somebody else was first; what is reported is to be known all the same.
            Err(_) if reported.is_some() => self.note_reported(lockdown, remembered, nonce).await,
            Err(_) => Ok(()),
        }
    }

    async fn note_reported(
        &self,
        lockdown: &Lockdown,
        remembered: Option<&Remembered>,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<(), StoreError> {
        let update = self
            .lockdown_update(lockdown)
            .update_expression("SET #version = #version + :one, #reported = :run ADD #rev :one")
            .condition_expression("#run = :run")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#reported", Lockdown::REPORTED)
            .build()
            .map_err(built)?;
        let mut note = Transaction::default();
        let remember = self.remember(&mut note, remembered)?;
        note.update(update);
        match note.commit(&self.table, nonce()).await? {
            Ok(()) => Ok(()),
            Err(refused) if Some(refused.action) == remember => Err(StoreError::AlreadyDone),
            // The next one has begun, and tells of this one's part as well.
            Err(_) => match remembered {
                Some(remembered) => self.remember_answer(remembered, nonce()).await,
                None => Ok(()),
            },
        }
    }

    /// Goes on with the lockdown that runs, as its task asks; true when none does any more, and the task is gone.
    pub async fn continue_lockdown(
        &self,
        most: usize,
        nonce: impl Fn() -> [u8; 16],
    ) -> Result<bool, StoreError> {
        if let Some(lockdown) = self.find_lockdown().await?.filter(|row| row.runs) {
            if !self.sweep(&lockdown, most, &nonce).await? {
                return Ok(false);
            }
            self.end_lockdown(&lockdown, None, nonce).await?;
            return Ok(true);
        }
        // The task goes with the lockdown, so this one was read before it went; or another one has begun since.
        let mut done = Transaction::default();
        done.delete(self.task_end(Task::LOCKDOWN)?);
        let lock = self.prove_unlocked(&mut done)?;
        match done.commit(&self.table, nonce()).await? {
            Ok(()) => Ok(true),
            Err(refused) => Ok(Some(refused.action) != lock),
        }
    }

    async fn find_lockdown(&self) -> Result<Option<Lockdown>, StoreError> {
        let row = self.table.find(&self.table.names.records, self.key(SK));
        row.await?.map(|row| Lockdown::read(&row)).transpose()
    }

    /// A change of this very lockdown's row; its condition begins with `#run = :run`, and it adds `:one` to `#rev`.
    fn lockdown_update(
        &self,
        lockdown: &Lockdown,
    ) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.table.names.records)
            .set_key(Some(self.key(SK)))
            .expression_attribute_names("#run", Lockdown::RUN)
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":run", b(lockdown.stamp.nonce))
            .expression_attribute_values(":one", n(1))
    }
}

impl Lockdown {
    /// There while it runs.
    const RUNS: &str = "runs";
    /// The stamp's nonce.
    const RUN: &str = "run";
    const REPORTED: &str = "reported";
    const PARTNERS: &str = "partners";

    /// The next one, which tells of what no report has told.
    fn after(old: Option<&Lockdown>, stamp: &Stamp, include_partners: bool) -> Lockdown {
        let untold = old.filter(|old| !old.reported);
        let mut unreported: Vec<_> = untold.iter().flat_map(|old| old.all()).collect();
        unreported.drain(..unreported.len().saturating_sub(MOST_UNREPORTED));
        Lockdown {
            stamp: stamp.clone(),
            include_partners,
            runs: true,
            reported: false,
            unreported,
            partners: untold.map(|old| old.partners.clone()).unwrap_or_default(),
            version: old.map_or(1, |old| old.version + 1),
            rev: old.map_or(1, |old| old.rev + 1),
        }
    }

    /// Whether grants are suspended, too.
    pub fn includes_partners(&self) -> bool {
        self.include_partners
    }

    fn is_still(&self, other: &Lockdown) -> bool {
        self.runs && self.stamp.nonce == other.stamp.nonce
    }

    fn all(&self) -> impl Iterator<Item = [u8; 16]> {
        self.unreported.iter().copied().chain([self.stamp.nonce])
    }

    /// Whether a change with this nonce is of this lockdown, or of one whose part it tells.
    fn made(&self, nonce: [u8; 16]) -> bool {
        self.all().any(|own| own == nonce)
    }

    fn item(&self) -> Item {
        let Lockdown {
            stamp,
            include_partners,
            runs,
            reported,
            unreported,
            partners,
            version,
            rev,
        } = self;
        let mut row = item([
            ("entity", s("lockdown")),
            (Lockdown::RUN, b(stamp.nonce)),
            ("includePartners", AttributeValue::Bool(*include_partners)),
            (
                "unreported",
                AttributeValue::L(unreported.iter().map(|nonce| b(*nonce)).collect()),
            ),
            ("version", n(version)),
            ("rev", n(rev)),
            (Stamp::ATTRIBUTE, stamp.value()),
        ]);
        set(
            &mut row,
            Lockdown::RUNS,
            runs.then_some(AttributeValue::Bool(true)),
        );
        set(
            &mut row,
            Lockdown::REPORTED,
            reported.then(|| b(stamp.nonce)),
        );
        // There is no empty set.
        let partners: Vec<_> = partners.iter().map(ToString::to_string).collect();
        let partners = (!partners.is_empty()).then_some(AttributeValue::Ss(partners));
        set(&mut row, Lockdown::PARTNERS, partners);
        row
    }

    fn read(row: &Item) -> Result<Lockdown, StoreError> {
        let corrupt = |name| StoreError::Corrupt(name);
        let unreported = match row.get("unreported") {
            Some(AttributeValue::L(nonces)) => nonces.iter().map(nonce).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        let partners = match row.get(Lockdown::PARTNERS) {
            None => Some(Vec::new()),
            Some(AttributeValue::Ss(texts)) => texts.iter().map(|text| text.parse().ok()).collect(),
            Some(_) => None,
        };
        let include_partners = row.get("includePartners").and_then(|is| is.as_bool().ok());
        Ok(Lockdown {
            stamp: Stamp::read(row)?,
            include_partners: *include_partners.ok_or(corrupt("includePartners"))?,
            runs: row.contains_key(Lockdown::RUNS),
            reported: row.contains_key(Lockdown::REPORTED),
            unreported: unreported.ok_or(corrupt("unreported"))?,
            partners: partners.ok_or(corrupt(Lockdown::PARTNERS))?,
            version: row.parsed("version")?,
            rev: row.parsed("rev")?,
        })
    }
}

fn nonce(value: &AttributeValue) -> Option<[u8; 16]> {
    value.as_b().ok()?.as_ref().try_into().ok()
}
