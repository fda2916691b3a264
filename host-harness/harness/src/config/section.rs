//! A table of the file, read key by key: each key that nothing reads is told, with the one that was probably meant.

use std::{collections::HashMap, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Visitor, value::Error as NoError},
    forward_to_deserialize_any,
};
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue, ValueDeserializer},
};

use super::problem::{Problem, Wrong};
use host_model::{nearest::nearest, unread::Unread};

/// Collects what is wrong, by where it stands in the text.
pub struct Problems<'a> {
    text: &'a str,
    /// In the order in which they were found.
    pub found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    /// None yet, in that text.
    pub fn of(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Something is wrong with what begins at byte `at`.
    pub fn add(&mut self, at: usize, place: &str, wrong: Wrong) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = 1 + before.matches('\n').count();
        self.found.push(Problem { line: Some(line), place: place.to_owned(), wrong });
    }
}

/// A value with the path of its key.
pub struct Entry<'a> {
    /// The last part of the path.
    pub key: String,
    /// Its path, such as `connections.newsletter.tenant`.
    pub place: String,
    /// Where the key begins.
    pub at: usize,
    /// The value of the metric.
    pub value: Spanned<DeValue<'a>>,
}

impl<'a> Entry<'a> {
    /// The value as a table.
    pub fn section(self, problems: &mut Problems<'_>) -> Option<Section<'a>> {
        let span = self.value.span();
        if let DeValue::Table(table) = self.value.into_inner() {
            return Some(Section::of(self.place, self.at, span, table));
        }
        problems.add(self.at, &self.place, Wrong::Expected("a table".to_owned()));
        None
    }

    /// The value as a text.
    pub fn text(self, problems: &mut Problems<'_>) -> Option<String> {
        if let DeValue::String(text) = self.value.into_inner() {
            return Some(text.into_owned());
        }
        problems.add(self.at, &self.place, Wrong::Expected("a string".to_owned()));
        None
    }

    /// The value as a list, each element under the path of the list.
    pub fn list(self, problems: &mut Problems<'_>) -> Vec<Entry<'a>> {
        let DeValue::Array(array) = self.value.into_inner() else {
            problems.add(self.at, &self.place, Wrong::Expected("a list".to_owned()));
            return Vec::new();
        };
        let element = |value: Spanned<DeValue<'a>>| Entry {
            key: String::new(),
            place: self.place.clone(),
            at: value.span().start,
            value,
        };
        array.into_iter().map(element).collect()
    }
}

/// A table.
pub struct Section<'a> {
    /// Its path, such as `connections.newsletter`; empty for the file as a whole.
    pub place: String,
    at: usize,
    span: Range<usize>,
    entries: Vec<Entry<'a>>,
    read: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub fn root(table: Spanned<DeTable<'a>>) -> Self {
        Self::of(String::new(), 0, table.span(), table.into_inner())
    }

    fn of(place: String, at: usize, span: Range<usize>, table: DeTable<'a>) -> Self {
        let entries = table
            .into_iter()
            .map(|(key, value)| {
                let at = key.span().start;
                let key = key.into_inner().into_owned();
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                Entry { key, place, at, value }
            })
            .collect();
        Self { place, at, span, entries, read: Vec::new() }
    }

    /// Where `key` begins, or the section itself where it does not have that key.
    pub fn at(&self, key: &str) -> usize {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.at, |entry| entry.at)
    }

    /// Takes the value of `key` out.
    pub fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.read.push(key);
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.swap_remove(index))
    }

    /// Takes the table `key` out.
    pub fn part(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<Section<'a>> {
        self.take(key)?.section(problems)
    }

    /// Takes every entry of the table `key` out, in the order of the keys.
    pub fn parts(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Vec<Entry<'a>> {
        let mut entries = self.part(key, problems).map(|section| section.entries).unwrap_or_default();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        entries
    }

    /// What is left, as a `T`; told and none where it is something else.
    pub fn read<T: Deserialize<'a>>(self, problems: &mut Problems<'_>) -> Option<T> {
        self.read_with(keys_of::<T>(), problems)
    }

    /// What is left, as a `T` that may have the keys `known`.
    pub fn read_with<T: Deserialize<'a>>(
        self,
        known: &[&'static str],
        problems: &mut Problems<'_>,
    ) -> Option<T> {
        let (left, unknown): (Vec<_>, Vec<_>) =
            self.entries.into_iter().partition(|entry| known.contains(&entry.key.as_str()));
        for entry in unknown {
            let nearest = nearest(&entry.key, known.iter().chain(&self.read).copied()).map(str::to_owned);
            problems.add(entry.at, &self.place, Wrong::UnknownKey { key: entry.key, nearest });
        }
        let keys: HashMap<_, _> = left.iter().map(|entry| (entry.key.clone(), entry.at)).collect();
        let table: DeTable<'a> = left
            .into_iter()
            .map(|entry| (Spanned::new(entry.at..entry.at, DeString::Owned(entry.key)), entry.value))
            .collect();
        let value = Spanned::new(self.span, DeValue::Table(table));
        serde_path_to_error::deserialize(ValueDeserializer::from(value))
            .map_err(|error| {
                let Unread { place, expected, .. } = Unread::new(error.path(), error.inner().message());
                let expected = expected.unwrap_or_else(|| "another value".to_owned());
                let key = error.path().iter().next().map(ToString::to_string);
                let at = key.and_then(|key| keys.get(&key)).copied().unwrap_or(self.at);
                let places = [self.place, place].into_iter().filter(|place| !place.is_empty());
                problems.add(at, &places.collect::<Vec<_>>().join("."), Wrong::Expected(expected));
            })
            .ok()
    }

    /// Says that nothing more is read from it.
    pub fn end(self, problems: &mut Problems<'_>) {
        let _nothing: Option<Nothing> = self.read(problems);
    }
}

#[derive(Deserialize)]
struct Nothing {}

/// The keys that `T` reads, as its derived code names them.
pub(crate) fn keys_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // Always an error: the one who asks has no value to give.
    let _asked = T::deserialize(Asking(&mut keys));
    keys
}

struct Asking<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asking<'_> {
    type Error = NoError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoError> {
        Err(NoError::custom("asked"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NoError> {
        *self.0 = fields;
        Err(NoError::custom("asked"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
