//! The tables: the only crate that reads and writes rows by the DynamoDB SDK.
//!
//! Invariant: only [`Table::company`], [`Table::partner`] and [`Table::owner`], given a [`Principal`], make the stores of one company, partner or either, a partner's store those of the companies that grant it, only [`Table::administration`] that of administrators, and a handler reaches their rows through nothing else; so another one's id is simply not found.
//! Every write that depends on a read carries a condition.
//! Knows nothing of HTTP, the environment or the clock: instants and random bytes come in as arguments.

mod administration;
mod administrator;
mod alert;
mod audit;
mod batch;
mod bearer;
mod billing;
mod company;
mod cursor;
mod denials;
mod directory;
mod error;
mod gate;
mod grant;
mod idempotency;
mod invitation;
mod item;
mod keys;
mod limits;
mod list;
mod lockdown;
mod member;
mod notice;
mod owner;
mod partner;
mod replay;
mod resource;
mod resources;
mod schema;
mod secret_use;
mod session;
mod stack;
mod stamp;
mod transact;
mod usage;
mod work;
mod write;

pub use administration::{AdministrationStore, NoAdministrator};
pub use administrator::{AdministratorRow, NewAdministrator};
pub use alert::{Silence, StoredAlertSettings};
pub use audit::{
    Appended, BrokenAt, Chain, ChainPage, ChainPlace, DenialKind, Difference, Entity, EventFilter,
    Gap, Head, Image, ObjectRow, Reconciliation, Revision, SILENT, Source, without_people,
};
pub use bearer::BearerStore;
pub use billing::{Reservation, Usage};
pub use company::{CompanyStore, NewCompany, NoCompany, OwnerNames, StoredCompany};
pub use cursor::{CursorKeys, CursorScope, InvalidCursor};
pub use denials::{DenialRow, Kept, RateLimitRow, request_digest};
pub use error::StoreError;
pub use gate::{Committed, LastUse, MemberRow, Membership, PersonRow};
pub use grant::GrantRow;
pub use idempotency::{IdempotencyKey, Remembered};
pub use invitation::{InvitationRow, Invited, MailTask, NewInvitation};
pub use item::Item;
pub use keys::{KeyChange, KeyFilter, KeyOutline, KeyRow, NewKey, NewSecrets};
pub use list::{Listed, Start};
pub use lockdown::{Caught, Lockdown};
pub use member::MEMBER_LIMIT;
pub use notice::{Addressed, NOTICE_SHARDS, NoticeRow, NoticeTask};
pub use owner::{NoOwner, OwnerStore};
pub use partner::{NewPartner, NoPartner, PartnerStore, StoredPartner};
pub use replay::{NamedRow, Replayed, ReplayedKey};
pub use resource::{BrokenRelation, ListQuery, Relation, Resource, Stored};
pub use schema::{TableDefinition, definitions};
pub use secret_use::SecretUse;
pub use session::{FormDigest, SessionRow};
pub use stamp::Stamp;
pub use usage::{ActiveKey, Folded};
pub use work::{Due, Task};
pub use write::Write;

use auth::Principal;
use aws_sdk_dynamodb::Client;
use model::{CompanyId, InterviewId, InterviewRecord, Owner};
use std::sync::Arc;

/// The five tables of one stack.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    names: Arc<TableNames>,
}

/// What the stack calls its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNames {
    /// Keys and memberships: hot and small.
    pub keys: String,
    /// Refusals of known keys.
    pub denials: String,
    /// Everything of a company.
    pub records: String,
    /// Chains of events.
    pub audit: String,
    /// The dashboard's.
    pub sessions: String,
}

impl TableNames {
    /// `<prefix>-keys` and so on.
    pub fn with_prefix(prefix: &str) -> TableNames {
        let name = |table: &str| format!("{prefix}-{table}");
        TableNames {
            keys: name("keys"),
            denials: name("denials"),
            records: name("records"),
            audit: name("audit"),
            sessions: name("sessions"),
        }
    }
}

impl Table {
    pub fn new(client: Client, names: TableNames) -> Table {
        Table {
            client,
            names: Arc::new(names),
        }
    }

    /// The one way to a company's rows.
    ///
    /// # Errors
    /// A principal without a company, which no company-scoped route lets through.
    pub fn company(&self, principal: &Principal) -> Result<CompanyStore, NoCompany> {
        let company = principal.company().ok_or(NoCompany)?;
        Ok(CompanyStore::new(self.clone(), company))
    }

    /// The one way to a partner's rows.
    ///
    /// # Errors
    /// A principal that acts for no partner.
    pub fn partner(&self, principal: &Principal) -> Result<PartnerStore, NoPartner> {
        match principal.owner() {
            Some(Owner::Partner(partner)) => Ok(PartnerStore::new(self.clone(), partner)),
            _ => Err(NoPartner),
        }
    }

    /// The one way to what companies and partners have alike.
    ///
    /// # Errors
    /// A principal that acts for neither.
    pub fn owner(&self, principal: &Principal) -> Result<OwnerStore, NoOwner> {
        match principal.owner() {
            Some(owner @ (Owner::Company(_) | Owner::Partner(_))) => {
                Ok(OwnerStore::new(self.clone(), owner))
            }
            _ => Err(NoOwner),
        }
    }

    /// The interview engine, in the company whose interview this is; `None` where that company has none of this id.
    #[expect(
        clippy::disallowed_methods,
        reason = "the company is the stored interview's"
    )]
    pub async fn interview_engine(
        &self,
        company: CompanyId,
        interview: InterviewId,
    ) -> Result<Option<Principal>, StoreError> {
        let sk = resource::sk(InterviewRecord::ENTITY, interview);
        let row = self
            .find(&self.names.records, item::key(Owner::Company(company), sk))
            .await?;
        let Some(row) = row else { return Ok(None) };
        let owner: Owner = item::Read::parsed(&row, "pk")?;
        let company = owner.company().ok_or(StoreError::Corrupt("pk"))?;
        Ok(Some(Principal::system(company, "ReportInterview")))
    }

    pub fn names(&self) -> &TableNames {
        &self.names
    }
}
