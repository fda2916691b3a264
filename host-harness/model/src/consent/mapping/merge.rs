//! What the vendor lists now, laid over what was saved.

use std::collections::{BTreeMap, BTreeSet};

use super::item::{ConsentableItem, StoredItem};
use crate::contract::consent::{Item, ItemId};

/// How deep items may belong to items. What lies deeper, or belongs to itself in the end, stands at the top: a listing
/// is a guest's, and a tree without end would end the host.
const LEVELS: usize = 8;

/// The mapping as an operator sees it, and what has to be saved for it to stay true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// In the vendor's order; saved items that it no longer lists come last.
    pub items: Vec<ConsentableItem>,
    /// Saved items that the vendor has renamed or moved, as they are now.
    pub refreshed: Vec<StoredItem>,
}

/// Lays `listed` over `stored`, matched by kind and id together.
pub fn merge(stored: &[StoredItem], listed: &[Item]) -> Merged {
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
    Merged { items: branches(&below, None), refreshed: nodes.iter().filter_map(Node::refreshed).collect() }
}

/// An item before it has its place in the tree.
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

    /// What to save, where the vendor says something else than what is saved.
    fn refreshed(&self) -> Option<StoredItem> {
        let stored = self.stored?;
        if !self.is_listed || (stored.name == self.name && stored.parent.as_ref() == self.parent) {
            return None;
        }
        let (name, parent) = (self.name.to_owned(), self.parent.cloned());
        Some(StoredItem { name, parent, ..stored.clone() })
    }
}

/// Leaves a parent to those alone whose line of parents comes to an end within [`LEVELS`] and names no absent item.
fn settle_parents(nodes: &mut [Node<'_>]) {
    let parents: BTreeMap<&ItemId, Option<&ItemId>> =
        nodes.iter().map(|node| (node.id, node.parent)).collect();
    for node in nodes {
        let mut above = node.parent;
        for _ in 1..LEVELS {
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
        })
        .collect()
}
