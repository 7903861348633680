//! Candidates: people who apply, and until when their data may be kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CandidateId, Date, EmailAddress, Faults, Future, JobId, List, Metadata, Name, PhoneNumber,
    Rule, View,
    field::{fields, given, vocabulary},
    text::search_words,
};

/// A candidate as clients see it.
pub type Candidate = View<CandidateId, CandidateRecord>;

fields! {
    /// What a client sets of a candidate; `email` or `phoneNumber` must be there.
    #[schemars(extend("anyOf" = [given("email"), given("phoneNumber")]))]
    pub struct CandidateFields, patch CandidatePatch {
        required {
            first_name: Name<1, 100>,
            last_name: Name<1, 100>,
            /// In the future. When this day begins in UTC, the candidate is gone and then erased.
            gdpr_expiry_date: Future<Date>,
        }
        optional {
            email: EmailAddress,
            phone_number: PhoneNumber,
            metadata: Metadata,
        }
        defaulted {
            /// OPEN jobs of the company.
            job_ids: List<JobId, 20>,
            status: CandidateStatus,
        }
        together { reachable(email, phone_number); }
    }
}

/// A candidate as it is stored: what the client set, and what interviews made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CandidateRecord {
    #[serde(flatten)]
    pub fields: CandidateFields,
    /// From the last completed interview, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    pub overall_rating: Option<u8>,
    /// Completed interviews that were no tests.
    #[serde(default)]
    pub interview_count: u64,
}

vocabulary! {
    #[derive(Default)]
    pub enum CandidateStatus {
        #[default]
        Applied = "APPLIED",
        InProcess = "IN_PROCESS",
        Rejected = "REJECTED",
        Accepted = "ACCEPTED",
    }
}

impl CandidateFields {
    const SEARCH_WORDS: usize = 3;
    /// Names and addresses are searched whole.
    pub const SEARCH_WORD_LENGTH: usize = EmailAddress::MAX_BYTES;

    /// The first 3 words of each name and the e-mail address, lower-cased, none of them twice.
    pub fn search_words(&self) -> Vec<String> {
        let names = [&self.first_name, &self.last_name];
        let names = names
            .into_iter()
            .flat_map(|name| name.split_whitespace().take(Self::SEARCH_WORDS));
        search_words(names.chain(self.email.as_deref()), Self::SEARCH_WORD_LENGTH)
    }

    fn reachable(
        email: &Option<EmailAddress>,
        phone_number: &Option<PhoneNumber>,
        at: &str,
        faults: &mut Faults,
    ) {
        if email.is_none() && phone_number.is_none() {
            let message = "is required where there is no phoneNumber";
            faults.refuse::<()>(&format!("{at}/email"), Rule::Required, message);
        }
    }
}

impl From<CandidateFields> for CandidateRecord {
    fn from(fields: CandidateFields) -> CandidateRecord {
        CandidateRecord {
            fields,
            overall_rating: None,
            interview_count: 0,
        }
    }
}
