//! A person's choices as Iterable stores them: four lists of ids. Depending on the list, an entry is an opt-in or an
//! opt-out.

use super::choice::Choice;
use crate::iterable::{lenient::Ids, model::Profile};

/// One of the four lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    UnsubscribedChannels,
    UnsubscribedMessageTypes,
    SubscribedMessageTypes,
    EmailLists,
}

impl List {
    pub(super) const ALL: [Self; 4] = [
        Self::UnsubscribedChannels,
        Self::UnsubscribedMessageTypes,
        Self::SubscribedMessageTypes,
        Self::EmailLists,
    ];

    /// Its name in `updateSubscriptions`, which may differ from the one in the profile.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::UnsubscribedChannels => "unsubscribedChannelIds",
            Self::UnsubscribedMessageTypes => "unsubscribedMessageTypeIds",
            Self::SubscribedMessageTypes => "subscribedMessageTypeIds",
            Self::EmailLists => "emailListIds",
        }
    }

    /// The choice that an entry means.
    fn listed(self) -> Choice {
        match self {
            Self::UnsubscribedChannels | Self::UnsubscribedMessageTypes => Choice::OptOut,
            Self::SubscribedMessageTypes | Self::EmailLists => Choice::OptIn,
        }
    }
}

/// Where the choice for one item is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) list: List,
    pub(super) id: i64,
}

/// All four lists. A list that the profile lacks is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subscriptions {
    unsubscribed_channels: Ids,
    unsubscribed_message_types: Ids,
    subscribed_message_types: Ids,
    email_lists: Ids,
}

impl From<Profile> for Subscriptions {
    fn from(profile: Profile) -> Self {
        let mut email_lists = profile.email_lists.unwrap_or_default();
        let user_lists = profile.user_lists.unwrap_or_default();
        for id in user_lists.read {
            if !email_lists.read.contains(&id) {
                email_lists.read.push(id);
            }
        }
        email_lists.unreadable += user_lists.unreadable;
        Self {
            unsubscribed_channels: profile.unsubscribed_channels.unwrap_or_default(),
            unsubscribed_message_types: profile.unsubscribed_message_types.unwrap_or_default(),
            subscribed_message_types: profile.subscribed_message_types.unwrap_or_default(),
            email_lists,
        }
    }
}

impl Subscriptions {
    pub(super) fn ids(&self, list: List) -> &[i64] {
        &self.of(list).read
    }

    /// Whether every entry of the list was read. Otherwise, writing the list back would lose the unread entries.
    pub(super) fn is_whole(&self, list: List) -> bool {
        self.of(list).unreadable == 0
    }

    /// The choice for an item. `None` if the list does not name it and could not be read completely.
    pub(super) fn choice(&self, slot: Slot) -> Option<Choice> {
        let listed = slot.list.listed();
        if self.ids(slot.list).contains(&slot.id) {
            Some(listed)
        } else {
            self.is_whole(slot.list).then_some(!listed)
        }
    }

    /// Sets this choice. All other choices and their order stay the same.
    pub(super) fn set(&mut self, slot: Slot, choice: Choice) {
        let ids = match slot.list {
            List::UnsubscribedChannels => &mut self.unsubscribed_channels.read,
            List::UnsubscribedMessageTypes => &mut self.unsubscribed_message_types.read,
            List::SubscribedMessageTypes => &mut self.subscribed_message_types.read,
            List::EmailLists => &mut self.email_lists.read,
        };
        if choice != slot.list.listed() {
            ids.retain(|id| *id != slot.id);
        } else if !ids.contains(&slot.id) {
            ids.push(slot.id);
        }
    }

    fn of(&self, list: List) -> &Ids {
        match list {
            List::UnsubscribedChannels => &self.unsubscribed_channels,
            List::UnsubscribedMessageTypes => &self.unsubscribed_message_types,
            List::SubscribedMessageTypes => &self.subscribed_message_types,
            List::EmailLists => &self.email_lists,
        }
    }
}

/// Whether the person ever chose. Until the first choice, a profile has none of the lists.
pub(super) fn ever_chose(profile: &Profile) -> bool {
    profile.unsubscribed_channels.is_some()
        || profile.unsubscribed_message_types.is_some()
        || profile.subscribed_message_types.is_some()
        || profile.email_lists.is_some()
        || profile.user_lists.is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn choices() -> impl Strategy<Value = Vec<(Slot, Choice)>> {
        let slot = (prop::sample::select(&List::ALL[..]), 0..12i64).prop_map(|(list, id)| Slot { list, id });
        let choice = prop::sample::select(&[Choice::OptIn, Choice::OptOut][..]);
        prop::collection::vec((slot, choice), 0..6)
    }

    fn subscriptions() -> impl Strategy<Value = Subscriptions> {
        let ids = || {
            let read = prop::collection::vec(0..12i64, 0..8);
            prop::option::of(read.prop_map(|read| Ids { read, unreadable: 0 }))
        };
        (ids(), ids(), ids(), ids(), ids()).prop_map(|(channels, out, r#in, email_lists, user_lists)| {
            Subscriptions::from(Profile {
                unsubscribed_channels: channels,
                unsubscribed_message_types: out,
                subscribed_message_types: r#in,
                email_lists,
                user_lists,
            })
        })
    }

    fn apply(before: &Subscriptions, choices: &[(Slot, Choice)]) -> Subscriptions {
        let mut after = before.clone();
        for (slot, choice) in choices {
            after.set(*slot, *choice);
        }
        after
    }

    #[test]
    fn a_list_with_an_odd_entry_says_only_what_it_names() {
        let odd = Some(Ids { read: vec![1], unreadable: 1 });
        let subscriptions = Subscriptions::from(Profile { unsubscribed_channels: odd, ..Profile::default() });
        let choice = |list, id| subscriptions.choice(Slot { list, id });
        assert_eq!(choice(List::UnsubscribedChannels, 1), Some(Choice::OptOut));
        assert_eq!(choice(List::UnsubscribedChannels, 2), None);
        assert_eq!(choice(List::UnsubscribedMessageTypes, 2), Some(Choice::OptIn));
        assert!(!subscriptions.is_whole(List::UnsubscribedChannels));
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn a_choice_set_holds(before in subscriptions(), choices in choices()) {
            let after = apply(&before, &choices);
            for (at, (slot, choice)) in choices.iter().enumerate() {
                let overridden = choices[at + 1..].iter().any(|(later, _)| later == slot);
                prop_assert!(overridden || after.choice(*slot) == Some(*choice));
            }
        }

        #[test]
        fn no_other_choice_changes_nor_does_the_order(before in subscriptions(), choices in choices()) {
            let after = apply(&before, &choices);
            for list in List::ALL {
                let named = |id: &i64| choices.iter().any(|(slot, _)| *slot == Slot { list, id: *id });
                let others = |from: &Subscriptions| -> Vec<i64> {
                    from.ids(list).iter().filter(|id| !named(id)).copied().collect()
                };
                prop_assert_eq!(others(&before), others(&after));
            }
        }

        #[test]
        fn setting_twice_is_setting_once(before in subscriptions(), choices in choices()) {
            let last: Vec<_> = choices.iter().enumerate()
                .filter(|(at, (slot, _))| !choices[at + 1..].iter().any(|(later, _)| later == slot))
                .map(|(_, choice)| *choice).collect();
            let once = apply(&before, &last);
            prop_assert_eq!(&apply(&once, &last), &once);
        }
    }
}
