//! Marks what has become of items since their mapping was saved, and notices that do not reach them.
//! Tested in `src/consent/mapping/tests/marking.rs`.

use std::collections::BTreeMap;

use super::{
    check::notice_problem,
    item::{ConsentableItem, titled},
};
use crate::{
    consent::notice::{Notice, System},
    contract::consent::ItemId,
};

/// An item's name and parent when its mapping was last saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPlace {
    /// The vendor's name for it.
    pub name: String,
    /// The item that it belonged to.
    pub parent: Option<ItemId>,
}

/// What items are compared with.
#[derive(Clone, Copy, Debug)]
pub struct MarkBasis<'a> {
    /// The items of the saved mapping.
    pub saved: &'a BTreeMap<ItemId, SavedPlace>,
    /// The tenant's notices.
    pub notices: &'a [Notice],
    /// The system of the connection; `None` if it belongs to none.
    pub system: Option<&'a System>,
}

/// Marks the items of a tree.
pub fn mark(items: &mut [ConsentableItem], basis: MarkBasis<'_>) {
    mark_below(items, None, basis);
}

fn mark_below(items: &mut [ConsentableItem], parent: Option<&ItemId>, basis: MarkBasis<'_>) {
    for item in items {
        let id = item.id();
        if let Some(saved) = basis.saved.get(&id) {
            item.renamed_from = (saved.name != item.name).then(|| saved.name.clone());
            let place = || saved.parent.as_ref().map_or_else(|| "the top level".to_owned(), titled);
            item.moved_from = (saved.parent.as_ref() != parent).then(place);
        }
        let problem = |notice: &String| notice_problem(notice, basis.notices, basis.system);
        item.conflict = item.notice_id.as_ref().and_then(problem).map(|problem| problem.to_string());
        mark_below(&mut item.children, Some(&id), basis);
    }
}
