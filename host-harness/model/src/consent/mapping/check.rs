//! The checks that a mapping must pass before it is saved.
//! Tested in `src/consent/mapping/tests/checking.rs`.

use std::collections::BTreeMap;

use super::item::{ConsentableItem, StoredItem, titled};
use crate::{
    consent::notice::{NotPropagated, Notice, System},
    contract::consent::ItemId,
    nearest::nearest,
};

/// Maximum number of unknown notices that get a suggestion. No one reads more at a time, and each is compared with
/// every notice.
pub(super) const MAX_SUGGESTIONS: usize = 20;

/// One problem in a mapping, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} ({}): {wrong}", titled(.item))]
pub struct MappingProblem {
    /// Such as `[0].children[2]`, or `item 3` of a file, where items count from 1.
    pub place: String,
    /// The item at that place.
    pub item: ItemId,
    /// What is wrong, and what to do.
    pub wrong: MappingProblemKind,
}

impl MappingProblem {
    /// Returns the item and the problem without the place, for output that already shows the place.
    pub fn without_place(&self) -> String {
        format!("{}: {}", titled(&self.item), self.wrong)
    }
}

/// What is wrong with an item's place in a mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingProblemKind {
    /// The item is listed twice.
    #[error("the item is listed twice, first at {0}: remove one of the two")]
    Twice(String),
    /// The item is listed twice, for different notices.
    #[error(
        "the item is mapped to notice `{first}` at {place} and to `{second}` here: an item can map to only one notice"
    )]
    TwoNotices {
        /// The place of the first entry.
        place: String,
        /// The notice there.
        first: String,
        /// The notice here.
        second: String,
    },
    /// The notice is unknown.
    #[error("there is no notice `{notice}`{}: register it first, or omit notice_id", suggestion(.nearest.as_deref()))]
    UnknownNotice {
        /// As written.
        notice: String,
        /// The most similar known id.
        nearest: Option<String>,
    },
    /// The notice's choices would never reach this connection.
    #[error("{0}; change the notice or the system, or omit notice_id")]
    NotPropagated(#[from] NotPropagated),
    /// The item is unknown.
    #[error(
        "the vendor does not list this item and it is not saved: list the items again, and copy type and external_id"
    )]
    UnknownItem,
    /// The item belongs under another parent.
    #[error("the item is {}, but belongs {}: move it there", under(.found.as_ref()), under(.wanted.as_ref()))]
    WrongParent {
        /// The item that it was put under.
        found: Option<ItemId>,
        /// The item that it belongs to.
        wanted: Option<ItemId>,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |known| format!(" (did you mean `{known}`?)"))
}

fn under(parent: Option<&ItemId>) -> String {
    parent.map_or_else(|| "at the top level".to_owned(), |parent| format!("under {}", titled(parent)))
}

/// Returns the items to save for `put`, or everything that is wrong with it. `known` is the tree of
/// [`merge`](super::merge()): items that are neither listed nor saved are refused, and names and parents are taken from
/// the tree.
///
/// The result replaces the saved mapping: an item that `put` leaves out is forgotten.
pub fn check(
    put: &[ConsentableItem],
    notices: &[Notice],
    system: Option<&System>,
    known: &[ConsentableItem],
) -> Result<Vec<StoredItem>, Vec<MappingProblem>> {
    let mut entries = Vec::new();
    flatten(put, "", None, &mut entries);
    checked(entries, notices, system, known)
}

/// An item as it was submitted.
pub(super) struct SubmittedItem {
    pub(super) place: String,
    pub(super) item: ItemId,
    pub(super) under: SubmittedParent,
    pub(super) notice: Option<String>,
}

/// The parent that an item was submitted under.
pub(super) enum SubmittedParent {
    /// The format does not say.
    Unsaid,
    /// Under this item; `None` for the top level.
    Said(Option<ItemId>),
}

fn flatten(items: &[ConsentableItem], at: &str, parent: Option<&ItemId>, entries: &mut Vec<SubmittedItem>) {
    for (number, item) in items.iter().enumerate() {
        let (place, id) = (format!("{at}[{number}]"), item.id());
        entries.push(SubmittedItem {
            place: place.clone(),
            item: id.clone(),
            under: SubmittedParent::Said(parent.cloned()),
            notice: item.notice_id.clone(),
        });
        flatten(&item.children, &format!("{place}.children"), Some(&id), entries);
    }
}

/// Same as [`check`], for a mapping in any format.
pub(super) fn checked(
    entries: Vec<SubmittedItem>,
    notices: &[Notice],
    system: Option<&System>,
    known: &[ConsentableItem],
) -> Result<Vec<StoredItem>, Vec<MappingProblem>> {
    let mut places = BTreeMap::new();
    locate(known, None, &mut places);
    let mut first: BTreeMap<ItemId, (String, Option<String>)> = BTreeMap::new();
    let (mut stored, mut problems) = (Vec::new(), Vec::new());
    for SubmittedItem { place, item, under, notice } in entries {
        let mut wrong = Vec::new();
        wrong.extend(
            first.get(&item).map(|(place, before)| duplicate(place, before.as_deref(), notice.as_deref())),
        );
        wrong.extend(notice.as_deref().and_then(|notice| notice_problem(notice, notices, system)));
        match places.get(&item) {
            None => wrong.push(MappingProblemKind::UnknownItem),
            Some(known) => {
                wrong.extend(parent_problem(under, known.parent.as_ref()));
                stored.push(StoredItem { notice: notice.clone(), ..known.clone() });
            }
        }
        problems.extend(wrong.into_iter().map(|wrong| MappingProblem {
            place: place.clone(),
            item: item.clone(),
            wrong,
        }));
        first.entry(item).or_insert((place, notice));
    }
    suggest(notices, &mut problems);
    if problems.is_empty() { Ok(stored) } else { Err(problems) }
}

/// Adds a suggestion to the first unknown notices.
fn suggest(notices: &[Notice], problems: &mut [MappingProblem]) {
    let unknown = problems.iter_mut().filter_map(|problem| match &mut problem.wrong {
        MappingProblemKind::UnknownNotice { notice, nearest } => Some((notice, nearest)),
        _ => None,
    });
    for (notice, found) in unknown.take(MAX_SUGGESTIONS) {
        *found = nearest(notice, notices.iter().map(|notice| notice.id.as_str())).map(str::to_owned);
    }
}

fn locate(items: &[ConsentableItem], parent: Option<&ItemId>, places: &mut BTreeMap<ItemId, StoredItem>) {
    for item in items {
        let id = item.id();
        locate(&item.children, Some(&id), places);
        let stored =
            StoredItem { id: id.clone(), name: item.name.clone(), parent: parent.cloned(), notice: None };
        places.insert(id, stored);
    }
}

fn duplicate(place: &str, first: Option<&str>, second: Option<&str>) -> MappingProblemKind {
    let place = place.to_owned();
    match (first, second) {
        (Some(first), Some(second)) if first != second => {
            MappingProblemKind::TwoNotices { place, first: first.to_owned(), second: second.to_owned() }
        }
        _ => MappingProblemKind::Twice(place),
    }
}

/// Returns what is wrong with a mapping to the notice with this id; `None` if nothing is.
pub(super) fn notice_problem(
    id: &str,
    notices: &[Notice],
    system: Option<&System>,
) -> Option<MappingProblemKind> {
    match notices.iter().find(|notice| notice.id == id) {
        Some(notice) => notice.reaches(system).err().map(MappingProblemKind::NotPropagated),
        None => Some(MappingProblemKind::UnknownNotice { notice: id.to_owned(), nearest: None }),
    }
}

fn parent_problem(under: SubmittedParent, wanted: Option<&ItemId>) -> Option<MappingProblemKind> {
    let SubmittedParent::Said(found) = under else {
        return None;
    };
    (found.as_ref() != wanted).then(|| MappingProblemKind::WrongParent { found, wanted: wanted.cloned() })
}
