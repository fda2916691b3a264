//! Choices: what a platform requests, what a vendor has stored, and what became of each.

use host_model::{
    consent::{
        Cause, NoticeAnswer as HostAnswer,
        submitted::{SubmittedChoices, SubmittedItemChoice, SubmittedNoticeChoice},
    },
    contract::consent,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    callback::NewCallback,
    chosen_at::ChosenAt,
    item::{self, Item},
    mirror::mirror,
    object,
};
use crate::identity::Identity;

mirror! {
    /// Opt-in or opt-out.
    pub enum Choice mirrors consent::Choice {
        /// Opt-in.
        #[serde(alias = "opt-in")]
        OptIn,
        /// Opt-out.
        #[serde(alias = "opt-out")]
        OptOut,
    }
}

mirror! {
    /// A person's answer to a notice. Only `opt_in` and `opt_out` are choices.
    pub enum Answer mirrors HostAnswer {
        /// Opt-in.
        #[serde(alias = "opt-in")]
        OptIn,
        /// Opt-out.
        #[serde(alias = "opt-out")]
        OptOut,
        /// The person has seen a notice that offers no choice.
        Acknowledge,
        /// The choice is kept in the person's TCF string.
        Tcf,
    }
}

/// A choice about one item, as an event of the vendor reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemPreference {
    /// The item.
    pub item: Item,
    /// Opt-in or opt-out.
    pub choice: Choice,
    /// When the choice was made, in milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
    /// Where the choice was made.
    pub source: String,
}

impl From<consent::Preference> for ItemPreference {
    fn from(preference: consent::Preference) -> Self {
        let consent::Preference { item, choice, chosen_at_ms, source } = preference;
        Self { item: item.into(), choice: choice.into(), chosen_at_ms, source }
    }
}

/// A choice about one item, to be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewItemPreference {
    /// The item: an object, or its text, such as `channel:6539`.
    #[serde(deserialize_with = "item::deserialize")]
    #[schema(schema_with = item::schema)]
    pub item: Item,
    /// Opt-in or opt-out. `preference` is another name of this member.
    #[serde(alias = "preference")]
    pub choice: Choice,
    /// When the choice was made, at most five minutes ahead; now if absent. `chosen_at_ms` is another name of this member.
    #[serde(
        default,
        alias = "chosen_at_ms",
        alias = "chosen-at-ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub chosen_at: Option<ChosenAt>,
    /// Where the choice was made, such as the name of a form.
    pub source: String,
}

impl From<NewItemPreference> for SubmittedItemChoice {
    fn from(preference: NewItemPreference) -> Self {
        let NewItemPreference { item, choice, chosen_at, source } = preference;
        let chosen_at_ms = chosen_at.map(|chosen_at| chosen_at.ms);
        Self { item: item.into(), choice: choice.into(), chosen_at_ms, source }
    }
}

/// A choice about one notice, to be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticePreference {
    /// The notice's id or key.
    pub notice: String,
    /// The person's answer. `choice` is another name of this member.
    #[serde(alias = "choice")]
    pub preference: Answer,
    /// When the choice was made, at most five minutes ahead; now if absent. `chosen_at_ms` is another name of this member.
    #[serde(
        default,
        alias = "chosen_at_ms",
        alias = "chosen-at-ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub chosen_at: Option<ChosenAt>,
    /// Where the choice was made, such as the name of a form.
    pub source: String,
    /// The `cause` of the feed event that this preference was derived from, so that it is not sent back to its origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub cause: Option<Cause>,
}

impl From<NoticePreference> for SubmittedNoticeChoice {
    fn from(preference: NoticePreference) -> Self {
        let NoticePreference { notice, preference, chosen_at, source, cause } = preference;
        let chosen_at_ms = chosen_at.map(|chosen_at| chosen_at.ms);
        Self { notice, preference: preference.into(), chosen_at_ms, source, cause }
    }
}

/// Choices about notices, about items, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Choices about notices.
    pub notices: Vec<NoticePreference>,
    /// Choices about individual items, which need not be mapped to a notice.
    pub items: Vec<NewItemPreference>,
}

impl From<Preferences> for SubmittedChoices {
    fn from(Preferences { notices, items }: Preferences) -> Self {
        Self {
            notices: notices.into_iter().map(Into::into).collect(),
            items: items.into_iter().map(Into::into).collect(),
        }
    }
}

/// One person's choices, to be applied at a connection's vendor.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// The person.
    pub identity: Identity,
    /// What the person chose.
    #[serde(deserialize_with = "object::deserialize")]
    pub preferences: Preferences,
    /// Where the end of the request is to be posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<NewCallback>,
}

mirror! {
    /// The result of one choice at the vendor.
    pub enum Change mirrors consent::Change {
        /// The vendor accepted it.
        Applied,
        /// The vendor already had this choice.
        Unchanged,
        /// The vendor accepted it, but it is not in effect yet.
        Pending,
        /// The vendor refused it.
        Refused,
    }
}

mirror! {
    /// Whether the vendor knows the person.
    pub enum Standing mirrors consent::Standing {
        /// The vendor already knew the person.
        Known,
        /// The vendor did not know the person, who was created.
        Created,
        /// The vendor has erased the person and does not accept them again.
        Forgotten,
    }
}

/// The result of one choice at the vendor, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemReport {
    /// The item.
    pub item: Item,
    /// The result of the choice.
    pub change: Change,
    /// Explanation for an operator.
    pub detail: String,
}

/// The connector's report on a person's choices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectorReport {
    /// One for each choice that was sent, in the same order.
    pub items: Vec<ItemReport>,
    /// Whether the vendor knows the person.
    pub standing: Standing,
    /// The number of milliseconds until the vendor shows what it has accepted; null if there is nothing to wait for.
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

/// A choice as the vendor has stored it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldChoice {
    /// The item.
    pub item: Item,
    /// Opt-in or opt-out.
    pub choice: Choice,
}

impl From<consent::VendorChoice> for HeldChoice {
    fn from(consent::VendorChoice { item, choice }: consent::VendorChoice) -> Self {
        Self { item: item.into(), choice: choice.into() }
    }
}

/// One person. Sent in a body, since URLs may be logged on the way.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The person.
    pub identity: Identity,
}

/// The choices that the vendor has stored for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldChoices {
    /// The connection's key.
    pub connection: String,
    /// Whether the vendor knows the person.
    pub known: bool,
    /// One for each item that the vendor has a choice for.
    pub choices: Vec<HeldChoice>,
}

/// The maximum number of people in one [`PeopleToRead`]: each becomes a request of its own.
pub const MAX_PEOPLE_TO_READ: usize = 1_000;

/// People to re-read at the vendor, to pick up choices whose webhook was lost.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PeopleToRead {
    /// At most 1,000 people.
    #[schema(max_items = 1_000)]
    pub people: Vec<Identity>,
}

/// The requests that re-read people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readings {
    /// One for each person, in the same order.
    pub requests: Vec<Reading>,
}

/// The request that re-reads one person, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reading {
    /// The request's id; null if it was refused.
    pub id: Option<String>,
    /// Why it was refused; null if it was not.
    pub refused: Option<String>,
}
