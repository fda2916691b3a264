//! The names that a call's texts may repeat, as many as are searched for.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::sandbox::about::About;
use host_model::contract::{MAX_IDENTIFIER_CHARS, MAX_IDENTIFIERS, Subject, webhook::Delivery};

/// Most bytes of names in one call: a person at every bound, or some five hundred people as they are. Searching for them
/// takes some 20 ms and 10 MiB to prepare.
const MAX_BYTES: usize = MAX_IDENTIFIERS * MAX_IDENTIFIER_CHARS;

/// Below this, preparing the search takes less than a millisecond.
const QUICK_BYTES: usize = 1_024;

/// Names, each once.
#[derive(Default)]
pub(super) struct Names {
    names: BTreeSet<String>,
    bytes: usize,
}

/// There are more names, or longer ones, than are searched for.
struct Beyond;

impl Names {
    /// The names of whom a call is about; `None` if there are more, or longer ones, than are searched for.
    pub(super) fn of(about: &About) -> Option<Self> {
        let mut names = Self::default();
        let added = match about {
            About::Nobody => Ok(()),
            About::People(people) => people
                .iter()
                .flat_map(Subject::identifiers)
                .try_for_each(|identifier| names.add(&identifier.value)),
            About::Delivery(delivery) => names.add_delivery(delivery),
        };
        added.ok().map(|()| names)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether it takes longer than a task may hold its thread to prepare the search for them.
    pub(super) fn take_long(&self) -> bool {
        self.bytes > QUICK_BYTES
    }

    fn add(&mut self, name: &str) -> Result<(), Beyond> {
        if name.chars().nth(MAX_IDENTIFIER_CHARS).is_some() {
            return Err(Beyond);
        }
        if self.names.insert(name.to_owned()) {
            self.bytes += name.len();
        }
        if self.bytes > MAX_BYTES { Err(Beyond) } else { Ok(()) }
    }

    /// What may name somebody in a delivery that nobody has read: values with an `@` or a digit, and all of the fields whose
    /// names are those of identifiers. Words such as an event's name stay, so that a reason still says something.
    fn add_delivery(&mut self, delivery: &Delivery) -> Result<(), Beyond> {
        let query = delivery.url.split_once('?').map_or("", |(_, query)| query);
        self.add_pieces(query)?;
        match serde_json::from_slice(&delivery.body) {
            Ok(body) => self.add_values(&body, false),
            Err(_) => self.add_pieces(&String::from_utf8_lossy(&delivery.body)),
        }
    }

    fn add_values(&mut self, value: &Value, is_named: bool) -> Result<(), Beyond> {
        match value {
            Value::Object(fields) => fields
                .iter()
                .try_for_each(|(name, value)| self.add_values(value, is_named || is_identifying(name))),
            Value::Array(items) => items.iter().try_for_each(|item| self.add_values(item, is_named)),
            Value::String(text) if is_named || may_name(text) => self.add(text),
            Value::Number(number) => self.add(&number.to_string()),
            Value::String(_) | Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    /// Of a text that is no JSON, such as a form.
    fn add_pieces(&mut self, text: &str) -> Result<(), Beyond> {
        let ends = |character: char| character.is_whitespace() || "&=,;<>\"'{}[]()".contains(character);
        text.split(ends).try_for_each(|piece| {
            let piece = percent_decode_str(piece).decode_utf8_lossy();
            if may_name(&piece) { self.add(&piece) } else { Ok(()) }
        })
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
