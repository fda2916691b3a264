//! A table of the file, read key by key. Unknown keys are reported with the key that was probably meant.
//! Tested in `src/config/tests.rs`.

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

use super::problem::{ConfigProblem, ConfigProblemKind};
use host_model::{nearest::nearest, unread::Unread};

/// Collects problems with their position in the text.
pub struct Problems<'a> {
    text: &'a str,
    /// The problems, in the order in which they were found.
    pub found: Vec<ConfigProblem>,
}

impl<'a> Problems<'a> {
    /// Creates an empty collection for `text`.
    pub fn of(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Adds a problem with the entry that begins at byte `at`.
    pub fn add(&mut self, at: usize, place: &str, wrong: ConfigProblemKind) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = 1 + before.matches('\n').count();
        self.found.push(ConfigProblem { line: Some(line), place: place.to_owned(), wrong });
    }
}

/// A value with the path of its key.
pub struct Entry<'a> {
    /// The last part of the path.
    pub key: String,
    /// Its path, such as `connections.newsletter.tenant`.
    pub place: String,
    /// The byte offset of the key.
    pub at: usize,
    /// The value.
    pub value: Spanned<DeValue<'a>>,
}

impl<'a> Entry<'a> {
    /// Reads the value as a table.
    pub fn section(self, problems: &mut Problems<'_>) -> Option<Section<'a>> {
        let span = self.value.span();
        if let DeValue::Table(table) = self.value.into_inner() {
            return Some(Section::of(self.place, self.at, span, table));
        }
        problems.add(self.at, &self.place, ConfigProblemKind::Expected("a table".to_owned()));
        None
    }

    /// Reads the value as a string.
    pub fn text(self, problems: &mut Problems<'_>) -> Option<String> {
        if let DeValue::String(text) = self.value.into_inner() {
            return Some(text.into_owned());
        }
        problems.add(self.at, &self.place, ConfigProblemKind::Expected("a string".to_owned()));
        None
    }

    /// Reads the value as a list. Each element has the path of the list.
    pub fn list(self, problems: &mut Problems<'_>) -> Vec<Entry<'a>> {
        let DeValue::Array(array) = self.value.into_inner() else {
            problems.add(self.at, &self.place, ConfigProblemKind::Expected("a list".to_owned()));
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

    /// Returns the byte offset of `key`, or of the section itself if it does not have that key.
    pub fn at(&self, key: &str) -> usize {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.at, |entry| entry.at)
    }

    /// Removes and returns the value of `key`.
    pub fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.read.push(key);
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.swap_remove(index))
    }

    /// Removes and returns the table `key`.
    pub fn part(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<Section<'a>> {
        self.take(key)?.section(problems)
    }

    /// Removes the table `key` and returns its entries, sorted by key.
    pub fn parts(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Vec<Entry<'a>> {
        self.part(key, problems).map(Section::entries).unwrap_or_default()
    }

    /// Returns all entries that are left, sorted by key.
    pub fn entries(mut self) -> Vec<Entry<'a>> {
        self.entries.sort_by(|a, b| a.key.cmp(&b.key));
        self.entries
    }

    /// Reads the remaining entries as a `T`. Returns `None` and reports a problem if that fails.
    pub fn read<T: Deserialize<'a>>(self, problems: &mut Problems<'_>) -> Option<T> {
        self.read_with(keys_of::<T>(), problems)
    }

    /// Reads the remaining entries as a `T` that may have the keys `known`.
    pub fn read_with<T: Deserialize<'a>>(
        self,
        known: &[&'static str],
        problems: &mut Problems<'_>,
    ) -> Option<T> {
        let (left, unknown): (Vec<_>, Vec<_>) =
            self.entries.into_iter().partition(|entry| known.contains(&entry.key.as_str()));
        for entry in unknown {
            let nearest = nearest(&entry.key, known.iter().chain(&self.read).copied()).map(str::to_owned);
            problems.add(entry.at, &self.place, ConfigProblemKind::UnknownKey { key: entry.key, nearest });
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
                problems.add(
                    at,
                    &places.collect::<Vec<_>>().join("."),
                    ConfigProblemKind::Expected(expected),
                );
            })
            .ok()
    }

    /// Finishes reading; any remaining key is reported.
    pub fn end(self, problems: &mut Problems<'_>) {
        let _nothing: Option<EmptyTable> = self.read(problems);
    }
}

#[derive(Deserialize)]
struct EmptyTable {}

/// Returns the keys that the derived implementation of `T` reads.
pub(crate) fn keys_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // Always an error, since this deserializer has no value.
    let _asked = T::deserialize(KeyCollector(&mut keys));
    keys
}

struct KeyCollector<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for KeyCollector<'_> {
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
