//! Which items an event concerns, and of which of them it states a choice.

use super::{fields::Fields, kind::Kind};
use crate::consent::choice::{CHANNEL, EMAIL_LIST, ItemId, MESSAGE_TYPE};

/// In order and each once, so that the event's key does not depend on Iterable's order.
#[derive(Default)]
pub(super) struct Items {
    /// Those that the person chose.
    pub(super) chosen: Vec<ItemId>,
    /// Those that changed for a reason that is no choice, or that is not given.
    pub(super) changed: Vec<ItemId>,
    /// How many are named by something that is no id.
    pub(super) unreadable: usize,
}

impl Items {
    pub(super) fn is_empty(&self) -> bool {
        self.chosen.is_empty() && self.changed.is_empty()
    }
}

/// `Err` if the event concerns items and none of them can be read.
pub(super) fn of(kind: Kind, fields: &Fields) -> Result<Items, String> {
    let name = kind.name();
    if kind == Kind::Complaint {
        let channel =
            fields.channel_id.ok_or_else(|| format!("`{name}` does not name its message's channel"))?;
        return Ok(Items { chosen: vec![item(CHANNEL, channel)], ..Items::default() });
    }
    let ids = [
        (CHANNEL, &fields.channel_ids),
        (MESSAGE_TYPE, &fields.message_type_ids),
        (EMAIL_LIST, &fields.email_list_ids),
        (EMAIL_LIST, &fields.user_list_ids),
        (EMAIL_LIST, &fields.email_list_id),
    ];
    let mut all: Vec<ItemId> = Vec::new();
    for item in ids.iter().flat_map(|(kind, ids)| ids.read.iter().map(|id| item(kind, *id))) {
        if let Err(at) = all.binary_search(&item) {
            all.insert(at, item);
        }
    }
    let unreadable = ids.iter().map(|(_, ids)| ids.unreadable).sum();
    if all.is_empty() && unreadable > 0 {
        return Err(format!("`{name}` names {unreadable} items, none of them by an id"));
    }
    let lists_are_chosen = kind == Kind::Unsubscribe && is_by_the_person(fields.unsub_source.as_deref());
    let (chosen, changed) = all.into_iter().partition(|item| item.kind != EMAIL_LIST || lists_are_chosen);
    Ok(Items { chosen, changed, unreadable })
}

/// Imports, journeys, staff and the customer's own programs take people off lists and put them on for many reasons, and a
/// subscription is reported for a removal too.
fn is_by_the_person(source: Option<&str>) -> bool {
    let by_the_person = ["EmailLink", "Complaint", "SMS"];
    source.is_some_and(|source| by_the_person.iter().any(|found| found.eq_ignore_ascii_case(source.trim())))
}

fn item(kind: &str, id: i64) -> ItemId {
    ItemId { kind: kind.to_owned(), id: id.to_string() }
}
