//! Merges the vendor's current items with the saved mapping.
//! Tested in `src/consent/mapping/tests/merging.rs`.

use std::collections::{BTreeMap, BTreeSet};

use super::item::{ConsentableItem, StoredItem};
use crate::contract::consent::{Item, ItemId};

/// Maximum depth of the tree. Deeper items and items in a cycle are moved to the top level: the list comes from the
/// guest, and an endless tree would crash the host.
const MAX_DEPTH: usize = 8;

/// The mapping as an operator sees it, and the items that must be saved to keep it up to date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedMapping {
    /// In the vendor's order, followed by saved items that the vendor no longer lists.
    pub items: Vec<ConsentableItem>,
    /// Saved items that the vendor has renamed or moved, with their current name and parent.
    pub refreshed: Vec<StoredItem>,
}

/// Merges `listed` into `stored`, matching items by kind and id together.
pub fn merge(stored: &[StoredItem], listed: &[Item]) -> MergedMapping {
    let stored: BTreeMap<&ItemId, &StoredItem> = stored.iter().map(|item| (&item.id, item)).collect();
    let mut seen = BTreeSet::new();
    let mut nodes: Vec<Node<'_>> = listed
        .iter()
        .filter(|item| seen.insert(&item.id))
        .map(|item| Node::listed(item, stored.get(&item.id).copied()))
        .collect();
    let vanished = stored.values().filter(|item| !seen.contains(&item.id));
    nodes.extend(vanished.map(|item| Node::vanished(item)));
    settle_parents(&mut nodes);
    let mut below: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for node in &nodes {
        below.entry(node.parent).or_default().push(node);
    }
    MergedMapping {
        items: branches(&below, None),
        refreshed: nodes.iter().filter_map(Node::refreshed).collect(),
    }
}

/// An item that has not been placed in the tree yet.
struct Node<'a> {
    id: &'a ItemId,
    name: &'a str,
    parent: Option<&'a ItemId>,
    stored: Option<&'a StoredItem>,
    is_listed: bool,
}

impl<'a> Node<'a> {
    fn listed(item: &'a Item, stored: Option<&'a StoredItem>) -> Self {
        Self { id: &item.id, name: &item.name, parent: item.parent.as_ref(), stored, is_listed: true }
    }

    fn vanished(item: &'a StoredItem) -> Self {
        let parent = item.parent.as_ref();
        Self { id: &item.id, name: &item.name, parent, stored: Some(item), is_listed: false }
    }

    /// Returns the item to save if the vendor's name or parent differs from the saved one.
    fn refreshed(&self) -> Option<StoredItem> {
        let stored = self.stored?;
        if !self.is_listed || (stored.name == self.name && stored.parent.as_ref() == self.parent) {
            return None;
        }
        let (name, parent) = (self.name.to_owned(), self.parent.cloned());
        Some(StoredItem { name, parent, ..stored.clone() })
    }
}

/// Removes the parent of every item whose parent is missing or whose ancestors exceed [`MAX_DEPTH`].
fn settle_parents(nodes: &mut [Node<'_>]) {
    let parents: BTreeMap<&ItemId, Option<&ItemId>> =
        nodes.iter().map(|node| (node.id, node.parent)).collect();
    for node in nodes {
        let mut above = node.parent;
        for _ in 1..MAX_DEPTH {
            above = above.and_then(|id| parents.get(id).copied().flatten());
        }
        let is_known = node.parent.is_some_and(|id| parents.contains_key(id));
        if above.is_some() || !is_known {
            node.parent = None;
        }
    }
}

fn branches(
    below: &BTreeMap<Option<&ItemId>, Vec<&Node<'_>>>,
    parent: Option<&ItemId>,
) -> Vec<ConsentableItem> {
    let nodes = below.get(&parent).into_iter().flatten();
    nodes
        .map(|node| ConsentableItem {
            external_id: node.id.id.clone(),
            kind: node.id.kind.clone(),
            name: node.name.to_owned(),
            notice_id: node.stored.and_then(|stored| stored.notice.clone()),
            children: branches(below, Some(node.id)),
            unmapped: node.stored.is_none(),
            vanished: !node.is_listed,
            renamed_from: None,
            moved_from: None,
            conflict: None,
        })
        .collect()
}
