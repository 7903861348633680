//! The inputs of administrators' forms. An input is called as the member of the body that it becomes.

use maud::{Markup, html};
use serde_json::Value;

use crate::{answer::Problem, form::Form, pages::company::plan_name, parts::Field};

/// One input of a line.
#[derive(Clone, Copy)]
pub(super) struct Entry<'e> {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) kind: &'static str,
    pub(super) value: &'e str,
    pub(super) required: bool,
}

impl Entry<'_> {
    pub(super) const TEXT: Entry<'static> = Entry {
        name: "",
        label: "",
        hint: "",
        kind: "text",
        value: "",
        required: true,
    };
    pub(super) const NUMBER: Entry<'static> = Entry {
        kind: "number",
        required: false,
        ..Entry::TEXT
    };

    pub(super) fn show(&self, problem: Option<&Problem>) -> Markup {
        let field = Field {
            name: self.name,
            label: self.label,
            hint: self.hint,
            member: self.name,
            problem,
        };
        let invalid = problem.and_then(|problem| problem.of_field(self.name));
        field.with(|id, describes| html! {
            input id=(id) name=(id) type=(self.kind) value=(self.value) required[self.required] maxlength=[(self.kind != "number").then_some("254")] autocomplete="off"
                aria-describedby=[(!describes.is_empty()).then_some(describes)] aria-invalid=[invalid.as_ref().map(|_| "true")];
        })
    }
}

const PLANS: [&str; 5] = ["TRIAL", "STARTER", "BUSINESS", "SCALE", "ENTERPRISE"];

/// A choice of plans.
pub(super) fn plans(chosen: &str, hint: &'static str, problem: Option<&Problem>) -> Markup {
    let field = Field {
        name: "plan",
        label: "Plan",
        hint,
        member: "plan",
        problem,
    };
    field.with(|id, describes| html! {
        select id=(id) name="plan" aria-describedby=[(!describes.is_empty()).then_some(describes)] {
            @for plan in PLANS { option value=(plan) selected[plan == chosen] { (plan_name(plan)) } }
        }
    })
}

/// What was typed as a number; what is none the API refuses, and says where.
pub(super) fn number(form: &Form, name: &str) -> Option<Value> {
    let text = form.text(name);
    (!text.is_empty()).then(|| {
        text.parse::<u64>()
            .map_or_else(|_| text.into(), Value::from)
    })
}

/// Puts those numbers into a body that were typed.
pub(super) fn numbers(body: &mut Value, form: &Form, names: &[&str]) {
    for name in names {
        if let Some(number) = number(form, name) {
            body[*name] = number;
        }
    }
}
