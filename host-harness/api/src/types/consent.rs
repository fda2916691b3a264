//! Choices: what a platform asks for, what a vendor holds, and what became of each.

use host_model::{
    consent::{Answer as HostAnswer, Cause, NoticePreference as HostNoticePreference, outbound},
    contract::consent,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{mirror::mirror, object};
use crate::identity::Identity;

mirror! {
    /// In or out.
    pub enum Choice mirrors consent::Choice {
        /// In.
        #[serde(alias = "opt-in")]
        OptIn,
        /// Out.
        #[serde(alias = "opt-out")]
        OptOut,
    }
}

mirror! {
    /// What a person answered to a notice. Two of the four are choices.
    pub enum Answer mirrors HostAnswer {
        /// In.
        OptIn,
        /// Out.
        OptOut,
        /// Seen, if there is nothing to choose.
        Acknowledge,
        /// Kept in the person's TCF string, not here.
        Tcf,
    }
}

/// Something at the vendor that a person can be in or out of, unique by both members together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Item {
    /// One of the manifest's item kinds.
    pub kind: String,
    /// The vendor's id.
    pub id: String,
}

impl From<consent::ItemId> for Item {
    fn from(consent::ItemId { kind, id }: consent::ItemId) -> Self {
        Self { kind, id }
    }
}

impl From<Item> for consent::ItemId {
    fn from(Item { kind, id }: Item) -> Self {
        Self { kind, id }
    }
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

/// A choice about one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemPreference {
    /// The item.
    pub item: Item,
    /// In or out.
    pub choice: Choice,
    /// When it was made, in milliseconds since 1970 in UTC; at most five minutes ahead.
    #[serde(alias = "chosen-at-ms")]
    pub chosen_at_ms: u64,
    /// Where it was made, in words.
    pub source: String,
}

impl From<consent::Preference> for ItemPreference {
    fn from(preference: consent::Preference) -> Self {
        let consent::Preference { item, choice, chosen_at_ms, source } = preference;
        Self { item: item.into(), choice: choice.into(), chosen_at_ms, source }
    }
}

impl From<ItemPreference> for consent::Preference {
    fn from(preference: ItemPreference) -> Self {
        let ItemPreference { item, choice, chosen_at_ms, source } = preference;
        Self { item: item.into(), choice: choice.into(), chosen_at_ms, source }
    }
}

/// A choice about one notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticePreference {
    /// The notice's id or key.
    pub notice: String,
    /// What was answered.
    pub preference: Answer,
    /// When, in milliseconds since 1970 in UTC; at most five minutes ahead.
    pub chosen_at_ms: u64,
    /// Where it was made, in words.
    pub source: String,
    /// The `cause` of a preference that was derived here and came through the feed, so that it is not sent back to where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub cause: Option<Cause>,
}

impl From<NoticePreference> for HostNoticePreference {
    fn from(preference: NoticePreference) -> Self {
        let NoticePreference { notice, preference, chosen_at_ms, source, cause } = preference;
        Self { notice, preference: preference.into(), chosen_at_ms, source, cause }
    }
}

/// Choices about notices, about items, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Choices about notices.
    pub notices: Vec<NoticePreference>,
    /// Choices about items themselves; no notice has to stand for them.
    pub items: Vec<ItemPreference>,
}

impl From<Preferences> for outbound::Requested {
    fn from(Preferences { notices, items }: Preferences) -> Self {
        Self {
            notices: notices.into_iter().map(Into::into).collect(),
            items: items.into_iter().map(Into::into).collect(),
        }
    }
}

/// One person's choices, to be carried out at a connection's vendor.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// The person.
    pub identity: Identity,
    /// What the person chose.
    #[serde(deserialize_with = "object::deserialize")]
    pub preferences: Preferences,
}

mirror! {
    /// What became of one choice at the vendor.
    pub enum Change mirrors consent::Change {
        /// The vendor accepted it.
        Applied,
        /// The vendor already had it so.
        Unchanged,
        /// Accepted, but not in effect yet.
        Pending,
        /// The vendor refused it.
        Refused,
    }
}

mirror! {
    /// Whether the vendor knows the person.
    pub enum Standing mirrors consent::Standing {
        /// Known before.
        Known,
        /// Unknown until now, and created.
        Created,
        /// Erased, and not to be let in again.
        Forgotten,
    }
}

/// What became of one choice at the vendor, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemReport {
    /// The item.
    pub item: Item,
    /// What became of the choice.
    pub change: Change,
    /// Why, for an operator.
    pub detail: String,
}

/// What the connector reported of a person's choices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectorReport {
    /// One for each choice that was sent, in their order.
    pub items: Vec<ItemReport>,
    /// Whether the vendor knows the person.
    pub standing: Standing,
    /// How many milliseconds the vendor needs until it shows what it has accepted.
    pub settles_after_ms: Option<u64>,
}

impl From<consent::Report> for ConnectorReport {
    fn from(report: consent::Report) -> Self {
        let consent::Report { items, standing, settles_after_ms } = report;
        let item = |consent::ItemReport { item, change, detail }| ItemReport {
            item: item.into(),
            change: change.into(),
            detail,
        };
        Self { items: items.into_iter().map(item).collect(), standing: standing.into(), settles_after_ms }
    }
}

/// A choice as the vendor holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldChoice {
    /// The item.
    pub item: Item,
    /// In or out.
    pub choice: Choice,
}

impl From<consent::Held> for HeldChoice {
    fn from(consent::Held { item, choice }: consent::Held) -> Self {
        Self { item: item.into(), choice: choice.into() }
    }
}

/// One person. In a body, since addresses are logged on the way.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person.
    pub identity: Identity,
}

/// What the vendor holds for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldChoices {
    /// The connection's key.
    pub connection: String,
    /// Whether the vendor knows the person.
    pub known: bool,
    /// One for each item that the vendor holds a choice about.
    pub choices: Vec<HeldChoice>,
}

/// The maximum number of people in one [`PeopleToRead`]: each becomes a request of its own.
pub const MAX_PEOPLE_TO_READ: usize = 1_000;

/// People to read again at the vendor, for choices whose webhook was lost.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PeopleToRead {
    /// At most 1,000.
    #[schema(max_items = 1_000)]
    pub people: Vec<Identity>,
}

/// The requests that read people again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readings {
    /// One for each person, in their order.
    pub requests: Vec<Reading>,
}

/// The request that reads one person again, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reading {
    /// The request's id; null if it was refused.
    pub id: Option<String>,
    /// Why it was refused; null if it was not.
    pub refused: Option<String>,
}
