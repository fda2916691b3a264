//! What a mapping must be before it is saved.

use std::collections::BTreeMap;

use super::item::{ConsentableItem, StoredItem, titled};
use crate::{
    consent::notice::{NotPropagated, Notice, System},
    contract::consent::ItemId,
    nearest::nearest,
};

/// How many unknown notices get a suggestion: a person reads no more at a time, and each is compared with every notice.
pub(super) const MAX_SUGGESTIONS: usize = 20;

/// One thing that is wrong with a mapping, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} ({}): {wrong}", titled(.item))]
pub struct MappingProblem {
    /// Such as `[0].children[2]`, or `item 3` of a file; the first of a file is 1.
    pub place: String,
    /// The item that stands there.
    pub item: ItemId,
    /// What is wrong, and what to do.
    pub wrong: WrongMapping,
}

impl MappingProblem {
    /// The item and what is wrong, for whoever shows the place beside it.
    pub fn without_place(&self) -> String {
        format!("{}: {}", titled(&self.item), self.wrong)
    }
}

/// What is wrong with an item's place in a mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongMapping {
    /// It was there before.
    #[error("the item is given twice, first at {0}: leave one of the two")]
    Twice(String),
    /// It was there before, for another notice.
    #[error(
        "the item is mapped to notice `{first}` at {place} and to `{second}` here: an item stands for one notice"
    )]
    TwoNotices {
        /// Where it was first.
        place: String,
        /// The notice there.
        first: String,
        /// The notice here.
        second: String,
    },
    /// Nobody knows the notice.
    #[error("there is no notice `{notice}`{}: make it known first, or leave notice_id out", meant(.nearest.as_deref()))]
    UnknownNotice {
        /// As written.
        notice: String,
        /// The id that is most like it.
        nearest: Option<String>,
    },
    /// The notice's choices would never get here.
    #[error("{0}; change the notice or the system, or leave notice_id out")]
    NotPropagated(#[from] NotPropagated),
    /// Nobody knows the item.
    #[error(
        "the vendor lists no such item and none is saved: list the items again, and take type and external_id from there"
    )]
    UnknownItem,
    /// It belongs elsewhere.
    #[error("the item stands {}, but belongs {}: move it there", under(.found.as_ref()), under(.wanted.as_ref()))]
    WrongParent {
        /// The item that it was put under.
        found: Option<ItemId>,
        /// The item that it belongs to.
        wanted: Option<ItemId>,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |known| format!(" (did you mean `{known}`?)"))
}

fn under(parent: Option<&ItemId>) -> String {
    parent.map_or_else(|| "at the top".to_owned(), |parent| format!("under {}", titled(parent)))
}

/// What to save for `put`, or everything that is wrong with it. `known` is the tree of [`merge`](super::merge()): an item
/// that is neither listed nor saved is refused, and names and places are taken from there.
///
/// The answer replaces what was saved: an item that `put` leaves out is forgotten.
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

/// An item as somebody wrote it.
pub(super) struct Entry {
    pub(super) place: String,
    pub(super) item: ItemId,
    pub(super) under: Under,
    pub(super) notice: Option<String>,
}

/// What somebody put an item under.
pub(super) enum Under {
    /// The form does not say.
    Unsaid,
    /// Under this item; none is the top.
    Said(Option<ItemId>),
}

fn flatten(items: &[ConsentableItem], at: &str, parent: Option<&ItemId>, entries: &mut Vec<Entry>) {
    for (number, item) in items.iter().enumerate() {
        let (place, id) = (format!("{at}[{number}]"), item.id());
        entries.push(Entry {
            place: place.clone(),
            item: id.clone(),
            under: Under::Said(parent.cloned()),
            notice: item.notice_id.clone(),
        });
        flatten(&item.children, &format!("{place}.children"), Some(&id), entries);
    }
}

/// As [`check`], for a mapping in whatever form.
pub(super) fn checked(
    entries: Vec<Entry>,
    notices: &[Notice],
    system: Option<&System>,
    known: &[ConsentableItem],
) -> Result<Vec<StoredItem>, Vec<MappingProblem>> {
    let mut places = BTreeMap::new();
    locate(known, None, &mut places);
    let mut first: BTreeMap<ItemId, (String, Option<String>)> = BTreeMap::new();
    let (mut stored, mut problems) = (Vec::new(), Vec::new());
    for Entry { place, item, under, notice } in entries {
        let mut wrong = Vec::new();
        wrong.extend(
            first.get(&item).map(|(place, before)| twice(place, before.as_deref(), notice.as_deref())),
        );
        wrong.extend(notice.as_deref().and_then(|notice| unfit(notice, notices, system)));
        match places.get(&item) {
            None => wrong.push(WrongMapping::UnknownItem),
            Some(known) => {
                wrong.extend(misplaced(under, known.parent.as_ref()));
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

/// Adds the notice that was probably meant to the first unknown ones.
fn suggest(notices: &[Notice], problems: &mut [MappingProblem]) {
    let unknown = problems.iter_mut().filter_map(|problem| match &mut problem.wrong {
        WrongMapping::UnknownNotice { notice, nearest } => Some((notice, nearest)),
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

fn twice(place: &str, first: Option<&str>, second: Option<&str>) -> WrongMapping {
    let place = place.to_owned();
    match (first, second) {
        (Some(first), Some(second)) if first != second => {
            WrongMapping::TwoNotices { place, first: first.to_owned(), second: second.to_owned() }
        }
        _ => WrongMapping::Twice(place),
    }
}

fn unfit(id: &str, notices: &[Notice], system: Option<&System>) -> Option<WrongMapping> {
    match notices.iter().find(|notice| notice.id == id) {
        Some(notice) => notice.reaches(system).err().map(WrongMapping::NotPropagated),
        None => Some(WrongMapping::UnknownNotice { notice: id.to_owned(), nearest: None }),
    }
}

fn misplaced(under: Under, wanted: Option<&ItemId>) -> Option<WrongMapping> {
    let Under::Said(found) = under else {
        return None;
    };
    (found.as_ref() != wanted).then(|| WrongMapping::WrongParent { found, wanted: wanted.cloned() })
}
