//! What a guest's prose loses on its way out of a call: the connection's secrets, and whatever names the person that the call
//! is about. A vendor's error may repeat them, and the connector repeat the error.

use std::{borrow::Cow, collections::BTreeSet, sync::OnceLock};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::{
    contract::{Subject, webhook::Delivery},
    egress::Redactor,
};

/// Whom a call is about.
#[derive(Clone, Debug)]
pub(crate) enum About {
    /// No person.
    Nobody,
    /// These.
    People(Vec<Subject>),
    /// Whoever is in this delivery: nobody knows them before it is read.
    Delivery(Delivery),
}

/// Masks the texts of one call.
pub(crate) struct Masks {
    secrets: Redactor,
    about: About,
    /// Made for the first text: most calls that succeed have none.
    all: OnceLock<Redactor>,
}

impl Masks {
    /// For a call with these secrets that is about those people.
    pub(crate) fn new(secrets: Redactor, about: About) -> Self {
        Self { secrets, about, all: OnceLock::new() }
    }

    /// `text` without secrets and names.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let all = self.all.get_or_init(|| {
            let names = self.about.names();
            self.secrets.and(&Redactor::of_names(names.iter().map(String::as_str)))
        });
        all.text(text)
    }
}

impl About {
    fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Nobody => BTreeSet::new(),
            Self::People(people) => people
                .iter()
                .flat_map(Subject::identifiers)
                .map(|identifier| identifier.value.clone())
                .collect(),
            Self::Delivery(delivery) => names_in(delivery),
        }
    }
}

/// What may name somebody in a delivery that nobody has read: values with an `@` or a digit, and all of the fields whose
/// names are those of identifiers. Words such as an event's name stay, so that a reason still tells something.
fn names_in(delivery: &Delivery) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let query = delivery.url.split_once('?').map_or("", |(_, query)| query);
    pieces(query, &mut names);
    match serde_json::from_slice(&delivery.body) {
        Ok(body) => values(&body, false, &mut names),
        Err(_) => pieces(&String::from_utf8_lossy(&delivery.body), &mut names),
    }
    names
}

fn values(value: &Value, is_named: bool, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                values(value, is_named || is_identifying(name), names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| values(item, is_named, names)),
        Value::String(text) if is_named || may_name(text) => {
            names.insert(text.clone());
        }
        Value::Number(number) => {
            names.insert(number.to_string());
        }
        Value::String(_) | Value::Null | Value::Bool(_) => {}
    }
}

fn is_identifying(field: &str) -> bool {
    let field = field.to_lowercase();
    ["email", "phone", "user", "person", "customer"].iter().any(|word| field.contains(word))
        || field.ends_with("id")
}

fn may_name(text: &str) -> bool {
    text.contains(|character: char| character == '@' || character.is_ascii_digit())
}

/// Of a text that is no JSON, such as a form.
fn pieces(text: &str, names: &mut BTreeSet<String>) {
    let ends = |character: char| character.is_whitespace() || "&=,;<>\"'{}[]()".contains(character);
    for piece in text.split(ends) {
        let piece = percent_decode_str(piece).decode_utf8_lossy();
        if may_name(&piece) {
            names.insert(piece.into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(url: &str, body: &str) -> About {
        About::Delivery(Delivery {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            received_at_ms: 0,
        })
    }

    #[test]
    fn whoever_is_in_an_unread_delivery_is_masked_and_its_events_name_stays() {
        let body = r#"{"eventName":"emailGlow","userId":"lovelace","dataFields":{"email":"Ada@example.com","phones":["+491701234567"]}}"#;
        let why = "`emailGlow` of lovelace (ada@example.com, +491701234567, k@example.com) is not known";
        let about = delivery("https://h.example.com/hook?who=k%40example.com", body);
        let shown = Masks::new(Redactor::default(), about).text(why).into_owned();
        assert_eq!(shown, "`emailGlow` of [redacted] ([redacted], [redacted], [redacted]) is not known");
    }

    #[test]
    fn whoever_is_in_a_form_or_a_broken_document_is_masked() {
        for body in ["event=gone&email=ada%40example.com", r#"{"email":"ada@example.com","#] {
            let masks = Masks::new(Redactor::default(), delivery("https://h.example.com/", body));
            assert_eq!(masks.text("no ADA@example.com"), "no [redacted]", "{body}");
        }
    }
}
