//! What a project has to choose from: channels, message types with their policies, and lists.

use super::{
    CHANNEL, EMAIL_LIST, Item, ItemId, MESSAGE_TYPE,
    subscriptions::{List, Slot},
};
use crate::{
    error::Error,
    iterable::{
        client::Client,
        model::{self, Channel, Channels, Lists, MessageType, MessageTypes},
    },
    operations,
};

/// A group of items, as Iterable divides them.
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

/// An item that exists, and where its choice is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: Group,
    pub(super) slot: Slot,
    /// A message type's channel, whose opt-out overrules it.
    pub(super) channel: Option<i64>,
}

/// The groups that were asked for; the others are empty.
#[derive(Default)]
pub(super) struct Catalogue {
    channels: Vec<Channel>,
    message_types: Vec<MessageType>,
    lists: Vec<model::List>,
}

impl Catalogue {
    pub(super) fn read(client: &mut Client, wanted: impl Fn(Group) -> bool) -> Result<Self, Error> {
        let mut catalogue = Self::default();
        if wanted(Group::Channel) {
            catalogue.channels = client.read::<Channels>(&operations::LIST_CHANNELS)?.channels;
        }
        if wanted(Group::MessageType) {
            catalogue.message_types =
                client.read::<MessageTypes>(&operations::LIST_MESSAGE_TYPES)?.message_types;
        }
        if wanted(Group::EmailList) {
            catalogue.lists = client.read::<Lists>(&operations::LIST_EMAIL_LISTS)?.lists;
        }
        Ok(catalogue)
    }

    /// The item's place, or why there is none.
    pub(super) fn target(&self, item: &ItemId) -> Result<Target, String> {
        let kind = &item.kind;
        let group = Group::of(kind).ok_or_else(|| format!("Iterable has no items of kind `{kind}`"))?;
        let target = match group {
            Group::Channel => self.channels.iter().find(|channel| is(item, channel.id)).map(channel),
            Group::MessageType => {
                self.message_types.iter().find(|r#type| is(item, r#type.id)).map(message_type)
            }
            Group::EmailList => {
                let list = self.lists.iter().find(|list| is(item, list.id));
                if list.is_some_and(|list| !takes_members(list)) {
                    return Err(
                        "nobody can be put on or taken off this list: it is not a standard one".to_owned()
                    );
                }
                list.map(email_list)
            }
        };
        target.ok_or_else(|| format!("this project has no {kind} with that id"))
    }

    /// Every item and where its choice is kept, in the order of [`Catalogue::items`].
    pub(super) fn slots(&self) -> Vec<(ItemId, Slot)> {
        self.targets().map(|(_, target)| (target.group.item(target.slot.id), target.slot)).collect()
    }

    pub(super) fn items(&self) -> Vec<Item> {
        let item = |(name, target): (String, Target)| {
            let parent = target.channel.filter(|id| self.channels.iter().any(|channel| channel.id == *id));
            let parent = parent.map(|id| Group::Channel.item(id));
            Item { id: target.group.item(target.slot.id), name, parent }
        };
        self.targets().map(item).collect()
    }

    /// Each channel with its message types behind it, then message types of no known channel, then lists.
    fn targets(&self) -> impl Iterator<Item = (String, Target)> {
        let of = |channel: i64| self.message_types.iter().filter(move |r#type| r#type.channel_id == channel);
        let known =
            |r#type: &&MessageType| self.channels.iter().any(|channel| channel.id == r#type.channel_id);
        let channels = self.channels.iter().flat_map(move |found| {
            let children = of(found.id).map(|r#type| (r#type.name.clone(), message_type(r#type)));
            std::iter::once((channel_name(found), channel(found))).chain(children)
        });
        let orphans = self.message_types.iter().filter(move |r#type| !known(r#type));
        let orphans = orphans.map(|r#type| (r#type.name.clone(), message_type(r#type)));
        let lists = self.lists.iter().filter(|list| takes_members(list));
        channels.chain(orphans).chain(lists.map(|list| (list.name.clone(), email_list(list))))
    }
}

fn is(item: &ItemId, id: i64) -> bool {
    item.id == id.to_string()
}

fn channel_name(channel: &Channel) -> String {
    match &channel.message_medium {
        Some(medium) => format!("{} ({medium})", channel.name),
        None => channel.name.clone(),
    }
}

/// Dynamic lists compute their members, and suppression lists are the customer's own tool.
fn takes_members(list: &model::List) -> bool {
    list.kind.as_deref() == Some("Standard")
}

fn channel(channel: &Channel) -> Target {
    let slot = Slot { list: List::UnsubscribedChannels, id: channel.id };
    Target { group: Group::Channel, slot, channel: None }
}

/// People are in by default where the policy is to opt out, as it is where none is told.
fn message_type(r#type: &MessageType) -> Target {
    let list = match r#type.subscription_policy.as_deref() {
        Some("OptIn") => List::SubscribedMessageTypes,
        _ => List::UnsubscribedMessageTypes,
    };
    Target { group: Group::MessageType, slot: Slot { list, id: r#type.id }, channel: Some(r#type.channel_id) }
}

fn email_list(list: &model::List) -> Target {
    Target { group: Group::EmailList, slot: Slot { list: List::EmailLists, id: list.id }, channel: None }
}
