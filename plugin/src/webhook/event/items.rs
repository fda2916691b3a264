//! The items that an event concerns, and whether it reports choices about them.
//! Tested in `src/webhook/event/tests.rs`.

use super::{fields::Fields, kind::Kind};
use crate::consent::choice::{CHANNEL, EMAIL_LIST, ItemId, MESSAGE_TYPE};

/// The items of an event, sorted and without duplicates, so that the event's key does not depend on Iterable's order.
#[derive(Default)]
pub(super) struct Items {
    /// Items about which the person made a choice.
    pub(super) chosen: Vec<ItemId>,
    /// Items that changed for another reason, or for an unknown one.
    pub(super) changed: Vec<ItemId>,
    /// How many item ids could not be read.
    pub(super) unreadable: usize,
}

impl Items {
    pub(super) fn is_empty(&self) -> bool {
        self.chosen.is_empty() && self.changed.is_empty()
    }
}

/// Reads the items. An error if the event names items but none of their ids can be read.
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
        return Err(format!("`{name}` contains {unreadable} item ids, none of which can be read"));
    }
    let lists_are_chosen = kind == Kind::Unsubscribe && is_by_the_person(fields.unsub_source.as_deref());
    let (chosen, changed) = all.into_iter().partition(|item| item.kind != EMAIL_LIST || lists_are_chosen);
    Ok(Items { chosen, changed, unreadable })
}

/// Whether the person left the list. Imports, journeys, staff and the customer's own programs also add people to lists
/// and remove them, and Iterable even reports a removal as a subscription.
fn is_by_the_person(source: Option<&str>) -> bool {
    let by_the_person = ["EmailLink", "Complaint", "SMS"];
    source.is_some_and(|source| by_the_person.iter().any(|found| found.eq_ignore_ascii_case(source.trim())))
}

fn item(kind: &str, id: i64) -> ItemId {
    ItemId { kind: kind.to_owned(), id: id.to_string() }
}
