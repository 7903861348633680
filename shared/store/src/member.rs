//! Memberships: who belongs to a company or partner, in which role, and how many they are.
//!
//! A membership is three rows that are written together: its own in `keys`, on which requests are counted; a pointer in the owner's partition, by which lists find it; and its part of the owner's head count.
//! The head count's conditions hold what no single row can: that the last OWNER stays, and how many members there may be.

use aws_sdk_dynamodb::types::{
    Delete, Put, ReturnValuesOnConditionCheckFailure, Update, builders::UpdateBuilder,
};
use model::{Member, MemberId, MemberStatus, Owner, PersonId, RoleText, Timestamp};
use routes::Role;
use std::collections::BTreeSet;

use crate::{
    Listed, MemberRow, Membership, OwnerStore, Stamp, Start, StoreError, Table,
    item::{Item, Read, item, key, n, s},
    transact::{NEXT, Refused, Transaction, built, next_version, put_new},
};

/// Members that a company or partner may have.
pub const MEMBER_LIMIT: u32 = 100;

const POINTER: &str = "MEMBER#";

/// Who more may be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// As many as the limit says.
    Limited,
    /// The same, and only while there is no OWNER.
    WithoutOwner,
}

impl OwnerStore {
    /// A member, strongly; also one whose membership has ended.
    pub async fn find_member(&self, person: &PersonId) -> Result<Option<MemberRow>, StoreError> {
        self.table.find_member(person, self.owner()).await
    }

    /// A page of [`Self::all_members`].
    pub async fn list_members(
        &self,
        start: &Start,
        limit: usize,
        now: Timestamp,
    ) -> Result<Listed<Member>, StoreError> {
        let all = self.all_members(now).await?;
        Ok(Listed::of_all(all, start, limit, position))
    }

    /// Members and who is invited at `now`, newest first: a hundred, and what their inviters' days allow.
    pub async fn all_members(&self, now: Timestamp) -> Result<Vec<Member>, StoreError> {
        let (mut all, invitations) = tokio::try_join!(self.members(), self.invitations())?;
        let open = invitations.iter().filter(|row| row.is_open(now));
        all.extend(open.map(|row| row.view()));
        all.sort_by_key(|member| std::cmp::Reverse(position(member)));
        Ok(all)
    }

    /// The verified addresses of who is a member now, each once.
    pub async fn member_addresses(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.member_rows().await?.into_iter();
        Ok(addresses(rows.filter(|row| !row.facts.ended)))
    }

    /// In no order.
    async fn members(&self) -> Result<Vec<Member>, StoreError> {
        let rows = self.member_rows().await?;
        // The two reads are not one: who has left between them is no member.
        let members = rows.iter().filter(|row| !row.facts.ended);
        Ok(members.map(MemberRow::view).collect())
    }

    /// In no order; who has just left may be among them.
    pub(crate) async fn member_rows(&self) -> Result<Vec<MemberRow>, StoreError> {
        let pointers = self.run(POINTER, None, usize::MAX).await?;
        let keys = pointers.iter().map(|row| {
            let person: PersonId = row.parsed("person")?;
            Ok(MemberRow::key(&person, self.owner()))
        });
        let keys = keys.collect::<Result<Vec<_>, StoreError>>()?;
        let rows = self.table.get_many(&self.table.names.keys, keys).await?;
        rows.into_iter().map(MemberRow::read).collect()
    }

    /// Gives a member another role; their next request meets it.
    ///
    /// # Errors
    /// `LastOwner` where none would be left; `Conflict` where the row is no longer `member`.
    pub async fn change_role(
        &self,
        member: &MemberRow,
        role: Role,
        stamp: &Stamp,
    ) -> Result<MemberRow, StoreError> {
        let update = self
            .table
            .next_member(member, stamp)
            .update_expression(format!("{NEXT}, #role = :role ADD #rev :one"))
            .expression_attribute_names("#role", "role")
            .expression_attribute_values(":role", s(role.as_str()));
        let owners = i64::from(role == Role::Owner) - i64::from(member.is_owner());
        let heads = (owners != 0).then_some((0, owners));
        self.table
            .change_member(update, member, heads, None, stamp)
            .await?;
        let mut after = member.clone();
        after.facts.role = role;
        after.facts.counted.version += 1;
        after.changed = stamp.clone();
        Ok(after)
    }
}

impl OwnerStore {
    /// As [`Table::end_member`], of one of the owner's.
    pub async fn end_member(&self, member: &MemberRow, stamp: &Stamp) -> Result<(), StoreError> {
        if member.facts.owner != self.owner() {
            return Err(StoreError::NotFound);
        }
        self.table.end_member(member, stamp).await
    }
}

impl Table {
    /// Gives a person a role, by nobody's invitation: for a seed. A membership that ended begins again on its own row.
    ///
    /// # Errors
    /// `Conflict` where the person is a member; `Full` where there are as many as there may be.
    pub async fn create_member(
        &self,
        member: &Membership,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let met = self.find_member(&member.person, member.owner).await?;
        if met.as_ref().is_some_and(|met| !met.facts.ended) {
            return Err(StoreError::Conflict);
        }
        let mut transaction = Transaction::default();
        let heads = self.join(&mut transaction, met.as_ref(), member, Room::Limited, stamp)?;
        match transaction.commit(self, stamp.nonce).await? {
            Ok(()) => Ok(()),
            Err(Refused { action, .. }) if action == heads => Err(StoreError::Full),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// Ends a membership: the person's next request is refused. The row stays, because its version must go on; so does the address, the one word by which the owner's people know who it was (events name the person by a hash).
    ///
    /// # Errors
    /// As [`OwnerStore::change_role`].
    pub async fn end_member(&self, member: &MemberRow, stamp: &Stamp) -> Result<(), StoreError> {
        let update = self
            .next_member(member, stamp)
            .update_expression(format!("{NEXT}, #ended = :at ADD #rev :one"))
            .expression_attribute_names("#ended", MemberRow::ENDED)
            .expression_attribute_values(":at", n(stamp.at.millis()));
        let heads = (-1, -i64::from(member.is_owner()));
        let pointer = Delete::builder()
            .table_name(&self.names.records)
            .set_key(Some(pointer(member.facts.owner, &member.facts.person)))
            .build()
            .map_err(built)?;
        self.change_member(update, member, Some(heads), Some(pointer), stamp)
            .await
    }

    async fn change_member(
        &self,
        update: UpdateBuilder,
        member: &MemberRow,
        heads: Option<(i64, i64)>,
        pointer: Option<Delete>,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut transaction = Transaction::default();
        // First, because of several refusals the first is told: what has changed is looked at again.
        transaction.update(update.build().map_err(built)?);
        let heads = heads
            .map(|heads| self.heads(member.facts.owner, heads, Room::Limited))
            .transpose()?
            .map(|heads| transaction.update(heads));
        if let Some(pointer) = pointer {
            transaction.delete(pointer);
        }
        match transaction.commit(self, stamp.nonce).await? {
            Ok(()) => Ok(()),
            Err(Refused { action, .. }) if Some(action) == heads => Err(StoreError::LastOwner),
            Err(_) => Err(StoreError::Conflict),
        }
    }

    /// What makes somebody a member, where `met` is what the person's row was; the head count's place in the transaction.
    pub(crate) fn join(
        &self,
        transaction: &mut Transaction,
        met: Option<&MemberRow>,
        member: &Membership,
        room: Room,
        stamp: &Stamp,
    ) -> Result<usize, StoreError> {
        match met {
            None => {
                transaction.put(put_new(&self.names.keys, MemberRow::item(member, stamp))?);
            }
            Some(met) => {
                let update = self
                    .next_member(met, stamp)
            .update_expression(format!("{NEXT}, #role = :role, #email = :email, #created = :at ADD #rev :one REMOVE #ended"))
                    .expression_attribute_names("#ended", MemberRow::ENDED)
                    .expression_attribute_names("#created", "created")
                    .expression_attribute_names("#role", "role")
                    .expression_attribute_names("#email", "email")
                    .expression_attribute_values(":at", n(stamp.at.millis()))
                    .expression_attribute_values(":role", s(member.role.as_str()))
                    .expression_attribute_values(":email", s(&member.email));
                transaction.update(update.build().map_err(built)?);
            }
        }
        transaction.put(self.pointer_put(member)?);
        let heads = (1, i64::from(member.role == Role::Owner));
        Ok(transaction.update(self.heads(member.owner, heads, room)?))
    }

    /// The first members of what is only made in this transaction.
    pub(crate) fn found(
        &self,
        transaction: &mut Transaction,
        owner: Owner,
        members: &[Membership],
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let mut owners = 0;
        for member in members {
            transaction.put(put_new(&self.names.keys, MemberRow::item(member, stamp))?);
            transaction.put(self.pointer_put(member)?);
            owners += i64::from(member.role == Role::Owner);
        }
        if !members.is_empty() {
            let heads = (members.len() as i64, owners);
            transaction.update(self.heads(owner, heads, Room::Limited)?);
        }
        Ok(())
    }

    fn next_member(&self, member: &MemberRow, stamp: &Stamp) -> UpdateBuilder {
        let key = MemberRow::key(&member.facts.person, member.facts.owner);
        next_version(&self.names.keys, key, member.facts.counted.version, stamp)
    }

    fn pointer_put(&self, member: &Membership) -> Result<Put, StoreError> {
        let mut row = pointer(member.owner, &member.person);
        row.extend(item([
            ("entity", s("pointer")),
            ("person", s(&member.person)),
            ("rev", n(1)),
        ]));
        Put::builder()
            .table_name(&self.names.records)
            .set_item(Some(row))
            .build()
            .map_err(built)
    }

    /// Counts members and, among them, owners: more or fewer.
    fn heads(
        &self,
        owner: Owner,
        (members, owners): (i64, i64),
        room: Room,
    ) -> Result<Update, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.names.records)
            .set_key(Some(key(owner, HEADS)))
            .update_expression("ADD #members :members, #owners :owners, #rev :one")
            .expression_attribute_names("#members", "members")
            .expression_attribute_names("#owners", "owners")
            .expression_attribute_names("#rev", "rev")
            .expression_attribute_values(":members", n(members))
            .expression_attribute_values(":owners", n(owners))
            .expression_attribute_values(":one", n(1))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut conditions = Vec::new();
        if members > 0 {
            conditions.push("(attribute_not_exists(#members) OR #members < :limit)");
            update = update.expression_attribute_values(":limit", n(MEMBER_LIMIT));
        }
        if owners < 0 {
            conditions.push("#owners > :one");
        }
        if room == Room::WithoutOwner {
            conditions.push("(attribute_not_exists(#owners) OR #owners = :none)");
            update = update.expression_attribute_values(":none", n(0));
        }
        if !conditions.is_empty() {
            update = update.condition_expression(conditions.join(" AND "));
        }
        update.build().map_err(built)
    }
}

/// In lists that show the newest first.
fn position(member: &Member) -> String {
    format!("{:015}#{}", member.created_at.millis(), member.id)
}

/// The head count's sort key.
const HEADS: &str = "COUNT#member";

fn pointer(owner: Owner, person: &PersonId) -> Item {
    key(owner, format_args!("{POINTER}{person}"))
}

impl MemberRow {
    pub fn is_owner(&self) -> bool {
        self.facts.role == Role::Owner
    }

    /// As clients see it.
    pub fn view(&self) -> Member {
        Member {
            id: MemberId::Person(self.facts.person.clone()),
            company_id: self.facts.owner.company(),
            partner_id: self.facts.owner.partner(),
            email: self.email.clone(),
            role: RoleText(self.facts.role),
            status: MemberStatus::Active,
            expires_at: None,
            version: self.facts.counted.version,
            created_at: self.created_at,
            updated_at: self.changed.at,
        }
    }
}

/// Each once; who came back by [`Table::replay`] may have none.
pub(crate) fn addresses(members: impl Iterator<Item = MemberRow>) -> Vec<String> {
    let addresses = members.map(|row| row.email);
    let addresses: BTreeSet<_> = addresses.filter(|address| !address.is_empty()).collect();
    addresses.into_iter().collect()
}
