//! Acme's demo data, made through the API with the demo key, and by reports of the interview engine.
//!
//! Made again, they are the same ones: each creation has an idempotency key and always the same body.

use anyhow::Context;
use serde_json::{Value, json};

use super::send;
use crate::{bus::Bus, message::HttpRequest, system::System};

/// What the first jobs take of the demo key's limits.
pub const FEWEST_REQUESTS: u32 = 5;
/// What everything takes.
const ALL_REQUESTS: u32 = 100;
const FIRST_JOBS: usize = 4;

/// Everything, or a few jobs alone where the key may make only so few requests.
pub(crate) async fn demo_data(system: &System, key: &str, may: u32) -> anyhow::Result<()> {
    let seed = Seed { system, key };
    let all = may >= ALL_REQUESTS;
    let mut open = Vec::new();
    let count = if all { usize::MAX } else { FIRST_JOBS };
    for job in jobs().into_iter().take(count) {
        let id = seed.make("/jobs", &job).await?;
        if job["status"] == "OPEN" {
            open.push(id);
        }
    }
    if !all {
        return Ok(());
    }
    let mut agents = Vec::new();
    for agent in agents_of_acme() {
        agents.push(seed.make("/agents", &agent).await?);
    }
    let mut people = Vec::new();
    for number in 0..CANDIDATES {
        let candidate = candidate(number, &open);
        people.push(seed.make("/candidates", &candidate).await?);
    }
    let bus = system.in_process_bus();
    for (number, state) in STATES.iter().enumerate() {
        let new = json!({
            "candidateId": people[number],
            "agentId": agents[number % agents.len()],
            "jobId": open[number % open.len()],
            "isTest": *state == State::Test,
        });
        let id = seed.make("/interviews", &new).await?;
        seed.bring(&bus, number, &id, *state).await?;
    }
    Ok(())
}

struct Seed<'s> {
    system: &'s System,
    key: &'s str,
}

/// What is to become of an interview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In so many days.
    Scheduled(i64),
    InProgress,
    /// With this rating.
    Completed(u8),
    Failed,
    Cancelled,
    Test,
}

const STATES: [State; 12] = [
    State::Completed(82),
    State::Completed(64),
    State::Scheduled(1),
    State::InProgress,
    State::Completed(91),
    State::Scheduled(3),
    State::Failed,
    State::Cancelled,
    State::Scheduled(8),
    State::Completed(47),
    State::Test,
    State::Scheduled(21),
];

impl Seed<'_> {
    /// The new object's id. What it is called in the seed is told by its path and body.
    async fn make(&self, path: &str, body: &Value) -> anyhow::Result<String> {
        let name = format!("seed{path}-{:016x}", digest(body));
        let request = HttpRequest::new("POST", path)
            .bearer(self.key)
            .header("idempotency-key", &name)
            .json(body);
        let data = send(self.system, request, 201)
            .await
            .with_context(|| path.to_owned())?;
        let id = data["id"].as_str().context("no id")?;
        Ok(id.to_owned())
    }

    async fn patch(&self, id: &str, body: &Value) -> anyhow::Result<()> {
        let request = HttpRequest::new("PATCH", &format!("/interviews/{id}"))
            .bearer(self.key)
            .json(body);
        send(self.system, request, 200).await.context("a patch")?;
        Ok(())
    }

    async fn bring(&self, bus: &Bus, number: usize, id: &str, to: State) -> anyhow::Result<()> {
        let now = self.system.app().clock.now();
        match to {
            State::Test => Ok(()),
            State::Scheduled(days) => {
                let at = now.plus(chrono::Duration::days(days));
                self.patch(id, &json!({ "scheduledAt": at })).await
            }
            State::Cancelled => self.patch(id, &json!({ "status": "CANCELLED" })).await,
            State::InProgress => self.report(bus, number, id, "STARTED", json!({})).await,
            State::Failed => self.report(bus, number, id, "FAILED", json!({})).await,
            State::Completed(rating) => {
                let summary = "Answers in examples, asks about the team, and is honest about gaps.";
                let minutes = 12 + number % 9;
                let came = json!({
                    "durationMinutes": minutes,
                    "rating": rating,
                    "analysis": { "summary": summary, "strengths": ["clear", "curious"] },
                });
                self.report(bus, number, id, "COMPLETED", came).await
            }
        }
    }

    async fn report(
        &self,
        bus: &Bus,
        number: usize,
        id: &str,
        kind: &str,
        mut detail: Value,
    ) -> anyhow::Result<()> {
        let request = HttpRequest::new("GET", &format!("/interviews/{id}")).bearer(self.key);
        let interview = send(self.system, request, 200).await?;
        let at = self.system.app().clock.now();
        detail["eventId"] = json!(format!("seed-{number}"));
        detail["companyId"] = interview["companyId"].clone();
        detail["interviewId"] = json!(id);
        detail["type"] = json!(kind);
        detail["at"] = json!(at);
        let event = json!({
            "version": "0",
            "id": format!("seed-{number}"),
            "source": interview_events::SOURCE,
            "detail-type": interview_events::DETAIL_TYPE,
            "account": "000000000000",
            "time": at,
            "region": "local",
            "resources": [],
            "detail": detail,
        });
        bus.put(event).await.map_err(anyhow::Error::msg)
    }
}

/// FNV-1a: bodies that differ get names that differ.
fn digest(body: &Value) -> u64 {
    body.to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

const CANDIDATES: usize = 40;
const FIRST_NAMES: [&str; 10] = [
    "Ada", "Bohumil", "Chiara", "Dalibor", "Elif", "Farid", "Greta", "Hana", "Ioannis", "Jana",
];
const LAST_NAMES: [&str; 8] = [
    "Novák",
    "Rossi",
    "Yılmaz",
    "Weber",
    "Kowalska",
    "García",
    "Papadopoulos",
    "Lindqvist",
];

fn candidate(number: usize, jobs: &[String]) -> Value {
    let first = FIRST_NAMES[number % FIRST_NAMES.len()];
    // Each pair of names once.
    let last = LAST_NAMES[(number + number / FIRST_NAMES.len()) % LAST_NAMES.len()];
    let mut candidate = json!({
        "firstName": first,
        "lastName": last,
        "gdprExpiryDate": "2099-12-31",
        "jobIds": [jobs[number % jobs.len()]],
        "metadata": { "source": if number.is_multiple_of(3) { "careers site" } else { "job board" } },
    });
    match number % 4 {
        0 => candidate["phoneNumber"] = json!(format!("+4915112{number:06}")),
        _ => {
            candidate["email"] = json!(format!(
                "{}.{number}@candidates.example",
                first.to_lowercase()
            ));
        }
    }
    if number.is_multiple_of(5) {
        candidate["jobIds"] = json!([jobs[number % jobs.len()], jobs[(number + 1) % jobs.len()]]);
    }
    candidate["status"] = json!(match number % 7 {
        0..3 => "APPLIED",
        3..5 => "IN_PROCESS",
        5 => "REJECTED",
        _ => "ACCEPTED",
    });
    candidate
}

fn agents_of_acme() -> [Value; 4] {
    [
        json!({
            "name": "First conversation",
            "type": "ONLINE",
            "focus": "GENERIC",
            "language": "EN",
            "duration": 20,
            "questions": ["What drew you to us?", "When could you begin?"],
            "voiceId": "EMMA",
        }),
        json!({
            "name": "Screening, engineers",
            "type": "ONLINE",
            "focus": "SCREENING",
            "language": "EN",
            "duration": 30,
            "questions": ["Tell me about a service that you ran in production."],
            "instructions": "Ask for figures where the candidate gives none.",
            "voiceId": "LUKE",
        }),
        json!({
            "name": "Sprachtest",
            "type": "PHONE",
            "companyPhoneNumberId": "3f0c2b1a-5d4e-4f6a-8b7c-9d0e1f2a3b4c",
            "focus": "LANGUAGE_TEST",
            "cefrLevel": "B1",
            "language": "DE",
            "duration": 15,
            "voiceId": "MIRIAM",
        }),
        json!({
            "name": "Outreach, drivers",
            "type": "PHONE",
            "companyPhoneNumberId": "3f0c2b1a-5d4e-4f6a-8b7c-9d0e1f2a3b4c",
            "focus": "OUTREACH",
            "language": "CS",
            "duration": 10,
            "backgroundSound": "OFF",
        }),
    ]
}

fn jobs() -> [Value; 12] {
    [
        json!({
            "title": "Senior Rust Engineer",
            "description": "You design and build the services that our recruiters rely on every day, from the first sketch to production.",
            "status": "OPEN",
            "requiredSkills": ["Rust", "AWS", "DynamoDB"],
            "niceToHaveSkills": ["Terraform"],
            "languageRequirements": [{ "language": "EN", "proficiency": "B2" }],
            "education": ["BACHELOR_LEVEL"],
            "experience": "FIVE_TO_10_YEARS",
            "contractType": "FULL_TIME",
            "location": { "workMode": "HYBRID", "city": "Prague", "countryCode": "CZ" },
            "salary": { "min": 90000, "max": 120000, "currency": "EUR", "period": "YEARLY" },
        }),
        json!({
            "title": "Warehouse Shift Lead",
            "description": "You lead a team of twelve on the late shift, keep the floor safe and the lorries on time.",
            "status": "OPEN",
            "requiredSkills": ["Forklift licence"],
            "languageRequirements": [{ "language": "DE", "proficiency": "B1" }],
            "experience": "ONE_TO_3_YEARS",
            "contractType": "FULL_TIME",
            "location": { "workMode": "ONSITE", "city": "Leipzig", "countryCode": "DE" },
            "salary": { "min": 18.5, "max": 22, "currency": "EUR", "period": "HOURLY" },
        }),
        json!({
            "title": "Customer Support Specialist",
            "description": "You answer our customers by phone and chat, and tell the product team what they struggle with.",
            "status": "OPEN",
            "requiredSkills": ["Written English"],
            "languageRequirements": [
                { "language": "EN", "proficiency": "C1" },
                { "language": "PL", "proficiency": "C2" },
            ],
            "experience": "LESS_THAN_1_YEAR",
            "contractType": "PART_TIME",
            "location": { "workMode": "REMOTE", "countryCode": "PL" },
        }),
        json!({
            "title": "Data Analyst (filled)",
            "description": "You turn questions of the business into queries, and answers into charts that people understand.",
            "status": "CLOSED",
            "requiredSkills": ["SQL", "Python"],
            "education": ["MASTER_LEVEL"],
            "contractType": "CONTRACT",
            "location": { "workMode": "HYBRID", "city": "London", "countryCode": "GB" },
            "metadata": { "atsId": "R-1042" },
        }),
        json!({
            "title": "Backend Engineer, Payments",
            "description": "You own the services that move our customers' money, and you sleep well because you test them.",
            "status": "OPEN",
            "requiredSkills": ["Kotlin", "PostgreSQL"], "experience": "THREE_TO_5_YEARS", "contractType": "FULL_TIME", "location": { "workMode": "REMOTE", "countryCode": "ES" },
        }),
        json!({
            "title": "Registered Nurse, Night Shift",
            "description": "You look after a ward of eighteen patients at night, together with two colleagues and one physician.",
            "status": "OPEN",
            "languageRequirements": [{ "language": "DE", "proficiency": "C1" }], "education": ["SECONDARY_WITH_DIPLOMA"], "contractType": "PART_TIME", "location": { "workMode": "ONSITE", "city": "Dresden", "countryCode": "DE" },
        }),
        json!({
            "title": "Regional Sales Manager",
            "description": "You visit our customers between Lyon and Marseille, and you know their warehouses better than they do.",
            "status": "OPEN",
            "requiredSkills": ["Negotiation"], "salary": { "min": 55000, "currency": "EUR", "period": "YEARLY" }, "location": { "workMode": "HYBRID", "city": "Lyon", "countryCode": "FR" },
        }),
        json!({
            "title": "Electrician",
            "description": "You install and maintain the conveyors of three halls, and you are on call every fourth week.",
            "status": "OPEN",
            "education": ["POST_SECONDARY_VOCATIONAL"], "experience": "ONE_TO_3_YEARS", "location": { "workMode": "ONSITE", "city": "Brno", "countryCode": "CZ" },
        }),
        json!({
            "title": "Product Designer",
            "description": "You draw what recruiters see first in the morning, and you sit beside them when they use it.",
            "status": "OPEN",
            "requiredSkills": ["Figma", "Research"], "contractType": "CONTRACT", "location": { "workMode": "HYBRID", "city": "Prague", "countryCode": "CZ" },
        }),
        json!({
            "title": "Internship, Machine Learning",
            "description": "You measure how well our language tests agree with teachers, and you write down what you find.",
            "status": "OPEN",
            "education": ["UNIVERSITY_STUDENT"], "experience": "NO_EXPERIENCE", "contractType": "INTERNSHIP", "location": { "workMode": "REMOTE" },
        }),
        json!({
            "title": "Delivery Driver",
            "description": "You bring parcels to four hundred doors a day, with an electric van and a schedule that works.",
            "status": "OPEN",
            "salary": { "min": 15.2, "max": 17, "currency": "EUR", "period": "HOURLY" }, "contractType": "TEMPORARY", "location": { "workMode": "ONSITE", "city": "Vienna", "countryCode": "AT" },
        }),
        json!({
            "title": "Head of Finance (filled)",
            "description": "You close the books of six companies each month, and you explain them to people who have not read one.",
            "status": "CLOSED",
            "experience": "MORE_THAN_10_YEARS", "location": { "workMode": "ONSITE", "city": "Prague", "countryCode": "CZ" },
        }),
    ]
}
