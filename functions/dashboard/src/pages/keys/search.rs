//! What is looked for among keys: a name, or whose a key is that somebody has found.

use maud::{Markup, html};

use crate::visit::Visit;

/// What is looked for, as far as it may stand in an address.
pub(crate) struct Search {
    name: String,
    found: String,
}

/// Of a key as many characters are shown everywhere: `sk_i`, its kind and its id.
const SAFE: usize = 13;

/// What an input takes whose value goes into an address: anything but a key's secret.
pub(crate) const NO_KEY: &str = "(?!.*sk_i[A-Za-z0-9]{20}).*";

impl Search {
    pub(crate) fn read(visit: &Visit<'_>) -> Search {
        Search {
            name: found_prefix(&visit.query("q")).to_owned(),
            found: found_prefix(&visit.query("key")).to_owned(),
        }
    }

    /// What the API is asked for, which looks for names and for the beginnings of keys alike.
    pub(crate) fn q(&self) -> &str {
        match self.found.is_empty() {
            true => &self.name,
            false => &self.found,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.q().is_empty()
    }

    /// The parameters of a link to the same.
    pub(crate) fn pairs(&self) -> [(&str, &str); 2] {
        [("q", &self.name), ("key", &self.found)]
    }

    /// Browsers cut what is pasted into an input that takes no more, and send no form whose pattern doesn't fit: so no secret gets into an address, a history or a log.
    pub(crate) fn fields(&self) -> Markup {
        html! {
            div.field {
                label for="q" { "Name" }
                input id="q" name="q" type="search" value=(self.name) data-filter="keys" maxlength="100" autocomplete="off" spellcheck="false"
                    pattern=(NO_KEY) title="A key that was found has a field of its own.";
            }
            div.field {
                label for="key" { "A key that was found" }
                input id="key" name="key" type="search" value=(self.found) maxlength=(SAFE) placeholder="sk_iv…" autocomplete="off" spellcheck="false";
            }
        }
    }
}

/// Of a whole key what tells whose it is, should one be sent all the same.
fn found_prefix(text: &str) -> &str {
    let text = text.trim();
    match text.starts_with("sk_") {
        true => text.get(..SAFE).unwrap_or(text),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::found_prefix;

    #[test]
    fn of_a_found_key_only_what_is_safe_is_looked_for() {
        let key = "sk_ivAbCdEfGhSECRETSECRETSECRETSECRETSECRETSEC";
        assert_eq!(found_prefix(key), "sk_ivAbCdEfGh");
        assert_eq!(found_prefix(" Job board "), "Job board");
        assert_eq!(found_prefix("sk_iv"), "sk_iv");
    }
}
