//! A company: its plan, and what of it is used.

use maud::{Markup, html};
use model::Owner;
use routes::inner::dashboard::Operation;

use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Ask,
    inner::Account,
    parts::{heading, time},
    visit::Visit,
};

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let owner = visit.owner()?;
    if !matches!(owner, Owner::Company(_)) {
        return Err(Stop::NotFound);
    }
    let ask = Ask::new(Operation::GetAccount).of(owner);
    let (frame, account) = futures_util::try_join!(visit.frame(owner), visit.get::<Account>(ask))?;
    let sub = html! {
        @match &account.description {
            Some(about) => { bdi { (about) } }
            None => { "What the plan allows, and how much of it is used." }
        }
    };
    let taken = account.minutes_taken;
    let allowed = u64::from(account.minutes_per_month);
    let content = html! {
        (heading(&account.name, sub, html! {}))
        @if let Some(warning) = warning(taken, allowed) {
            div.note.warn role="status" { p { (warning) } }
        }
        section.card aria-labelledby="plan" {
            h2 id="plan" { "Plan" }
            dl.facts {
                div { dt { "Plan" } dd { (plan_name(&account.plan)) } }
                div { dt { "Requests of one key" } dd { (requests(&account)) } }
                div { dt { "Company since" } dd { (time(&account.created_at.to_string())) } }
            }
            p.hint { "InstaView changes plans: ask us." }
        }
        section.card aria-labelledby="used" {
            h2 id="used" { "Used" }
            dl.facts {
                div {
                    dt { "Live keys" }
                    dd {
                        (account.live_keys) " of " (account.key_limit) " "
                        (bar(account.live_keys, account.key_limit.into(), "Live keys"))
                        span.hint { "Active and suspended ones; revoked and expired ones don't count." }
                    }
                }
                div {
                    dt { "Interview minutes this month" }
                    dd {
                        (taken) " of " (allowed) " "
                        (bar(taken, allowed, "Interview minutes this month"))
                        span.hint {
                            "Of the interviews that are scheduled for this month (UTC), done or to come. Starts anew on "
                            (time(&account.resets_at.to_string())) "."
                        }
                    }
                }
                div {
                    dt { "Minutes billed this month" }
                    dd {
                        (account.minutes_billed)
                        span.hint { "Of the interviews that were completed in it, whenever they were scheduled." }
                    }
                }
            }
        }
    };
    Ok(visit.framed(&frame, Page::Company, &account.name, content))
}

fn requests(account: &Account) -> Markup {
    let limit = account.rate_limit;
    html! {
        @if let Some(second) = limit.per_second { (second) " a second, " }
        (limit.per_minute) " a minute, " (limit.per_hour) " an hour"
    }
}

/// The numbers stand beside it in words.
fn bar(used: u64, allowed: u64, label: &str) -> Markup {
    html! { meter min="0" max=(allowed.max(1)) value=(used.min(allowed.max(1))) aria-label=(label) { (used) " of " (allowed) } }
}

/// From nine tenths on.
fn warning(taken: u64, allowed: u64) -> Option<&'static str> {
    if taken >= allowed {
        Some(
            "This month's minutes are taken: no more interviews can be scheduled for it, unless the plan is changed.",
        )
    } else if taken * 10 >= allowed * 9 {
        Some("Nine tenths of this month's minutes are taken.")
    } else {
        None
    }
}

pub(crate) fn plan_name(plan: &str) -> &str {
    match plan {
        "TRIAL" => "Trial",
        "STARTER" => "Starter",
        "BUSINESS" => "Business",
        "SCALE" => "Scale",
        "ENTERPRISE" => "Enterprise",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::warning;

    #[test]
    fn who_has_used_nine_tenths_is_warned() {
        assert_eq!(warning(89, 100), None);
        assert!(warning(90, 100).is_some_and(|said| said.starts_with("Nine")));
        assert!(warning(100, 100).is_some_and(|said| said.contains("are taken")));
        assert!(warning(0, 0).is_some_and(|said| said.contains("are taken")));
    }
}
