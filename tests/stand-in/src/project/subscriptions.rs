//! Subscriptions: replaces whole arrays, changes single memberships, and emits the events that follow.

use serde_json::{Map, Value, json};

use super::catalogue::Policy;
use super::memory::{Project, ProjectType};
use super::people::{PersonId, Profile, Subscriptions};
use super::target::{PersonRef, Target};
use crate::refusal::Refusal;
use crate::switches::{EventGrouping, OptIn, UnknownItem, UnknownSubscriber};

/// The arrays that `users/updateSubscriptions` replaces. `None` leaves an array unchanged; an empty one clears it.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    pub(crate) email: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) lists: Option<Vec<i64>>,
    pub(crate) unsubscribed_channels: Option<Vec<i64>>,
    pub(crate) unsubscribed_message_types: Option<Vec<i64>>,
    pub(crate) subscribed_message_types: Option<Vec<i64>>,
    pub(crate) validate_alignment: bool,
    pub(crate) campaign: Option<i64>,
    pub(crate) template: Option<i64>,
}

/// A kind of item that a person can join or leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    List,
    MessageType,
    Channel,
}

impl Group {
    pub(crate) fn of(self, id: i64) -> Membership {
        Membership { group: self, id }
    }
}

/// One item of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) group: Group,
    pub(crate) id: i64,
}

/// The direction of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Join,
    Leave,
}

/// The source of a change, as named in its events.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) signup: &'static str,
    pub(super) unsub: &'static str,
    /// The message that led to the change, and other fields of the events.
    pub(super) fields: Map<String, Value>,
}

impl Origin {
    pub(super) fn new(signup: &'static str, unsub: &'static str) -> Self {
        Self { signup, unsub, fields: Map::new() }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Items {
    channels: Vec<i64>,
    message_types: Vec<i64>,
    lists: Vec<i64>,
}

impl Project {
    /// Replaces whole arrays. There is no version check: if two clients read, change and write at the same time, one
    /// update is lost.
    pub(crate) fn replace_subscriptions(&mut self, change: &Replacement) -> Result<(), Refusal> {
        let target = self.target(PersonRef::new(change.email.as_ref(), change.user_id.as_ref()))?;
        if change.subscribed_message_types.is_some() && self.switches.opt_in == OptIn::Off {
            return Err(Refusal::NotAllowed(
                "Opt-in message types are not enabled for this project".to_owned(),
            ));
        }
        let before = self.subscriptions_of(&target);
        let new = |new: &Option<Vec<i64>>, old: &Vec<i64>| new.clone().unwrap_or_else(|| old.clone());
        let after = Subscriptions {
            lists: new(&change.lists, &before.lists),
            unsubscribed_channels: new(&change.unsubscribed_channels, &before.unsubscribed_channels),
            unsubscribed_message_types: new(
                &change.unsubscribed_message_types,
                &before.unsubscribed_message_types,
            ),
            subscribed_message_types: new(&change.subscribed_message_types, &before.subscribed_message_types),
        };
        self.check_items(&before, &after)?;
        if change.validate_alignment {
            self.check_alignment(&before, &after)?;
        }
        let person = self.subscriber(&target)?;
        let mut origin = Origin::new("UpdateSubscriptionsAPI", "API");
        let attribution = [("campaignId", change.campaign), ("templateId", change.template)];
        origin
            .fields
            .extend(attribution.iter().filter_map(|(name, id)| Some(((*name).to_owned(), json!((*id)?)))));
        self.resubscribe(person, after, &origin);
        Ok(())
    }

    /// Adds or removes one membership.
    pub(crate) fn move_one(
        &mut self,
        person: PersonRef<'_>,
        item: Membership,
        direction: Move,
    ) -> Result<(), Refusal> {
        let target = self.target(person)?;
        let Membership { group, id } = item;
        if group == Group::Channel
            && self.catalogue.channel(id).is_some_and(|channel| !channel.is_marketing())
        {
            return Err(Refusal::NotAllowed(format!("Channel {id} is not a Marketing channel")));
        }
        let before = self.subscriptions_of(&target);
        let after = self.moved(before.clone(), item, direction);
        self.check_items(&before, &after)?;
        let person = self.subscriber(&target)?;
        self.resubscribe(person, after, &Origin::new("API", "API"));
        Ok(())
    }

    /// Adds a person to a static list, or removes them from it.
    pub(crate) fn move_on_list(
        &mut self,
        person: PersonRef<'_>,
        list: i64,
        direction: Move,
    ) -> Result<(), Refusal> {
        if !self.catalogue.has_static_list(list) {
            return Err(Refusal::NoSuchList { project: self.id, list });
        }
        let target = self.target(person)?;
        let after = self.moved(self.subscriptions_of(&target), Group::List.of(list), direction);
        let person = self.subscriber(&target)?;
        self.resubscribe(person, after, &Origin::new("API", "ListAPI"));
        Ok(())
    }

    /// Returns the addresses on a list.
    pub(crate) fn on_list(&self, list: i64) -> impl Iterator<Item = &str> {
        let on = move |profile: &&Profile| {
            profile.subscriptions.as_ref().is_some_and(|subscriptions| subscriptions.lists.contains(&list))
        };
        self.people.all().filter(on).filter_map(|profile| profile.email.as_deref())
    }

    /// Returns `before` after one change, according to the message type's policy.
    pub(super) fn moved(
        &self,
        mut before: Subscriptions,
        item: Membership,
        direction: Move,
    ) -> Subscriptions {
        let Membership { group, id } = item;
        let opt_in = group == Group::MessageType && self.catalogue.policy(id) == Some(Policy::OptIn);
        // Opt-in types and lists contain what the person has joined, the other arrays what they have left.
        let (array, listed) = match group {
            Group::List => (&mut before.lists, Move::Join),
            Group::MessageType if opt_in => (&mut before.subscribed_message_types, Move::Join),
            Group::MessageType => (&mut before.unsubscribed_message_types, Move::Leave),
            Group::Channel => (&mut before.unsubscribed_channels, Move::Leave),
        };
        if direction != listed {
            array.retain(|other| *other != id);
        } else if !array.contains(&id) {
            array.push(id);
        }
        before
    }

    fn subscriptions_of(&self, target: &Target) -> Subscriptions {
        let profile = target.person.and_then(|person| self.people.latest(person));
        profile.and_then(|profile| profile.subscriptions.clone()).unwrap_or_default()
    }

    /// Returns the person to subscribe. An unknown person is created if identified by an address.
    fn subscriber(&mut self, target: &Target) -> Result<PersonId, Refusal> {
        let by_id =
            self.switches.unknown_subscriber == UnknownSubscriber::Created && self.kind != ProjectType::Email;
        match (&target.person, &target.email, &target.user_id) {
            (None, None, Some(id)) if !by_id => {
                Err(Refusal::BadParams(format!("User does not exist. Email:  UserId: {id}")))
            }
            _ => Ok(self.find_or_create(target)),
        }
    }

    fn check_items(&self, before: &Subscriptions, after: &Subscriptions) -> Result<(), Refusal> {
        if self.switches.unknown_item == UnknownItem::Stored {
            return Ok(());
        }
        let (joined, left) = moves(before, after);
        let items = |take: fn(&Items) -> &Vec<i64>| {
            take(&joined).iter().chain(take(&left)).copied().collect::<Vec<_>>()
        };
        let unknown = |what: &str, id: i64| Err(Refusal::NotAllowed(format!("Unknown {what} {id}")));
        if let Some(id) =
            items(|items| &items.channels).into_iter().find(|id| self.catalogue.channel(*id).is_none())
        {
            return unknown("channel", id);
        }
        if let Some(id) =
            items(|items| &items.message_types).into_iter().find(|id| self.catalogue.policy(*id).is_none())
        {
            return unknown("message type", id);
        }
        if let Some(id) =
            items(|items| &items.lists).into_iter().find(|id| !self.catalogue.has_static_list(*id))
        {
            return unknown("list", id);
        }
        Ok(())
    }

    /// Refuses to join a message type whose channel the person has left.
    fn check_alignment(&self, before: &Subscriptions, after: &Subscriptions) -> Result<(), Refusal> {
        let (joined, _) = moves(before, after);
        let out = |id: &&i64| {
            let channel = self.catalogue.channel_of(**id);
            channel.is_some_and(|channel| after.unsubscribed_channels.contains(&channel))
        };
        match joined.message_types.iter().find(out) {
            Some(id) => {
                Err(Refusal::NotAllowed(format!("Message type {id} belongs to an unsubscribed channel")))
            }
            None => Ok(()),
        }
    }

    /// Writes the four arrays and emits events for the changes.
    pub(super) fn resubscribe(&mut self, person: PersonId, after: Subscriptions, origin: &Origin) {
        let before = self.people.latest(person).and_then(|profile| profile.subscriptions.clone());
        let (joined, left) = moves(&before.unwrap_or_default(), &after);
        self.people.edit(person, self.now, |profile| profile.subscriptions = Some(after));
        for items in self.grouped(joined) {
            let fields = self.event_fields(&items, "signupSource", origin.signup, origin);
            self.emit(person, "emailSubscribe", fields);
        }
        for items in self.grouped(left) {
            let fields = self.event_fields(&items, "unsubSource", origin.unsub, origin);
            self.emit(person, "emailUnSubscribe", fields);
        }
    }

    fn grouped(&self, items: Items) -> Vec<Items> {
        if items == Items::default() {
            return Vec::new();
        }
        match self.switches.event_grouping {
            EventGrouping::PerKind => vec![items],
            EventGrouping::PerItem => {
                let channels =
                    items.channels.iter().map(|id| Items { channels: vec![*id], ..Items::default() });
                let types = items.message_types.iter();
                let types = types.map(|id| Items { message_types: vec![*id], ..Items::default() });
                let lists = items.lists.iter().map(|id| Items { lists: vec![*id], ..Items::default() });
                channels.chain(types).chain(lists).collect()
            }
        }
    }

    fn event_fields(
        &self,
        items: &Items,
        source_field: &str,
        source: &str,
        origin: &Origin,
    ) -> Map<String, Value> {
        let mut fields = origin.fields.clone();
        fields.insert("channelIds".to_owned(), json!(items.channels));
        fields.insert("messageTypeIds".to_owned(), json!(items.message_types));
        fields.insert(self.list_field().to_owned(), json!(items.lists));
        fields.insert(source_field.to_owned(), json!(source));
        fields
    }
}

/// Returns what was joined and what was left between two states.
fn moves(before: &Subscriptions, after: &Subscriptions) -> (Items, Items) {
    let added = |old: &[i64], new: &[i64]| -> Vec<i64> {
        let mut added: Vec<i64> = new.iter().filter(|id| !old.contains(id)).copied().collect();
        added.dedup();
        added
    };
    let joined = |old: &Subscriptions, new: &Subscriptions| {
        let mut message_types = added(&new.unsubscribed_message_types, &old.unsubscribed_message_types);
        message_types.extend(added(&old.subscribed_message_types, &new.subscribed_message_types));
        Items {
            channels: added(&new.unsubscribed_channels, &old.unsubscribed_channels),
            message_types,
            lists: added(&old.lists, &new.lists),
        }
    };
    (joined(before, after), joined(after, before))
}
