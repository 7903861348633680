//! Companies, as administrators find them, make them and put them on plans.

use maud::{Markup, html};
use model::{Owner, RateLimit};
use routes::{companies, inner::dashboard::Operation as Inner, keys::Operation};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    asking,
    entry::{Entry, numbers, plans},
    framed,
};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    form::Form,
    inner::Account,
    pages::{company::plan_name, keys::Listed},
    parts::{heading, refusal, time},
    visit::Visit,
};

/// A company as administrators see it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Company {
    id: String,
    name: String,
    plan: String,
    rate_limit: RateLimit,
    key_limit: u64,
    minutes_per_month: u64,
    created_at: String,
}

const LIMIT: &str = "20";

pub(crate) async fn list(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let q = visit.query("q");
    let ask = asking(visit, Operation::ListAllCompanies)?
        .query("limit", LIMIT)
        .query("q", q.trim())
        .query("cursor", &visit.query("cursor"));
    let companies: Listed<Company> = visit.get(ask).await?;
    let new = visit.href(Page::AdminNewCompany, &[]);
    let actions = html! { a.button.primary href=(new) { "Make a company" } };
    let sub = html! {
        @match companies.pagination.total {
            Some(total) => { (total) " in all" }
            None => { "Those whose names begin so" }
        }
    };
    let first = visit.href(Page::AdminCompanies, &[("q", &q)]);
    let next = companies.pagination.next_cursor.as_deref();
    let next =
        next.map(|cursor| visit.href(Page::AdminCompanies, &[("q", &q), ("cursor", cursor)]));
    let content = html! {
        (heading("Companies", sub, actions))
        form.filters method="get" action=(visit.href(Page::AdminCompanies, &[])) role="search" {
            div.field {
                label for="q" { "Name begins with" }
                input id="q" name="q" type="search" value=(q) maxlength="100" autocomplete="off";
            }
            button { "Show" }
        }
        @if companies.items.is_empty() {
            div.empty {
                h2 { "No such company" }
                p { "The search compares the beginning of the whole name, in any case." }
                a.button.primary href=(new) { "Make a company" }
            }
        } @else {
            (table(visit, &companies.items))
            (visit.pages(&first, next.as_deref()))
        }
    };
    Ok(framed(
        visit,
        200,
        Page::AdminCompanies,
        "Companies",
        content,
    ))
}

fn table(visit: &Visit<'_>, companies: &[Company]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Companies" {
            table.list id="companies" {
                thead {
                    tr {
                        th scope="col" { "Company" }
                        th scope="col" { "Plan" }
                        th scope="col" { "Requests of a key" }
                        th scope="col" { "Keys" }
                        th scope="col" { "Minutes a month" }
                        th scope="col" { "Since" }
                        th scope="col" { "Look at" }
                    }
                }
                tbody {
                    @for company in companies {
                        @let owner = format!("c-{}", company.id);
                        tr {
                            td data-label="Company" { bdi { (company.name) } span.hint { code { (company.id) } } }
                            td data-label="Plan" { (plan_name(&company.plan)) }
                            td data-label="Requests of a key" { (company.rate_limit.per_minute) " a minute" }
                            td data-label="Keys" { "up to " (company.key_limit) }
                            td data-label="Minutes a month" { (company.minutes_per_month) }
                            td data-label="Since" { (time(&company.created_at)) }
                            td data-label="Look at" {
                                a href=(visit.href(Page::AdminKeys, &[("owner", &owner)])) aria-label=(format!("Keys of {}", company.name)) { "Keys" }
                                " "
                                a href=(visit.href(Page::AdminPlan, &[("companyId", &company.id)])) aria-label=(format!("Plan of {}", company.name)) { "Plan" }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) async fn new(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    asking(visit, companies::Operation::FoundCompany)?;
    Ok(new_page(visit, ["", "TRIAL", ""], None))
}

fn new_page(
    visit: &Visit<'_>,
    [name, plan, email]: [&str; 3],
    problem: Option<&Problem>,
) -> Answer {
    let name = Entry {
        name: "name",
        label: "Name",
        hint: "2 to 100 characters.",
        value: name,
        ..Entry::TEXT
    };
    let email = Entry {
        name: "ownerEmail",
        label: "Its owner's e-mail address",
        hint: "Invited by mail; nobody else can manage its keys.",
        kind: "email",
        value: email,
        ..Entry::TEXT
    };
    let content = html! {
        (heading("Make a company", html! { "Its owner is invited at once." }, html! {}))
        (refusal(problem))
        form.form method="post" action=(visit.href(Page::AdminMakeCompany, &[])) {
            (visit.form_proof())
            (name.show(problem))
            (plans(plan, "", problem))
            (email.show(problem))
            div.actions {
                button.primary { "Make the company" }
                a.button href=(visit.href(Page::AdminCompanies, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    framed(
        visit,
        status,
        Page::AdminCompanies,
        "Make a company",
        content,
    )
}

pub(crate) async fn make(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let (name, plan, email) = (
        form.text("name"),
        form.text("plan"),
        form.text("ownerEmail"),
    );
    let ask = asking(visit, companies::Operation::FoundCompany)?
        .body(json!({ "name": name, "plan": plan, "ownerEmail": email }))
        .once(&form.once);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(&visit.href(Page::AdminCompanies, &[]))),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            Ok(new_page(visit, [name, plan, email], Some(&problem)))
        }
        Err(stop) => Err(stop),
    }
}

const ENTERPRISE: &str = "ENTERPRISE";

/// The numbers that only ENTERPRISE has of its own.
const OWN: [&str; 5] = [
    "perMinute",
    "perHour",
    "perSecond",
    "minutesPerMonth",
    "keyLimit",
];

pub(crate) async fn plan(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    let (owner, account) = account(visit).await?;
    let own = own(&account);
    Ok(plan_page(visit, owner, &account, &account.plan, &own, None))
}

/// Its numbers, where they are its own.
fn own(account: &Account) -> [String; 5] {
    let limit = account.rate_limit;
    let text = |number: u32| number.to_string();
    match account.plan.as_str() {
        ENTERPRISE => [
            text(limit.per_minute),
            text(limit.per_hour),
            limit.per_second.map(text).unwrap_or_default(),
            text(account.minutes_per_month),
            text(account.key_limit),
        ],
        _ => Default::default(),
    }
}

async fn account(visit: &Visit<'_>) -> Result<(Owner, Account), Stop> {
    let id = visit.param("companyId").parse();
    let owner = Owner::Company(id.map_err(|_| Stop::NotFound)?);
    let ask = asking(visit, Inner::GetAccount)?.of(owner);
    Ok((owner, visit.get(ask).await?))
}

fn plan_page(
    visit: &Visit<'_>,
    owner: Owner,
    account: &Account,
    plan: &str,
    own: &[String; 5],
    problem: Option<&Problem>,
) -> Answer {
    let labels = [
        "Requests a minute",
        "Requests an hour",
        "Requests a second",
        "Interview minutes a month",
        "Live keys",
    ];
    let hint = |name: &str| match name {
        "perSecond" => "Needed above 600 a minute, up to 500.",
        _ => "Empty: as on Scale.",
    };
    let id = owner.company().map(|id| id.to_string()).unwrap_or_default();
    let sub = html! {
        bdi { (account.name) } ", now " (plan_name(&account.plan)) ": "
        (account.live_keys) " of " (account.key_limit) " keys, "
        (account.minutes_taken) " of " (account.minutes_per_month) " minutes"
    };
    let content = html! {
        (heading("Plan", sub, html! {}))
        (refusal(problem))
        form.form method="post" action=(visit.href(Page::AdminSetPlan, &[("companyId", &id)])) {
            (visit.form_proof())
            input type="hidden" name="version" value=(account.version);
            (plans(plan, "All its keys have the plan's limits at once.", problem))
            fieldset.field {
                legend { "For Enterprise alone" }
                @for ((name, label), value) in OWN.into_iter().zip(labels).zip(own) {
                    (Entry { name, label, hint: hint(name), value, ..Entry::NUMBER }.show(problem))
                }
            }
            div.actions {
                button.primary { "Put on this plan" }
                a.button href=(visit.href(Page::AdminCompanies, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    framed(visit, status, Page::AdminCompanies, "Plan", content)
}

pub(crate) async fn set_plan(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let id = visit
        .param("companyId")
        .parse()
        .map_err(|_| Stop::NotFound)?;
    let plan = form.text("plan");
    let mut body: Value = json!({ "plan": plan });
    // What leaves that plan leaves its numbers there: nobody has to empty what the form was filled with.
    if plan == ENTERPRISE || account(visit).await?.1.plan != ENTERPRISE {
        numbers(&mut body, &form, &OWN);
    }
    let ask = asking(visit, Operation::SetPlan)?
        .of(Owner::Company(id))
        .if_match(form.text("version"))
        .body(body)
        .of_form(&form);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(&visit.href(Page::AdminCompanies, &[]))),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            let (owner, mut account) = account(visit).await?;
            let (plan, own) = if problem.is_stale() {
                // Somebody else was faster: what they made of it is what is to be changed now.
                (account.plan.clone(), own(&account))
            } else {
                account.version = form.version(account.version);
                (plan.to_owned(), OWN.map(|name| form.text(name).to_owned()))
            };
            let problem = Some(&problem);
            Ok(plan_page(visit, owner, &account, &plan, &own, problem))
        }
        Err(stop) => Err(stop),
    }
}
