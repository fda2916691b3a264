//! What saving a mapping changes.
//! Tested in `src/consent/mapping/tests/changing.rs`.

use std::collections::BTreeMap;

use super::item::StoredItem;
use crate::contract::consent::ItemId;

/// An item whose notice changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// The item.
    pub item: ItemId,
    /// The vendor's name for it.
    pub name: String,
    /// The notice that it is mapped to now; `None` for none.
    pub before: Option<String>,
    /// The notice that it would be mapped to; `None` for none.
    pub after: Option<String>,
}

/// Returns the items whose notice changes if `after` replaces `before`, in the order of `after`, followed by those that it
/// leaves out.
pub fn changes(before: &[StoredItem], after: &[StoredItem]) -> Vec<ItemChange> {
    let known: BTreeMap<&ItemId, &StoredItem> = before.iter().map(|item| (&item.id, item)).collect();
    let kept: BTreeMap<&ItemId, &StoredItem> = after.iter().map(|item| (&item.id, item)).collect();
    let notice = |item: &StoredItem| item.notice.clone();
    let changed =
        after.iter().map(|item| (item, known.get(&item.id).copied().and_then(notice), notice(item)));
    let left_out = before.iter().filter(|item| !kept.contains_key(&item.id));
    let left_out = left_out.map(|item| (item, notice(item), None));
    let differing = changed.chain(left_out).filter(|(_, before, after)| before != after);
    let change = |(item, before, after): (&StoredItem, _, _)| ItemChange {
        item: item.id.clone(),
        name: item.name.clone(),
        before,
        after,
    };
    differing.map(change).collect()
}
