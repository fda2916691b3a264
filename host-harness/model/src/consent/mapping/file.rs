//! A mapping as a file, to be kept beside other configuration and compared line by line.

use serde::{Deserialize, Serialize};

use super::{
    check::{Entry, MappingProblem, Under, checked},
    item::{ConsentableItem, StoredItem},
};
use crate::{
    consent::notice::{Notice, System},
    contract::consent::ItemId,
    unread::Unread,
};

/// A mapping in TOML: an `[[item]]` for each, sorted by type and id, so that two exports differ where mappings do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingFile {
    /// Required, so that a file that was cut off or never written forgets nothing.
    #[serde(rename = "item")]
    items: Vec<FileItem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileItem {
    #[serde(rename = "type", with = "super::kind")]
    kind: String,
    external_id: String,
    /// For who reads the file; the vendor's name counts.
    #[serde(default)]
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notice_id: Option<String>,
}

/// A file that holds no mapping, with the line where that shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected [[item]] tables with type, external_id, name and notice_id, found: {why} at line {line}")]
pub struct NotAMapping {
    why: String,
    line: usize,
}

impl MappingFile {
    /// What is saved, as a file.
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

    /// The file's text.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// Reads the file's text.
    pub fn from_toml(text: &str) -> Result<Self, NotAMapping> {
        let refused = |error: &toml::de::Error, why: String| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            NotAMapping { why, line: 1 + before.matches('\n').count() }
        };
        let document = toml::Deserializer::parse(text);
        // Printed as a whole, the error would show the line.
        let document = document.map_err(|error| refused(&error, error.message().to_owned()))?;
        serde_path_to_error::deserialize(document).map_err(|error| {
            let why = Unread::new(error.path(), error.inner().message());
            refused(error.inner(), why.to_string())
        })
    }

    /// What to save, or everything that is wrong: the same rules as [`check`](super::check()) has, but that a file does
    /// not say which item belongs to which.
    pub fn check(
        &self,
        notices: &[Notice],
        system: Option<&System>,
        known: &[ConsentableItem],
    ) -> Result<Vec<StoredItem>, Vec<MappingProblem>> {
        let entry = |(number, item): (usize, &FileItem)| Entry {
            place: format!("item {number}"),
            item: ItemId { kind: item.kind.clone(), id: item.external_id.clone() },
            under: Under::Unsaid,
            notice: item.notice_id.clone(),
        };
        checked((1..).zip(&self.items).map(entry).collect(), notices, system, known)
    }
}
