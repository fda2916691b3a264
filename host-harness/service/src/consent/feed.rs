//! The feed: what the platform does not know yet, in the vocabulary of Fides.
//! Tested in `src/consent/tests/reporting.rs`.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use host_harness::clock::Clock;
use host_model::consent::{Cause, NoticeAnswer, identity::IdentityMap};
use host_store::{
    Store, StoreError,
    alarms::{self, Alarm},
    events::{self, StoredEvent},
    grant::KeyReach,
};

/// The maximum number of events in a page.
pub const MAX_PAGE: i64 = 1_000;

/// An item that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    /// One of the manifest's item kinds, in Fides' spelling: `Message type`.
    #[serde(rename = "type", with = "host_model::consent::mapping::kind")]
    pub kind: String,
    /// The vendor's id.
    pub external_id: String,
    /// The vendor's name for the item if it is mapped, otherwise empty.
    pub name: String,
}

/// A choice for an item, or for the notice that items stand for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FeedChoice {
    /// A choice for one item, made at the vendor.
    Item {
        /// The item.
        item: FeedItem,
        /// `opt_in` or `opt_out`.
        preference: NoticeAnswer,
    },
    /// A choice for a notice, derived from the choices for its items.
    Notice {
        /// The notice's id, and `opt_in` or `opt_out`.
        notice_id_map: BTreeMap<String, NoticeAnswer>,
    },
}

/// An event without its place in the feed and its person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventContent {
    /// What was chosen.
    #[serde(flatten)]
    pub chosen: FeedChoice,
    /// When it was chosen, in milliseconds since the Unix epoch.
    pub event_at: u64,
    /// When the host learned of it, in milliseconds since the Unix epoch.
    pub received_at: i64,
    /// The source of the choice, as named where the choice was made.
    pub source: String,
    /// Must be returned with whatever the platform derives from the event, so that it is not sent back to its origin.
    pub cause: Cause,
}

/// An event of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEvent {
    /// The event's own id, the same in the feed and in posts.
    pub id: String,
    /// The event's place in the feed: pass it to get the events after it.
    pub cursor: i64,
    /// The tenant.
    pub tenant: String,
    /// The key of the connection that reported the choice.
    pub connection: String,
    /// The person.
    pub identity_map: IdentityMap,
    /// What was chosen, and when.
    #[serde(flatten)]
    pub news: EventContent,
}

/// A page of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPage {
    /// The events, oldest first.
    pub events: Vec<FeedEvent>,
    /// The cursor for the next page: the last event's place, or the requested cursor if the page is empty.
    pub cursor: i64,
}

/// Reads the feed. Clones share everything.
#[derive(Clone)]
pub struct Feed {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Feed {
    /// Creates the feed of the events in `store`.
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Returns the events after `cursor` that belong to `reach`; `limit` is clamped to between 1 and [`MAX_PAGE`]. No event
    /// that is stored later can have a smaller cursor. A damaged event is left out and does not affect the others.
    pub async fn events_after(
        &self,
        reach: &KeyReach,
        cursor: i64,
        limit: i64,
    ) -> Result<FeedPage, StoreError> {
        let (reach, limit) = (reach.clone(), limit.clamp(1, MAX_PAGE));
        let stored = self
            .store
            .read(move |c| Box::pin(async move { events::after(c, &reach, cursor, limit).await }))
            .await?;
        let mut page = FeedPage { events: Vec::new(), cursor };
        for (place, stored) in stored {
            page.cursor = place;
            match stored.and_then(|stored| opened(&self.store, stored)) {
                Ok(event) => page.events.push(event),
                Err(error) => self.report_damaged(place, &error).await?,
            }
        }
        Ok(page)
    }

    async fn report_damaged(&self, place: i64, error: &StoreError) -> Result<(), StoreError> {
        let (now, error) = (self.clock.date_ms(), error.to_string());
        tracing::error!(cursor = place, error, "damaged consent event left out of the feed");
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let Some((tenant, connection)) = events::origin(tx, place).await? else { return Ok(()) };
                    let alarm = Alarm {
                        tenant: &tenant,
                        connection: Some(&connection),
                        kind: "consent-event-damaged",
                        about: &place.to_string(),
                        detail: &format!(
                            "the feed leaves it out: {error}; reconcile its people, or ask the vendor"
                        ),
                    };
                    alarms::raise(tx, now, &alarm).await
                })
            })
            .await
    }
}

fn opened(store: &Store, stored: StoredEvent) -> Result<FeedEvent, StoreError> {
    let unreadable = |_| StoreError::Unreadable(format!("the consent event {}", stored.id));
    Ok(FeedEvent {
        identity_map: events::identity(store.vault(), &stored.id, &stored.sealed_identity)?,
        news: serde_json::from_str(&stored.news).map_err(unreadable)?,
        id: stored.id,
        cursor: stored.seq,
        tenant: stored.tenant,
        connection: stored.connection,
    })
}
