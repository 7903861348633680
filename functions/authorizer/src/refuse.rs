//! Keeping refusals, so that the members of their owner can read why. Bounded, so that no flood reaches the store.

use auth::{Answer, RateLimited, Verdict};
use model::{Denial, Owner, PersonId, Timestamp};
use store::{DenialRow, Kept, RateLimitRow, StoreError};

use crate::{
    Authorizer,
    decide::{Refused, Subject, Told},
    event::Request,
};

/// Refusals that one process keeps of one subject in a minute.
const KEPT_A_MINUTE: u32 = 60;

impl Authorizer {
    /// Keeps the refusal; where that fails, the answer stays what it is, and the log has the facts.
    pub(crate) async fn keep(&self, request: &Request, refused: &Refused) {
        let reason = refused.refusal.reason;
        let now = self.app.clock.now();
        let kept = self.keep_row(request, refused, now).await;
        let caller = refused.subject.actor().id;
        let (request_id, operation) = (&request.id, request.asked.route.operation);
        tracing::info!(
            request_id,
            operation,
            caller,
            reason = reason.as_str(),
            "refused"
        );
        if let Err(error) = kept {
            let source_ip = request.asked.address.to_string();
            tracing::error!(request_id, operation, caller, source_ip, reason = reason.as_str(), error = %error, "refusal not kept");
        }
    }

    async fn keep_row(
        &self,
        request: &Request,
        refused: &Refused,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if refused.told == Told::Nobody {
            return Ok(());
        }
        let (table, subject) = (&self.app.table, &refused.subject);
        if let Answer::Verdict(Verdict::RateLimited(RateLimited { window, .. })) =
            refused.refusal.answer
        {
            // One row a subject and window; each process tries until one is there.
            if self
                .memory
                .note(subject, |kept| kept.window == Some(window))
            {
                return Ok(());
            }
            let Some(row) = self.row(request, refused, now).await? else {
                return Ok(());
            };
            let limit = RateLimitRow {
                row,
                window: window.to_string(),
            };
            table
                .create_rate_limit(&limit, self.app.entropy.bytes())
                .await?;
            self.memory.note(subject, |kept| kept.window = Some(window));
            return Ok(());
        }
        let minute = now.seconds().div_euclid(60);
        let count = self.memory.note(subject, |kept| {
            if kept.minute != minute {
                (kept.minute, kept.count) = (minute, 0);
            }
            kept.count += 1;
            kept.count
        });
        if count > KEPT_A_MINUTE + 1 {
            return Ok(());
        }
        let Some(mut row) = self.row(request, refused, now).await? else {
            return Ok(());
        };
        if count <= KEPT_A_MINUTE {
            return table.create_denial(&row, self.app.entropy.bytes()).await;
        }
        row.denial.suppressed = true;
        row.denial.count = Some(1);
        table.create_suppression(&row).await.map(|_: Kept| ())
    }

    /// The row to keep, unless nobody may know.
    async fn row(
        &self,
        request: &Request,
        refused: &Refused,
        now: Timestamp,
    ) -> Result<Option<DenialRow>, StoreError> {
        let owner = match (refused.told, &refused.subject) {
            (Told::Owner(owner), _) => Some(owner),
            (Told::OwnerAsked, Subject::Person(person)) => {
                self.owner_asked(request, person).await?
            }
            _ => None,
        };
        Ok(owner.map(|owner| refused.row(request, owner, now)))
    }

    /// The owner that the request is about, if the person is its member.
    async fn owner_asked(
        &self,
        request: &Request,
        person: &PersonId,
    ) -> Result<Option<Owner>, StoreError> {
        let table = &self.app.table;
        let rows = match auth::named_owner(&request.asked) {
            Ok(Some(owner)) => table
                .find_member(person, owner)
                .await?
                .into_iter()
                .collect(),
            Ok(None) => table.list_memberships(person).await?,
            Err(_) => Vec::new(),
        };
        Ok(match rows.as_slice() {
            [only] if !only.facts.ended => Some(only.facts.owner),
            _ => None,
        })
    }
}

impl Refused {
    fn row(&self, request: &Request, owner: Owner, now: Timestamp) -> DenialRow {
        let key_id = match self.subject {
            Subject::Key(id) => Some(id),
            _ => None,
        };
        DenialRow {
            owner,
            actor: self.subject.actor(),
            user_agent: request.user_agent.clone(),
            plain_request_digest: request.plain_digest.clone(),
            denial: Denial {
                request_id: request.id.clone(),
                at: now,
                status: match self.refusal.answer {
                    Answer::Unauthorized => 401,
                    Answer::Forbidden(_) | Answer::Verdict(Verdict::CompanyDenied) => 403,
                    Answer::Verdict(
                        Verdict::CompanyRequired | Verdict::TwoOwners | Verdict::Reason(_),
                    ) => 400,
                    Answer::Verdict(Verdict::RateLimited(_)) => 429,
                },
                reason: self.refusal.reason,
                message: self.refusal.message.clone(),
                operation: request.asked.route.operation.to_owned(),
                source_ip: request.asked.address.to_canonical().to_string(),
                key_id,
                secret_suffix: self.refusal.secret_suffix.clone(),
                company_id: owner.company(),
                suppressed: false,
                count: None,
            },
        }
    }
}
