//! What is known of a person, and people whose records version 0.1.0 merged.

use std::fmt;

use host_model::{
    consent::newest::{Origin, RecordedChoice},
    contract::{Identifier, Subject, consent::ItemId},
};
use host_service::{people, requests::standing::RequestStanding};
use host_store::{choices, merged};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{consent::Choice, item::Item, mirror::mirror, requests::ListedRequest};
use crate::identity::Identity;

/// A person to look up. Contains personal data, so it does not print.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonToFind {
    /// The person, by any identifiers that identify them at a connection.
    pub identity: Identity,
    /// Only at this tenant's connections; all that the API key can access if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// What is known of a person. Contains no identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonReport {
    /// Each connection that knows the person, sorted by tenant and key.
    pub connections: Vec<PersonAtConnection>,
}

/// What is known of a person at one connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonAtConnection {
    /// The connection's key.
    pub connection: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// When the vendor accepted an erasure of the person, in milliseconds since 1970 in UTC; null if it did not. Nothing else
    /// but the requests is known of the person after it.
    pub erased_at: Option<i64>,
    /// What was requested for the person, newest first, at most 100.
    pub requests: Vec<ListedRequest>,
    /// The person's current choices for items of the vendor; null if the API key lacks `consent:read`.
    pub choices: Option<Vec<KnownChoice>>,
    /// The choices for notices that the platform is known to have; null if the API key lacks `consent:read`.
    pub notices: Option<Vec<KnownNoticeChoice>>,
}

mirror! {
    /// Where a choice came from.
    pub enum ChoiceOrigin mirrors Origin {
        /// The platform sent it.
        Platform,
        /// The vendor sent an event about it.
        Vendor,
        /// The vendor was asked what it holds.
        Reading,
        /// Copied from a record that several people shared: one of them made the choice.
        Merged,
    }
}

/// A person's current choice for an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownChoice {
    /// The item.
    pub item: Item,
    /// Opt-in or opt-out.
    pub choice: Choice,
    /// When it was made, in milliseconds since 1970 in UTC; 0 if a reading found it and no person is known to have made it.
    pub chosen_at_ms: u64,
    /// Where it came from.
    pub origin: ChoiceOrigin,
    /// Where it was made, in the words of its source.
    pub source: String,
}

impl From<(ItemId, RecordedChoice)> for KnownChoice {
    fn from((item, recorded): (ItemId, RecordedChoice)) -> Self {
        let RecordedChoice { choice, chosen_at_ms, origin, source, .. } = recorded;
        Self { item: item.into(), choice: choice.into(), chosen_at_ms, origin: origin.into(), source }
    }
}

/// A person's choice for a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownNoticeChoice {
    /// The notice's id.
    pub notice_id: String,
    /// Opt-in or opt-out.
    pub choice: Choice,
    /// When it was made, in milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
}

impl From<choices::NoticeChoice> for KnownNoticeChoice {
    fn from(choices::NoticeChoice { notice, choice, chosen_at_ms }: choices::NoticeChoice) -> Self {
        Self { notice_id: notice, choice: choice.into(), chosen_at_ms }
    }
}

impl PersonAtConnection {
    /// Creates it of what was found, and of how the requests stand.
    pub(crate) fn of(found: people::FoundPerson, requests: Vec<RequestStanding>) -> Self {
        let people::FoundPerson { place, erased_at, choices, notices, .. } = found;
        Self {
            connection: place.key,
            tenant: place.tenant,
            erased_at,
            requests: requests.into_iter().map(Into::into).collect(),
            choices: Some(choices.into_iter().map(Into::into).collect()),
            notices: Some(notices.into_iter().map(Into::into).collect()),
        }
    }

    /// Leaves the choices out.
    #[must_use]
    pub fn without_choices(self) -> Self {
        Self { choices: None, notices: None, ..self }
    }
}

/// The person that a request is about. Personal data, so it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevealedPerson {
    /// The identifiers that the request contains.
    pub identifiers: Vec<RevealedIdentifier>,
}

/// One of a person's identifiers. Personal data, so it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevealedIdentifier {
    /// The kind, such as `email`.
    pub kind: String,
    /// The value.
    pub value: String,
}

impl fmt::Debug for RevealedPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RevealedPerson")
    }
}

impl From<&Subject> for RevealedPerson {
    fn from(subject: &Subject) -> Self {
        let revealed = |identifier: &Identifier| RevealedIdentifier {
            kind: identifier.kind.clone(),
            value: identifier.value.clone(),
        };
        Self { identifiers: subject.identifiers().iter().map(revealed).collect() }
    }
}

/// Connections with people who shared one record until they were split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SharedRecords {
    /// Sorted by key.
    pub connections: Vec<MergedConnection>,
}

/// A connection with people who once shared a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MergedConnection {
    /// The connection's key.
    pub connection: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The identifier kinds that its people are now keyed by, separated by blanks.
    pub identifying: String,
    /// When the last of the records were split, in milliseconds since 1970 in UTC.
    pub split_at: i64,
    /// The number of records that several people shared.
    pub records: i64,
    /// The number of people who shared them.
    pub people: i64,
    /// The number of requests that were accepted for these records before.
    pub requests: i64,
    /// The ids of those requests, newest first, at most 1,000.
    pub request_ids: Vec<String>,
}

impl From<merged::MergedPeople> for MergedConnection {
    fn from(merged: merged::MergedPeople) -> Self {
        let merged::MergedPeople {
            connection,
            tenant,
            identifying,
            split_at,
            records,
            people,
            requests,
            request_ids,
        } = merged;
        Self { connection, tenant, identifying, split_at, records, people, requests, request_ids }
    }
}
