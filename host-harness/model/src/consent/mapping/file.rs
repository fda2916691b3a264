//! A mapping as a file that can be kept with other configuration and compared line by line.
//! Tested in `src/consent/mapping/tests/files.rs`.

use serde::{Deserialize, Serialize};

use super::{
    check::{MappingProblem, SubmittedItem, SubmittedParent, checked},
    item::{ConsentableItem, StoredItem},
};
use crate::{
    consent::notice::{Notice, System},
    contract::consent::ItemId,
    text,
    unread::Unread,
};

/// A mapping in TOML: one `[[item]]` per item, sorted by type and id, so that two exports differ only if their mappings
/// do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingFile {
    /// Required, so that importing a truncated or empty file does not delete the mapping.
    #[serde(rename = "item")]
    items: Vec<FileItem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileItem {
    #[serde(rename = "type", with = "super::kind")]
    kind: String,
    external_id: String,
    /// For the reader only; on import, the vendor's name is used.
    #[serde(default)]
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notice_id: Option<String>,
}

/// The file is not a mapping: why, and at which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected [[item]] tables with type, external_id, name and notice_id, found: {why} at line {line}")]
pub struct NotAMapping {
    why: String,
    line: usize,
}

/// Returns the line `name = value` with the hidden characters of its value escaped.
fn with_escapes(line: &str) -> String {
    let read = || {
        let (name, value) = line.split_once(" = ").filter(|_| text::check_visible(line).is_err())?;
        let value: toml::Value = value.parse().ok()?;
        Some((name, value.as_str()?.to_owned()))
    };
    let Some((name, value)) = read() else { return line.to_owned() };
    let escaped = value.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        visible if text::check_visible(visible.encode_utf8(&mut [0; 4])).is_ok() => visible.to_string(),
        hidden => format!("\\U{:08X}", u32::from(hidden)),
    });
    format!("{name} = \"{}\"", escaped.collect::<String>())
}

impl MappingFile {
    /// Creates a file from the saved items.
    pub fn of(stored: &[StoredItem]) -> Self {
        let mut sorted: Vec<_> = stored.iter().collect();
        sorted.sort_by_key(|item| &item.id);
        let item = |item: &StoredItem| FileItem {
            kind: item.id.kind.clone(),
            external_id: item.id.id.clone(),
            name: item.name.clone(),
            notice_id: item.notice.clone(),
        };
        Self { items: sorted.into_iter().map(item).collect() }
    }

    /// Returns the file's text. Hidden characters are escaped as in TOML: the vendor may use them in names, and the file
    /// is read and compared by people.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let lines = toml::to_string(self)?;
        Ok(lines.lines().flat_map(|line| [with_escapes(line), "\n".to_owned()]).collect())
    }

    /// Parses the file's text.
    pub fn from_toml(text: &str) -> Result<Self, NotAMapping> {
        let refused = |error: &toml::de::Error, why: String| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            NotAMapping { why, line: 1 + before.matches('\n').count() }
        };
        let document = toml::Deserializer::parse(text);
        // The full error would print the line that was read.
        let document = document.map_err(|error| refused(&error, error.message().to_owned()))?;
        serde_path_to_error::deserialize(document).map_err(|error| {
            let why = Unread::new(error.path(), error.inner().message());
            refused(error.inner(), why.to_string())
        })
    }

    /// Returns the items to save, or everything that is wrong. Applies the rules of [`check`](super::check()), except
    /// that a file does not state which item belongs to which parent.
    pub fn check(
        &self,
        notices: &[Notice],
        system: Option<&System>,
        known: &[ConsentableItem],
    ) -> Result<Vec<StoredItem>, Vec<MappingProblem>> {
        let entry = |(number, item): (usize, &FileItem)| SubmittedItem {
            place: format!("item {number}"),
            item: ItemId { kind: item.kind.clone(), id: item.external_id.clone() },
            under: SubmittedParent::Unsaid,
            notice: item.notice_id.clone(),
        };
        checked((1..).zip(&self.items).map(entry).collect(), notices, system, known)
    }
}
