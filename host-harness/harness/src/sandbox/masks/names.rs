//! The identifiers that a call's texts may repeat, up to the maximum that can be searched for.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::sandbox::call_subject::CallSubject;
use host_model::contract::{MAX_IDENTIFIER_CHARS, MAX_IDENTIFIERS, Subject, webhook::Delivery};

/// Maximum total size of the identifiers in one call, in bytes: one person at every limit, or about five hundred
/// typical people. Preparing the search for them takes about 20 ms and 10 MiB.
const MAX_BYTES: usize = MAX_IDENTIFIERS * MAX_IDENTIFIER_CHARS;

/// Size below which preparing the search takes less than a millisecond.
const QUICK_BYTES: usize = 1_024;

/// A set of identifiers.
#[derive(Default)]
pub(super) struct Names {
    names: BTreeSet<String>,
    bytes: usize,
}

/// There are too many identifiers, or too long ones, to search for.
struct TooManyNames;

impl Names {
    /// Collects the identifiers of the people that a call is about. Returns `None` if there are too many, or too long
    /// ones, to search for.
    pub(super) fn of(about: &CallSubject) -> Option<Self> {
        let mut names = Self::default();
        let added = match about {
            CallSubject::Nobody => Ok(()),
            CallSubject::People(people) => names.add_people(people.iter()),
            CallSubject::Erasures(erasures) => {
                names.add_people(erasures.iter().map(|erasure| &erasure.subject))
            }
            CallSubject::Delivery(delivery) => names.add_delivery(delivery),
        };
        added.ok().map(|()| names)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Returns whether preparing the search would block a task's thread for too long.
    pub(super) fn take_long(&self) -> bool {
        self.bytes > QUICK_BYTES
    }

    fn add_people<'a>(&mut self, mut people: impl Iterator<Item = &'a Subject>) -> Result<(), TooManyNames> {
        people.try_for_each(|person| {
            person.identifiers().iter().try_for_each(|identifier| self.add(&identifier.value))
        })
    }

    fn add(&mut self, name: &str) -> Result<(), TooManyNames> {
        if name.chars().nth(MAX_IDENTIFIER_CHARS).is_some() {
            return Err(TooManyNames);
        }
        if self.names.insert(name.to_owned()) {
            self.bytes += name.len();
        }
        if self.bytes > MAX_BYTES { Err(TooManyNames) } else { Ok(()) }
    }

    /// Adds everything that may identify a person in an unread delivery: values with an `@` or a digit, and all values
    /// of fields with names that suggest identifiers. Words such as an event's name are kept, so that a reason remains
    /// meaningful.
    fn add_delivery(&mut self, delivery: &Delivery) -> Result<(), TooManyNames> {
        let query = delivery.url.split_once('?').map_or("", |(_, query)| query);
        self.add_pieces(query)?;
        match serde_json::from_slice(&delivery.body) {
            Ok(body) => self.add_values(&body, may_name),
            Err(_) => self.add_pieces(&String::from_utf8_lossy(&delivery.body)),
        }
    }

    /// Adds numbers, and the texts that `is_name` returns true for. Below a field whose name suggests identifiers, every text
    /// is added.
    fn add_values(&mut self, value: &Value, is_name: fn(&str) -> bool) -> Result<(), TooManyNames> {
        match value {
            Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
                self.add_values(value, if is_identifying(name) { |_| true } else { is_name })
            }),
            Value::Array(items) => items.iter().try_for_each(|item| self.add_values(item, is_name)),
            Value::String(text) if is_name(text) => self.add(text),
            Value::Number(number) => self.add(&number.to_string()),
            Value::String(_) | Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    /// Adds the parts of a text that is not JSON, such as a form.
    fn add_pieces(&mut self, text: &str) -> Result<(), TooManyNames> {
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
