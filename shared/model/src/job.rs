//! Jobs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::{
    CountryCode, CurrencyCode, Faults, Field, HttpUrl, JobId, LanguageCode, List, Metadata, Rule,
    Text, View,
    field::{fields, vocabulary},
    text::search_words,
};

/// A job as clients see it.
pub type Job = View<JobId, JobFields>;

fields! {
    /// What a client sets of a job.
    pub struct JobFields, patch JobPatch {
        required {
            title: Text<5, 200>,
            description: Text<10, 5000>,
            /// A CLOSED job takes no new candidates or interviews.
            status: JobStatus,
        }
        optional {
            job_url: HttpUrl,
            benefits: Text<0, 5000>,
            experience: Experience,
            contract_type: ContractType,
            location: Location,
            salary: Salary,
            metadata: Metadata,
        }
        defaulted {
            required_skills: List<Text<1, 128>, 10>,
            nice_to_have_skills: List<Text<1, 128>, 10>,
            language_requirements: List<LanguageRequirement, 5>,
            education: List<Education, 9>,
        }
    }
}

fields! {
    /// A language and the least level of it.
    #[derive(Eq, Hash)]
    pub struct LanguageRequirement {
        required {
            language: LanguageCode,
            proficiency: CefrLevel,
        }
        optional {}
        defaulted {}
    }
}

fields! {
    /// Where the work is done.
    pub struct Location {
        required { work_mode: WorkMode, }
        optional {
            street: Text<1, 200>,
            city: Text<1, 100>,
            postal_code: Text<1, 20>,
            country_code: CountryCode,
        }
        defaulted {}
    }
}

fields! {
    /// A range of pay; `min` may not exceed `max`.
    pub struct Salary {
        required {
            currency: CurrencyCode,
            period: SalaryPeriod,
        }
        optional {
            min: Amount,
            max: Amount,
        }
        defaulted {}
        together { ordered(min, max); }
    }
}

vocabulary! {
    pub enum JobStatus { Open = "OPEN", Closed = "CLOSED", }

    /// Levels of the Common European Framework of Reference for Languages.
    pub enum CefrLevel { A1 = "A1", A2 = "A2", B1 = "B1", B2 = "B2", C1 = "C1", C2 = "C2", }

    pub enum Education {
        Primary = "PRIMARY_EDUCATION",
        SecondaryStudent = "SECONDARY_SCHOOL_STUDENT",
        SecondaryWithoutDiploma = "SECONDARY_WITHOUT_DIPLOMA",
        SecondaryWithDiploma = "SECONDARY_WITH_DIPLOMA",
        PostSecondaryVocational = "POST_SECONDARY_VOCATIONAL",
        UniversityStudent = "UNIVERSITY_STUDENT",
        Bachelor = "BACHELOR_LEVEL",
        Master = "MASTER_LEVEL",
        Postgraduate = "POSTGRADUATE",
    }

    pub enum Experience {
        None = "NO_EXPERIENCE",
        LessThanOneYear = "LESS_THAN_1_YEAR",
        OneToThreeYears = "ONE_TO_3_YEARS",
        ThreeToFiveYears = "THREE_TO_5_YEARS",
        FiveToTenYears = "FIVE_TO_10_YEARS",
        MoreThanTenYears = "MORE_THAN_10_YEARS",
    }

    pub enum ContractType {
        FullTime = "FULL_TIME",
        PartTime = "PART_TIME",
        Contract = "CONTRACT",
        Internship = "INTERNSHIP",
        Temporary = "TEMPORARY",
    }

    pub enum WorkMode { Onsite = "ONSITE", Remote = "REMOTE", Hybrid = "HYBRID", }

    pub enum SalaryPeriod { Hourly = "HOURLY", Daily = "DAILY", Monthly = "MONTHLY", Yearly = "YEARLY", }
}

/// An amount of money from 0 to 10^12 in the currency's main unit, kept as it was written (`15` or `15.5`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(Number);

impl Amount {
    const MAX: f64 = 1e12;

    fn value(&self) -> f64 {
        self.0.as_f64().unwrap_or_default()
    }
}

impl Field for Amount {
    fn parse(value: Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let Value::Number(number) = value else {
            return faults.refuse(at, Rule::Type, "must be a number");
        };
        match number.as_f64() {
            Some(amount) if (0.0..=Amount::MAX).contains(&amount) => Some(Amount(number)),
            _ => faults.refuse(at, Rule::Range, "must be from 0 to 1000000000000"),
        }
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0, "maximum": Amount::MAX })
    }
}

impl JobFields {
    const SEARCH_WORDS: usize = 10;
    pub const SEARCH_WORD_LENGTH: usize = 32;

    /// The first 10 distinct words of the title, lower-cased, each cut at 32 characters, in the title's order.
    pub fn search_words(&self) -> Vec<String> {
        let mut words = search_words(self.title.split_whitespace(), Self::SEARCH_WORD_LENGTH);
        words.truncate(Self::SEARCH_WORDS);
        words
    }
}

impl Salary {
    fn ordered(min: &Option<Amount>, max: &Option<Amount>, at: &str, faults: &mut Faults) {
        if let (Some(min), Some(max)) = (min, max)
            && min.value() > max.value()
        {
            faults.refuse::<()>(
                &format!("{at}/min"),
                Rule::ConflictWith,
                "must not exceed max",
            );
        }
    }
}
