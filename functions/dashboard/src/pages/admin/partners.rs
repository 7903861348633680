//! Partners, as administrators make and change them.

use maud::{Markup, html};
use model::Owner;
use routes::keys::Operation;
use serde::Deserialize;
use serde_json::json;

use super::{
    asking,
    entry::{Entry, numbers, plans},
    framed,
};
use crate::{
    Page,
    answer::{Answer, Problem, Stop},
    form::Form,
    pages::{company::plan_name, keys::Listed},
    parts::{heading, refusal, time},
    visit::Visit,
};

/// A partner as administrators see it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Partner {
    id: String,
    pub(super) name: String,
    plan: String,
    company_limit: u64,
    key_limit: u64,
    version: u64,
    created_at: String,
}

const LIMIT: &str = "20";

pub(crate) async fn list(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let ask = asking(visit, Operation::ListPartners)?
        .query("limit", LIMIT)
        .query("cursor", &visit.query("cursor"));
    let partners: Listed<Partner> = visit.get(ask).await?;
    let new = visit.href(Page::AdminNewPartner, &[]);
    let actions = html! { a.button.primary href=(new) { "Make a partner" } };
    let first = visit.href(Page::AdminPartners, &[]);
    let next = partners.pagination.next_cursor.as_deref();
    let next = next.map(|cursor| visit.href(Page::AdminPartners, &[("cursor", cursor)]));
    let sub = html! { "Applicant tracking systems and others that act for companies." };
    let content = html! {
        (heading("Partners", sub, actions))
        @if partners.items.is_empty() {
            div.empty {
                h2 { "No partners yet" }
                p { "A partner has people, and ATS keys that you issue." }
                a.button.primary href=(new) { "Make the first partner" }
            }
        } @else {
            (table(visit, &partners.items))
            (visit.pages(&first, next.as_deref()))
        }
    };
    Ok(framed(visit, 200, Page::AdminPartners, "Partners", content))
}

fn table(visit: &Visit<'_>, partners: &[Partner]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Partners" {
            table.list id="partners" {
                thead {
                    tr {
                        th scope="col" { "Partner" }
                        th scope="col" { "Its companies begin with" }
                        th scope="col" { "Companies" }
                        th scope="col" { "Keys" }
                        th scope="col" { "Since" }
                        th scope="col" { "Look at" }
                    }
                }
                tbody {
                    @for partner in partners {
                        @let owner = format!("p-{}", partner.id);
                        @let id = [("partnerId", partner.id.as_str())];
                        tr {
                            td data-label="Partner" {
                                a href=(visit.href(Page::AdminPartner, &id)) { bdi { (partner.name) } }
                                span.hint { code { (partner.id) } }
                            }
                            td data-label="Its companies begin with" { (plan_name(&partner.plan)) }
                            td data-label="Companies" { "up to " (partner.company_limit) }
                            td data-label="Keys" { "up to " (partner.key_limit) }
                            td data-label="Since" { (time(&partner.created_at)) }
                            td data-label="Look at" {
                                a href=(visit.href(Page::AdminKeys, &[("owner", &owner)])) aria-label=(format!("Keys of {}", partner.name)) { "Keys" }
                                " "
                                a href=(visit.href(Page::AdminNewKey, &id)) aria-label=(format!("Issue a key to {}", partner.name)) { "Issue a key" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What was typed, right or wrong.
#[derive(Default)]
struct Typed {
    name: String,
    plan: String,
    company_limit: String,
    key_limit: String,
    email: String,
}

impl Typed {
    fn of(partner: &Partner) -> Typed {
        Typed {
            name: partner.name.clone(),
            plan: partner.plan.clone(),
            company_limit: partner.company_limit.to_string(),
            key_limit: partner.key_limit.to_string(),
            email: String::new(),
        }
    }

    fn read(form: &Form) -> Typed {
        let text = |name: &str| form.text(name).to_owned();
        Typed {
            name: text("name"),
            plan: text("plan"),
            company_limit: text("companyLimit"),
            key_limit: text("keyLimit"),
            email: text("ownerEmail"),
        }
    }

    fn fields(&self, problem: Option<&Problem>) -> Markup {
        let name = Entry {
            name: "name",
            label: "Name",
            hint: "2 to 100 characters.",
            value: &self.name,
            ..Entry::TEXT
        };
        let companies = Entry {
            name: "companyLimit",
            label: "Companies that it may make",
            hint: "Empty: 100. At most 2,000.",
            value: &self.company_limit,
            ..Entry::NUMBER
        };
        let keys = Entry {
            name: "keyLimit",
            label: "Live keys",
            hint: "Empty: 50. At most 1,000.",
            value: &self.key_limit,
            ..Entry::NUMBER
        };
        html! {
            (name.show(problem))
            (plans(&self.plan, "What companies that it makes begin with; those that are there keep theirs.", problem))
            (companies.show(problem))
            (keys.show(problem))
        }
    }
}

pub(crate) async fn new(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    asking(visit, Operation::CreatePartner)?;
    let typed = Typed {
        plan: "SCALE".to_owned(),
        ..Typed::default()
    };
    Ok(new_page(visit, &typed, None))
}

fn new_page(visit: &Visit<'_>, typed: &Typed, problem: Option<&Problem>) -> Answer {
    let email = Entry {
        name: "ownerEmail",
        label: "Its owner's e-mail address",
        hint: "Invited by mail; nobody else could obtain a key's secret.",
        kind: "email",
        value: &typed.email,
        ..Entry::TEXT
    };
    let content = html! {
        (heading("Make a partner", html! { "Its owner is invited at once." }, html! {}))
        (refusal(problem))
        form.form method="post" action=(visit.href(Page::AdminMakePartner, &[])) {
            (visit.form_proof())
            (typed.fields(problem))
            (email.show(problem))
            div.actions {
                button.primary { "Make the partner" }
                a.button href=(visit.href(Page::AdminPartners, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    framed(
        visit,
        status,
        Page::AdminPartners,
        "Make a partner",
        content,
    )
}

pub(crate) async fn make(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let typed = Typed::read(&form);
    let mut body = json!({ "name": typed.name, "plan": typed.plan, "ownerEmail": typed.email });
    numbers(&mut body, &form, &["companyLimit", "keyLimit"]);
    let ask = asking(visit, Operation::CreatePartner)?
        .body(body)
        .once(&form.once);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(&visit.href(Page::AdminPartners, &[]))),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            Ok(new_page(visit, &typed, Some(&problem)))
        }
        Err(stop) => Err(stop),
    }
}

/// The partner of the path.
pub(super) async fn find(visit: &Visit<'_>) -> Result<Partner, Stop> {
    let id = visit.param("partnerId");
    let all = asking(visit, Operation::ListPartners)?;
    let is_it = |partner: &Partner| partner.id == id;
    visit.look_up(all, is_it, "There is no such partner.").await
}

pub(crate) async fn show(visit: &Visit<'_>) -> Result<Answer, Stop> {
    visit.fresh()?;
    let partner = find(visit).await?;
    Ok(page(visit, &partner, &Typed::of(&partner), None))
}

fn page(visit: &Visit<'_>, partner: &Partner, typed: &Typed, problem: Option<&Problem>) -> Answer {
    let id = [("partnerId", partner.id.as_str())];
    let owner = format!("p-{}", partner.id);
    let actions = html! {
        a.button href=(visit.href(Page::AdminKeys, &[("owner", &owner)])) { "Keys" }
        a.button href=(visit.href(Page::AdminNewKey, &id)) { "Issue a key" }
    };
    let content = html! {
        (heading(&partner.name, html! { "Since " (time(&partner.created_at)) }, actions))
        (refusal(problem))
        form.form method="post" action=(visit.href(Page::AdminChangePartner, &id)) {
            (visit.form_proof())
            input type="hidden" name="version" value=(partner.version);
            (typed.fields(problem))
            div.actions {
                button.primary { "Save" }
                a.button href=(visit.href(Page::AdminPartners, &[])) { "Cancel" }
            }
        }
    };
    let status = problem.map_or(200, |problem| problem.status);
    framed(visit, status, Page::AdminPartners, &partner.name, content)
}

pub(crate) async fn change(visit: &Visit<'_>) -> Result<Answer, Stop> {
    let form = Form::read(visit)?;
    visit.fresh()?;
    let id = visit
        .param("partnerId")
        .parse()
        .map_err(|_| Stop::NotFound)?;
    let typed = Typed::read(&form);
    // An emptied number goes back to what stands where nothing is said.
    let mut body =
        json!({ "name": typed.name, "plan": typed.plan, "companyLimit": null, "keyLimit": null });
    numbers(&mut body, &form, &["companyLimit", "keyLimit"]);
    let ask = asking(visit, Operation::UpdatePartner)?
        .of(Owner::Partner(id))
        .if_match(form.text("version"))
        .body(body)
        .of_form(&form);
    match visit.ask(ask).await {
        Ok(_) => Ok(Answer::see(&visit.href(Page::AdminPartners, &[]))),
        Err(Stop::Problem(problem)) if matches!(problem.status, 400 | 409) => {
            let mut partner = find(visit).await?;
            let typed = if problem.is_stale() {
                // Somebody else was faster: what they made of it is what is to be changed now.
                Typed::of(&partner)
            } else {
                partner.version = form.version(partner.version);
                typed
            };
            Ok(page(visit, &partner, &typed, Some(&problem)))
        }
        Err(stop) => Err(stop),
    }
}
