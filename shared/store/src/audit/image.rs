//! Rows as the streams show them, before and after a change.

use model::{AgentFields, CandidateRecord, InterviewRecord, JobFields, Owner, Timestamp};
use serde_json::{Map, Value};

use crate::{
    AdministratorRow, DenialRow, GrantRow, InvitationRow, KeyRow, MemberRow, PersonRow, Resource,
    Stamp, StoreError, StoredAlertSettings, TableNames,
    item::{Item, Read},
};

/// The streamed tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Keys,
    Denials,
    Records,
}

/// One row that the audit trail tells of.
#[derive(Debug)]
pub enum Image {
    Key(Box<KeyRow>),
    Member(Box<MemberRow>),
    Person(Box<PersonRow>),
    Administrator(Box<AdministratorRow>),
    Object(Box<ObjectRow>),
    Grant {
        owner: Owner,
        row: Box<GrantRow>,
        sk: String,
    },
    Invitation(Box<InvitationRow>),
    AlertSettings(Box<StoredAlertSettings>),
    Denial {
        kind: DenialKind,
        row: Box<DenialRow>,
        sk: String,
    },
    /// A row that only serves others: an index, a pointer, a counter, a kept answer.
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialKind {
    /// One refusal.
    Single,
    /// A window of a credential was full.
    RateLimit,
    /// A credential's refusals are no longer kept one by one in this minute.
    Suppressed,
}

/// A company or an object of a company.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectRow {
    pub owner: Owner,
    pub entity: Entity,
    /// As the sort key has it.
    pub sk: String,
    pub rev: u64,
    pub deleted: bool,
    /// Whether its data were taken away; only its tombstone is left.
    pub erased: bool,
    /// Its fields, and what only the server sets.
    pub fields: Map<String, Value>,
    pub changed: Stamp,
}

/// What the audit trail tells of in `records`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    Company,
    Partner,
    Job,
    Candidate,
    Agent,
    Interview,
}

/// Entities of rows in `records` that only serve others, and tell nothing: no stream needs to bring them.
pub const SILENT: [&str; 10] = [
    "alert",
    "billing",
    "due",
    "idempotency",
    "index",
    "lockdown",
    "notice",
    "pointer",
    "report",
    "task",
];

impl Entity {
    fn parse(text: &str) -> Option<Entity> {
        Some(match text {
            "company" => Entity::Company,
            "partner" => Entity::Partner,
            JobFields::ENTITY => Entity::Job,
            CandidateRecord::ENTITY => Entity::Candidate,
            AgentFields::ENTITY => Entity::Agent,
            InterviewRecord::ENTITY => Entity::Interview,
            _ => return None,
        })
    }
}

impl TableNames {
    /// Whose stream this table's is.
    pub fn source(&self, table: &str) -> Option<Source> {
        let TableNames {
            keys,
            denials,
            records,
            audit: _,
            sessions: _,
        } = self;
        let sources = [
            (keys, Source::Keys),
            (denials, Source::Denials),
            (records, Source::Records),
        ];
        sources
            .into_iter()
            .find_map(|(name, source)| (name == table).then_some(source))
    }
}

impl Image {
    /// `None` where the record has no such image.
    ///
    /// # Errors
    /// A row that is no row of that table, or of a kind that nobody taught the audit trail.
    pub fn read(source: Source, image: serde_dynamo::Item) -> Result<Option<Image>, StoreError> {
        if image.is_empty() {
            return Ok(None);
        }
        let row: Item = image.into();
        match source {
            Source::Keys => Image::of_keys(row),
            Source::Denials => Image::of_denials(&row),
            Source::Records => Image::of_records(&row),
        }
        .map(Some)
    }

    fn of_keys(row: Item) -> Result<Image, StoreError> {
        let kind = row.text("pk")?.split_once('#').map(|(kind, _)| kind);
        match kind {
            Some("KEY") => Ok(Image::Key(Box::new(KeyRow::read(row)?))),
            Some("MEMBER") => Ok(Image::Member(Box::new(MemberRow::read(row)?))),
            Some("ADMIN") => Ok(Image::Administrator(Box::new(AdministratorRow::read(row)?))),
            Some("PERSON") => Ok(Image::Person(Box::new(PersonRow::read(row)?))),
            _ => Err(StoreError::Corrupt("pk")),
        }
    }

    fn of_denials(row: &Item) -> Result<Image, StoreError> {
        let kind = match row.text("entity")? {
            "denial" => DenialKind::Single,
            "rate_limit" => DenialKind::RateLimit,
            "suppressed" => DenialKind::Suppressed,
            _ => return Err(StoreError::Corrupt("entity")),
        };
        Ok(Image::Denial {
            kind,
            row: Box::new(DenialRow::read(row)?),
            sk: row.text("sk")?.to_owned(),
        })
    }

    fn of_records(row: &Item) -> Result<Image, StoreError> {
        let sk = row.text("sk")?;
        if sk.starts_with("TOTAL#") || sk.starts_with("COUNT#") {
            return Ok(Image::Silent);
        }
        match row.text("entity")? {
            entity if SILENT.contains(&entity) => Ok(Image::Silent),
            StoredAlertSettings::ENTITY => {
                let settings = StoredAlertSettings::read(row)?;
                Ok(Image::AlertSettings(Box::new(settings)))
            }
            InvitationRow::ENTITY => Ok(Image::Invitation(Box::new(InvitationRow::read(row)?))),
            GrantRow::ENTITY => Ok(Image::Grant {
                owner: row.parsed("pk")?,
                row: Box::new(GrantRow::read(row)?),
                sk: sk.to_owned(),
            }),
            entity => {
                let entity = Entity::parse(entity).ok_or(StoreError::Corrupt("entity"))?;
                Ok(Image::Object(Box::new(ObjectRow::read(row, entity)?)))
            }
        }
    }

    /// The row's name in event ids and marks.
    pub fn name(&self) -> Option<String> {
        match self {
            Image::Key(row) => Some(format!("KEY#{}", row.facts.id)),
            Image::Member(row) => Some(format!("MEMBER#{}/{}", row.facts.person, row.facts.owner)),
            Image::Person(row) => Some(format!("PERSON#{}", row.person)),
            Image::Administrator(row) => Some(format!("ADMIN#{}", row.facts.person)),
            Image::Object(row) => Some(format!("{}/{}", row.owner, row.sk)),
            Image::Grant { owner, sk, .. } => Some(format!("{owner}/{sk}")),
            Image::Invitation(row) => Some(format!("{}/INVITATION#{}", row.owner, row.id)),
            Image::AlertSettings(row) => Some(format!("{}/ALERT-SETTINGS", row.owner)),
            Image::Denial { row, sk, .. } => Some(format!("DENIAL#{}/{sk}", row.owner)),
            Image::Silent => None,
        }
    }
}

impl ObjectRow {
    fn read(row: &Item, entity: Entity) -> Result<ObjectRow, StoreError> {
        let mut fields: Map<String, Value> =
            serde_json::from_str(row.text("data")?).map_err(|_| StoreError::Corrupt("data"))?;
        for name in [
            "plan",
            "keyLimit",
            "companyLimit",
            "minutesPerMonth",
            "perMinute",
            "perHour",
            "perSecond",
        ] {
            if let Some(value) = row.parsed_if::<String>(name)? {
                fields.insert(name.to_owned(), Value::String(value));
            }
        }
        let deleted: Option<Timestamp> = row.instant_if("deleted")?;
        Ok(ObjectRow {
            owner: row.parsed("pk")?,
            entity,
            sk: row.text("sk")?.to_owned(),
            rev: row.parsed("rev")?,
            deleted: deleted.is_some(),
            erased: row.contains_key("erased"),
            fields,
            changed: Stamp::read(row)?,
        })
    }
}
