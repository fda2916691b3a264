//! The items of a project: channels, message types with their policies, and email lists.
//! Tested in `src/consent/tests.rs`.

use super::{
    choice::{CHANNEL, EMAIL_LIST, Item, ItemId, MESSAGE_TYPE},
    subscriptions::{List, Slot},
};
use crate::{
    error::Error,
    iterable::{
        client::Client,
        lenient::Rows,
        model::{Listing, Row},
    },
    operations,
};

/// A kind of item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Channel,
    MessageType,
    EmailList,
}

impl Group {
    pub(super) fn of(kind: &str) -> Option<Self> {
        [Self::Channel, Self::MessageType, Self::EmailList].into_iter().find(|group| group.kind() == kind)
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Channel => CHANNEL,
            Self::MessageType => MESSAGE_TYPE,
            Self::EmailList => EMAIL_LIST,
        }
    }

    fn item(self, id: i64) -> ItemId {
        ItemId { kind: self.kind().to_owned(), id: id.to_string() }
    }
}

/// An existing item, and where its choice is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: Group,
    pub(super) slot: Slot,
    /// A message type's channel, whose opt-out overrides the message type.
    pub(super) channel: Option<i64>,
}

impl Target {
    fn item(&self) -> ItemId {
        self.group.item(self.slot.id)
    }
}

/// The groups that were requested, each row with its id. The other groups are empty.
#[derive(Default)]
pub(super) struct Catalogue {
    channels: Vec<(i64, Row)>,
    message_types: Vec<(i64, Row)>,
    lists: Vec<(i64, Row)>,
}

impl Catalogue {
    pub(super) fn read(client: &mut Client, wanted: impl Fn(Group) -> bool) -> Result<Self, Error> {
        let mut catalogue = Self::default();
        if wanted(Group::Channel) {
            let rows = client.read::<Listing>(&operations::LIST_CHANNELS)?.rows;
            catalogue.channels = with_ids(client, Group::Channel, rows);
        }
        if wanted(Group::MessageType) {
            let rows = client.read::<Listing>(&operations::LIST_MESSAGE_TYPES)?.rows;
            catalogue.message_types = with_ids(client, Group::MessageType, rows);
        }
        if wanted(Group::EmailList) {
            let rows = client.read::<Listing>(&operations::LIST_EMAIL_LISTS)?.rows;
            catalogue.lists = with_ids(client, Group::EmailList, rows);
        }
        Ok(catalogue)
    }

    /// Finds an item. The error says why it cannot be chosen.
    pub(super) fn target(&self, item: &ItemId) -> Result<Target, String> {
        let kind = &item.kind;
        let group = Group::of(kind).ok_or_else(|| format!("Iterable has no items of kind `{kind}`"))?;
        let is = |id: i64| item.id == id.to_string();
        let target = match group {
            Group::Channel => self.channels.iter().find(|(id, _)| is(*id)).map(|(id, _)| channel(*id)),
            Group::MessageType => {
                let found = self.message_types.iter().find(|(id, _)| is(*id));
                found.map(|(id, row)| message_type(*id, row))
            }
            Group::EmailList => {
                let found = self.lists.iter().find(|(id, _)| is(*id));
                if found.is_some_and(|(_, list)| !takes_members(list)) {
                    return Err(
                        "people cannot be added to or removed from this list: it is not a standard list"
                            .to_owned(),
                    );
                }
                found.map(|(id, _)| email_list(*id))
            }
        };
        target.ok_or_else(|| format!("this project has no {kind} with that id"))
    }

    /// Every item and where its choice is stored, in the order of [`Catalogue::items`].
    pub(super) fn slots(&self) -> Vec<(ItemId, Slot)> {
        self.targets().map(|(_, target)| (target.item(), target.slot)).collect()
    }

    /// The items that have a name. An operator could not recognize the others.
    pub(super) fn items(&self) -> Vec<Item> {
        let is_named = |id: &i64| self.channels.iter().any(|(found, row)| found == id && row.name.is_some());
        let item = |(name, target): (Option<String>, Target)| {
            let parent = target.channel.filter(is_named).map(|id| Group::Channel.item(id));
            Some(Item { id: target.item(), name: name?, parent })
        };
        self.targets().filter_map(item).collect()
    }

    /// The items without a name.
    pub(super) fn without_name(&self) -> Vec<ItemId> {
        self.targets().filter(|(name, _)| name.is_none()).map(|(_, target)| target.item()).collect()
    }

    /// Each channel followed by its message types, then message types without a known channel, then lists.
    fn targets(&self) -> impl Iterator<Item = (Option<String>, Target)> {
        let named = |(id, row): &(i64, Row)| (row.name.clone(), message_type(*id, row));
        let channels = self.channels.iter().flat_map(move |(id, found)| {
            let children = self.message_types.iter().filter(|(_, row)| row.channel_id == Some(*id));
            std::iter::once((channel_name(found), channel(*id))).chain(children.map(named))
        });
        let is_known = |channel: i64| self.channels.iter().any(|(id, _)| *id == channel);
        let orphans = self
            .message_types
            .iter()
            .filter(move |(_, row)| !row.channel_id.is_some_and(is_known))
            .map(named);
        let lists = self.lists.iter().filter(|(_, list)| takes_members(list));
        channels.chain(orphans).chain(lists.map(|(id, list)| (list.name.clone(), email_list(*id))))
    }
}

/// The rows that have an id, each with it.
fn with_ids(client: &mut Client, group: Group, rows: Rows<Row>) -> Vec<(i64, Row)> {
    let received = rows.read.len() + rows.unreadable;
    let found: Vec<_> = rows.read.into_iter().filter_map(|row| Some((row.id?, row))).collect();
    let left_out = received - found.len();
    if left_out > 0 {
        client.warn(&format!(
            "{left_out} of {received} {}s have no readable id and are left out",
            group.kind()
        ));
    }
    found
}

fn channel_name(channel: &Row) -> Option<String> {
    let name = channel.name.as_ref()?;
    Some(match &channel.message_medium {
        Some(medium) => format!("{name} ({medium})"),
        None => name.clone(),
    })
}

/// Whether people can be added and removed. Dynamic lists compute their members, and suppression lists are managed by
/// the customer.
fn takes_members(list: &Row) -> bool {
    list.list_type.as_deref() == Some("Standard")
}

fn channel(id: i64) -> Target {
    Target { group: Group::Channel, slot: Slot { list: List::UnsubscribedChannels, id }, channel: None }
}

/// People are opted in by default if the policy is to opt out, or if there is no policy.
fn message_type(id: i64, row: &Row) -> Target {
    let list = match row.subscription_policy.as_deref() {
        Some("OptIn") => List::SubscribedMessageTypes,
        _ => List::UnsubscribedMessageTypes,
    };
    Target { group: Group::MessageType, slot: Slot { list, id }, channel: row.channel_id }
}

fn email_list(id: i64) -> Target {
    Target { group: Group::EmailList, slot: Slot { list: List::EmailLists, id }, channel: None }
}
