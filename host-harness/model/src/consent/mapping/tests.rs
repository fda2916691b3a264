use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    consent::{Enforcement, Notice, System},
    contract::consent::{Item, ItemId},
};

mod changing;
mod checking;
mod files;
mod marking;
mod merging;

fn id(text: &str) -> ItemId {
    text.parse().unwrap()
}

fn stored(item: &str, name: &str, parent: Option<&str>, notice: Option<&str>) -> StoredItem {
    StoredItem { id: id(item), name: name.into(), parent: parent.map(id), notice: notice.map(str::to_owned) }
}

fn listed(item: &str, name: &str, parent: Option<&str>) -> Item {
    Item { id: id(item), name: name.into(), parent: parent.map(id) }
}

fn node(item: &str, notice: Option<&str>, children: Vec<ConsentableItem>) -> ConsentableItem {
    let ItemId { kind, id } = id(item);
    ConsentableItem {
        external_id: id,
        kind,
        name: String::new(),
        notice_id: notice.map(str::to_owned),
        children,
        unmapped: false,
        vanished: false,
        renamed_from: None,
        moved_from: None,
        conflict: None,
    }
}

fn notice(id: &str, enforcement: Enforcement, data_use: &str) -> Notice {
    let data_uses = BTreeSet::from([data_use.to_owned()]);
    Notice { id: id.into(), key: None, name: id.into(), data_uses, enforcement }
}

fn system() -> System {
    let data_uses = BTreeSet::from(["marketing".to_owned()]);
    System { key: "iterable".into(), name: "Iterable".into(), data_uses }
}
