//! Invitations, and the mail that tells of them.
//!
//! With an invitation go, in one transaction, the inviter's count of the day and a task to mail it. Neither row holds the link's token: see [`auth::InvitationKeys`].

use auth::{InvitationKeys, InvitationSeed, InvitationToken};
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, Update};
use chrono::Duration;
use model::{
    Actor, ActorKind, InvitationId, InvitationState, Member, MemberId, MemberStatus, Owner,
    PersonId, RoleText, Timestamp,
};
use routes::Role;

use crate::{
    MemberRow, Membership, OwnerStore, Remembered, Stamp, StoreError, Table,
    batch::{read, whole},
    item::{Item, Read, b, item, key, n, s},
    member::Room,
    transact::{Refused, Transaction, built, one_more, put_new, put_over},
};

/// An invitation as its row has it.
#[derive(Debug, Clone, PartialEq)]
pub struct InvitationRow {
    pub owner: Owner,
    pub id: InvitationId,
    /// As it was written; whose verified address it is may accept.
    pub email: String,
    pub role: Role,
    pub state: InvitationState,
    pub seed: InvitationSeed,
    pub inviter: Actor,
    /// What the mail calls the inviter.
    pub inviter_name: String,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: u64,
    pub rev: u64,
    pub changed: Stamp,
}

/// An invitation to be made.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    pub email: String,
    pub role: Role,
    pub inviter_name: String,
    /// For the id.
    pub random: [u8; 10],
    pub seed: InvitationSeed,
}

/// An invitation whose token was presented: what its holder may do, if the rest is right, too.
#[derive(Debug, Clone)]
pub struct Invited {
    store: OwnerStore,
    pub row: InvitationRow,
}

/// A mail that is still to be sent. Made from a row alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailTask {
    owner: Owner,
    invitation: InvitationId,
}

const PREFIX: &str = "INVITATION#";
/// The row outlives kept answers that tell of it.
const KEPT: Duration = Duration::days(1);
/// Invitations that one inviter may make in a day (UTC), wherever.
const A_DAY: u32 = 20;

impl InvitationRow {
    pub(crate) const ENTITY: &str = "invitation";
    /// How long an invitation stands, by the clock.
    pub const LIFETIME: Duration = Duration::days(7);

    pub fn new(owner: Owner, new: NewInvitation, stamp: &Stamp) -> InvitationRow {
        let NewInvitation {
            email,
            role,
            inviter_name,
            random,
            seed,
        } = new;
        InvitationRow {
            owner,
            id: InvitationId::new(stamp.at, random),
            email,
            role,
            state: InvitationState::Open,
            seed,
            inviter: stamp.actor.clone(),
            inviter_name,
            expires_at: stamp.at.plus(InvitationRow::LIFETIME),
            created_at: stamp.at,
            updated_at: stamp.at,
            version: 1,
            rev: 1,
            changed: stamp.clone(),
        }
    }

    /// The next version. Whoever gives it another role answers for it from then on.
    pub fn becoming(&self, state: InvitationState, role: Role, stamp: &Stamp) -> InvitationRow {
        let inviter = if role == self.role {
            &self.inviter
        } else {
            &stamp.actor
        };
        InvitationRow {
            state,
            role,
            inviter: inviter.clone(),
            updated_at: stamp.at,
            version: self.version + 1,
            rev: self.rev + 1,
            changed: stamp.clone(),
            ..self.clone()
        }
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == InvitationState::Open && now < self.expires_at
    }

    /// Whether this is the invited address.
    pub fn is_for(&self, email: &str) -> bool {
        self.email.eq_ignore_ascii_case(email)
    }

    /// As clients see it.
    pub fn view(&self) -> Member {
        Member {
            id: MemberId::Invitation(self.id),
            company_id: self.owner.company(),
            partner_id: self.owner.partner(),
            email: self.email.clone(),
            role: RoleText(self.role),
            status: MemberStatus::Invited,
            expires_at: Some(self.expires_at),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn key(owner: Owner, id: InvitationId) -> Item {
        key(owner, format_args!("{PREFIX}{id}"))
    }

    fn item(&self) -> Item {
        let InvitationRow {
            owner,
            id,
            email,
            role,
            state,
            seed,
            inviter,
            inviter_name,
            expires_at,
            created_at,
            updated_at,
            version,
            rev,
            changed,
        } = self;
        let mut row = InvitationRow::key(*owner, *id);
        row.extend(item([
            ("entity", s(InvitationRow::ENTITY)),
            ("invitationId", s(id)),
            ("email", s(email)),
            ("role", s(role.as_str())),
            ("state", s(state)),
            ("seed", b(*seed)),
            ("inviterKind", s(inviter.kind)),
            ("inviter", s(&inviter.id)),
            ("inviterName", s(inviter_name)),
            ("expires", n(expires_at.millis())),
            ("created", n(created_at.millis())),
            ("updated", n(updated_at.millis())),
            ("version", n(version)),
            ("rev", n(rev)),
            ("ttl", n(expires_at.plus(KEPT).seconds())),
            (Stamp::ATTRIBUTE, changed.value()),
        ]));
        row
    }

    /// To be put where `old` is.
    fn put_over(&self, table: &Table, old: &InvitationRow) -> Result<Put, StoreError> {
        put_over(&table.names.records, self.item(), old.version)
    }

    /// From a row of the table, or an image of its stream.
    pub fn read(row: &Item) -> Result<InvitationRow, StoreError> {
        Ok(InvitationRow {
            owner: row.parsed("pk")?,
            id: row.parsed("invitationId")?,
            email: row.text("email")?.to_owned(),
            role: Role::parse(row.text("role")?).ok_or(StoreError::Corrupt("role"))?,
            state: row.parsed("state")?,
            seed: row.bytes("seed")?,
            inviter: Actor {
                kind: row.parsed("inviterKind")?,
                id: row.text("inviter")?.to_owned(),
            },
            inviter_name: row.text("inviterName")?.to_owned(),
            expires_at: row.instant("expires")?,
            created_at: row.instant("created")?,
            updated_at: row.instant("updated")?,
            version: row.parsed("version")?,
            rev: row.parsed("rev")?,
            changed: Stamp::read(row)?,
        })
    }
}

impl OwnerStore {
    /// Makes an invitation that is mailed, unless the inviter has made as many as may be in a day.
    ///
    /// # Errors
    /// `InvitationLimit`.
    pub async fn create_invitation(
        &self,
        new: &InvitationRow,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        let remember = self.remember(&mut transaction, remembered)?;
        let count = self.table.invite(&mut transaction, new)?;
        match transaction.commit(&self.table, new.changed.nonce).await? {
            Ok(()) => Ok(()),
            Err(Refused { action, .. }) if Some(action) == remember => Err(StoreError::AlreadyDone),
            Err(Refused { action, .. }) if action == count => Err(StoreError::InvitationLimit),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// An invitation, strongly, whatever became of it.
    pub async fn find_invitation(
        &self,
        id: InvitationId,
    ) -> Result<Option<InvitationRow>, StoreError> {
        self.table.find_invitation(self.owner(), id).await
    }

    /// All of the owner's, also those that are over.
    pub(crate) async fn invitations(&self) -> Result<Vec<InvitationRow>, StoreError> {
        let rows = self.run(PREFIX, None, usize::MAX).await?;
        rows.iter().map(InvitationRow::read).collect()
    }

    /// The address that the person joined with last, as far as their invitation is still there.
    pub(crate) async fn accepted_by(
        &self,
        person: &PersonId,
    ) -> Result<Option<String>, StoreError> {
        let rows = self.invitations().await?;
        let rows = rows.into_iter().filter(|row| {
            row.state == InvitationState::Accepted && row.changed.actor.id == person.to_string()
        });
        let newest = rows.max_by_key(|row| row.changed.at);
        Ok(newest.map(|row| row.email))
    }

    /// Puts the invitation in the place of `old`.
    ///
    /// # Errors
    /// `Conflict` when `old` is no longer what is there.
    pub async fn update_invitation(
        &self,
        old: &InvitationRow,
        new: &InvitationRow,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        transaction.put(new.put_over(&self.table, old)?);
        let committed = transaction.commit(&self.table, new.changed.nonce).await?;
        committed.map_err(|_| StoreError::Conflict)
    }
}

impl Invited {
    /// The invitation that the token opens; `None` where it opens none, whatever the reason.
    pub(crate) async fn find(
        table: &Table,
        keys: &InvitationKeys,
        token: &InvitationToken,
    ) -> Result<Option<Invited>, StoreError> {
        let found = table.find_invitation(token.owner(), token.id()).await?;
        let right = found.filter(|row| keys.verify(token, &row.seed));
        Ok(right.map(|row| Invited {
            store: OwnerStore::new(table.clone(), row.owner),
            row,
        }))
    }

    /// Where the answer to whoever accepts is kept.
    pub fn store(&self) -> &OwnerStore {
        &self.store
    }

    /// What the company or partner is called.
    pub async fn owner_name(&self) -> Result<Option<String>, StoreError> {
        self.store.table.find_owner_name(self.row.owner).await
    }

    /// Makes the person a member, and the invitation used: both or neither.
    ///
    /// # Errors
    /// `Conflict` where something has changed meanwhile; `Full` where there are as many members as may be.
    /// `NotFound` where the invitation has lost its ground: a person could no longer make it, or a key made it and there is an OWNER by now.
    pub async fn accept(
        &self,
        member: &Membership,
        met: Option<&MemberRow>,
        stamp: &Stamp,
        remembered: Option<&Remembered>,
    ) -> Result<(), StoreError> {
        let table = &self.store.table;
        let row = &self.row;
        let mut transaction = Transaction::default();
        let remember = self.store.remember(&mut transaction, remembered)?;
        let used = row.becoming(InvitationState::Accepted, row.role, stamp);
        transaction.put(used.put_over(table, row)?);
        let mut inviter = None;
        let mut room = Room::Limited;
        match row.inviter.kind {
            ActorKind::User => {
                let person: PersonId = row.inviter.id.parse()?;
                if person == member.person {
                    // Who has left can't let themselves in again.
                    return Err(StoreError::NotFound);
                }
                inviter = Some(transaction.check(table.may_still_invite(&person, row)?));
            }
            ActorKind::Key => room = Room::WithoutOwner,
            ActorKind::Admin => {
                let person: PersonId = row.inviter.id.parse()?;
                inviter = Some(transaction.check(table.still_administrator(&person)?));
            }
            ActorKind::System => {}
        }
        let heads = table.join(&mut transaction, met, member, room, stamp)?;
        match transaction.commit(table, stamp.nonce).await? {
            Ok(()) => Ok(()),
            Err(Refused { action, .. }) if Some(action) == remember => Err(StoreError::AlreadyDone),
            Err(Refused { action, .. }) if Some(action) == inviter => Err(StoreError::NotFound),
            Err(Refused { action, row }) if action == heads => {
                let row = row.unwrap_or_default();
                let owners = row.parsed_if::<u32>("owners")?.unwrap_or_default();
                match room {
                    Room::WithoutOwner if owners > 0 => Err(StoreError::NotFound),
                    _ => Err(StoreError::Full),
                }
            }
            Err(_) => Err(StoreError::Conflict),
        }
    }
}

impl Table {
    async fn find_invitation(
        &self,
        owner: Owner,
        id: InvitationId,
    ) -> Result<Option<InvitationRow>, StoreError> {
        let key = InvitationRow::key(owner, id);
        let row = self.find(&self.names.records, key).await?;
        row.map(|row| InvitationRow::read(&row)).transpose()
    }

    /// What makes an invitation; the inviter's count's place in the transaction.
    pub(crate) fn invite(
        &self,
        transaction: &mut Transaction,
        new: &InvitationRow,
    ) -> Result<usize, StoreError> {
        let records = &self.names.records;
        let count = transaction.update(self.one_more_invitation(&new.inviter, new.created_at)?);
        transaction.put(put_new(records, new.item())?);
        let task = MailTask {
            owner: new.owner,
            invitation: new.id,
        };
        transaction.put(put_new(records, task.item(new.expires_at))?);
        Ok(count)
    }

    fn one_more_invitation(&self, inviter: &Actor, now: Timestamp) -> Result<Update, StoreError> {
        let day = now.seconds().div_euclid(86_400);
        let inviter = key(
            format_args!("INVITER#{}#{}", inviter.kind, inviter.id),
            format_args!("COUNT#{day}"),
        );
        one_more(&self.names.records, inviter, A_DAY)
            .update_expression("ADD #made :one, #rev :one SET #ttl = :ttl")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", n(now.plus(Duration::days(2)).seconds()))
            .build()
            .map_err(built)
    }

    /// That the inviter's role would still do.
    fn may_still_invite(
        &self,
        person: &PersonId,
        row: &InvitationRow,
    ) -> Result<ConditionCheck, StoreError> {
        let least = if row.role == Role::Member {
            Role::Admin
        } else {
            Role::Owner
        };
        ConditionCheck::builder()
            .table_name(&self.names.keys)
            .set_key(Some(MemberRow::key(person, row.owner)))
            .condition_expression(
                "attribute_not_exists(#ended) AND (#role = :least OR #role = :owner)",
            )
            .expression_attribute_names("#ended", MemberRow::ENDED)
            .expression_attribute_names("#role", "role")
            .expression_attribute_values(":least", s(least.as_str()))
            .expression_attribute_values(":owner", s(Role::Owner.as_str()))
            .build()
            .map_err(built)
    }

    /// The mails that are still to be sent, of all owners.
    pub async fn list_mail_tasks(&self) -> Result<Vec<MailTask>, StoreError> {
        let rows = read(whole(self.partition(MailTask::PARTITION)), usize::MAX).await?;
        rows.iter().map(MailTask::read).collect()
    }

    /// The invitation to be mailed, and what its owner is called; `None` where nothing is to be said any more.
    pub async fn find_mail(
        &self,
        task: &MailTask,
        now: Timestamp,
    ) -> Result<Option<(InvitationRow, String)>, StoreError> {
        let row = self.find_invitation(task.owner, task.invitation).await?;
        let Some(row) = row.filter(|row| row.is_open(now)) else {
            return Ok(None);
        };
        let name = self.find_owner_name(task.owner).await?;
        Ok(name.map(|name| (row, name)))
    }

    /// The mail was taken, or is not to be sent.
    pub async fn end_mail_task(&self, task: &MailTask, nonce: [u8; 16]) -> Result<(), StoreError> {
        let mut done = Transaction::default();
        done.delete(
            Delete::builder()
                .table_name(&self.names.records)
                .set_key(Some(task.key()))
                .build()
                .map_err(built)?,
        );
        let done = done.commit(self, nonce).await?;
        done.map_err(|_| StoreError::Conflict)
    }
}

impl MailTask {
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// The partition of all mails of all owners.
    const PARTITION: &str = "MAILS";

    /// From a row, or from a stream's image of one; `None` for every other row.
    pub fn of_image(image: serde_dynamo::Item) -> Result<Option<MailTask>, StoreError> {
        let row: Item = image.into();
        match row.text("pk") {
            Ok(MailTask::PARTITION) => MailTask::read(&row).map(Some),
            _ => Ok(None),
        }
    }

    fn key(&self) -> Item {
        key(
            MailTask::PARTITION,
            format_args!("{}#{}", self.owner, self.invitation),
        )
    }

    fn item(&self, expires_at: Timestamp) -> Item {
        let mut row = self.key();
        row.extend(item([
            // The stream's filter wakes the worker by this word.
            ("entity", s("task")),
            ("owner", s(self.owner)),
            ("invitationId", s(self.invitation)),
            ("rev", n(1)),
            // Nobody is told of what has expired.
            ("ttl", n(expires_at.seconds())),
        ]));
        row
    }

    fn read(row: &Item) -> Result<MailTask, StoreError> {
        Ok(MailTask {
            owner: row.parsed("owner")?,
            invitation: row.parsed("invitationId")?,
        })
    }
}
