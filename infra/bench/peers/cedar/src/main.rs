//! What Cedar takes for the part of our decision that it knows: state, expiry, scope and address of one key.
//!
//! Policies, entities and the names of types are parsed once, as its documentation recommends; a request and its context are made each time, as they must be.
//! Knows nothing of secrets and limits. Prints JSON.

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityTypeName, EntityUid, PolicySet, Request,
};
use std::{error::Error, hint::black_box, str::FromStr, time::Instant};

const POLICIES: &str = r#"
permit(principal in Company::"acme", action == Action::"ListJobs", resource)
when {
    principal.active
    && context.now < principal.expiresAt
    && principal.scopes.contains("read:jobs")
    && (context.address.isInRange(ip("198.51.100.0/24")) || context.address.isInRange(ip("2001:db8::/48")))
};"#;

const ENTITIES: &str = r#"[
    { "uid": { "type": "Company", "id": "acme" }, "attrs": {}, "parents": [] },
    {
        "uid": { "type": "Key", "id": "Ab3dEf7h" },
        "attrs": { "active": true, "expiresAt": 1900000000, "scopes": ["read:jobs", "read:candidates"] },
        "parents": [{ "type": "Company", "id": "acme" }]
    }
]"#;

const WARM_UP: usize = 20_000;
const BATCHES: usize = 201;
const IN_ONE_BATCH: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let policies = PolicySet::from_str(POLICIES)?;
    let entities = Entities::from_json_str(ENTITIES, None)?;
    let authorizer = Authorizer::new();
    let key: EntityTypeName = "Key".parse()?;
    let action = EntityUid::from_str(r#"Action::"ListJobs""#)?;
    let company = EntityUid::from_str(r#"Company::"acme""#)?;
    let decide = |address: &str| -> Result<Decision, Box<dyn Error>> {
        let context = Context::from_pairs([
            (
                "address".to_owned(),
                cedar_policy::RestrictedExpression::new_ip(address),
            ),
            (
                "now".to_owned(),
                cedar_policy::RestrictedExpression::new_long(1_800_000_000),
            ),
        ])?;
        let request = Request::new(
            EntityUid::from_type_name_and_id(key.clone(), "Ab3dEf7h".parse()?),
            action.clone(),
            company.clone(),
            context,
            None,
        )?;
        Ok(authorizer
            .is_authorized(&request, &policies, &entities)
            .decision())
    };
    assert_eq!(decide("198.51.100.7")?, Decision::Allow);
    assert_eq!(decide("203.0.113.7")?, Decision::Deny);
    for _ in 0..WARM_UP {
        black_box(decide(black_box("198.51.100.7"))?);
    }
    let mut batches = Vec::new();
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..IN_ONE_BATCH {
            black_box(decide(black_box("198.51.100.7"))?);
        }
        batches.push(start.elapsed().as_nanos() / IN_ONE_BATCH as u128);
    }
    batches.sort_unstable();
    let version = cedar_policy::get_sdk_version();
    println!(
        "{{\"p50Nanoseconds\":{},\"version\":\"{version}\"}}",
        batches[BATCHES / 2]
    );
    Ok(())
}
