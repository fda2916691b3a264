//! The feed: what the platform has not heard of yet, in Fides' words.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use host_harness::clock::Clock;
use host_model::consent::{Answer, Cause, identity::IdentityMap};
use host_store::{
    Store, StoreError,
    alarms::{self, Alarm},
    events::{self, StoredEvent},
};

/// So many events are in a page at most.
pub const LARGEST_PAGE: i64 = 1_000;

/// An item that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedItem {
    /// One of the manifest's item kinds, in Fides' spelling: `Message type`.
    #[serde(rename = "type", with = "host_model::consent::mapping::kind")]
    pub kind: String,
    /// The vendor's id.
    pub external_id: String,
    /// The vendor's name for it, where it is mapped; else empty.
    pub name: String,
}

/// What was chosen: about an item, or about the notice that items stand for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Chosen {
    /// At the vendor, about one item.
    Item {
        /// Which.
        item: FeedItem,
        /// `opt_in` or `opt_out`.
        preference: Answer,
    },
    /// Derived from the choices for the notice's items.
    Notice {
        /// The notice's id, and `opt_in` or `opt_out`.
        notice_id_map: BTreeMap<String, Answer>,
    },
}

/// An event but for its place and its person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// What.
    #[serde(flatten)]
    pub chosen: Chosen,
    /// When it was chosen, in milliseconds since 1970 in UTC.
    pub event_at: u64,
    /// When the host heard of it, likewise.
    pub received_at: i64,
    /// In the words of where it was chosen.
    pub source: String,
    /// To be handed back with what the platform makes of it, so that it is not sent to where it came from.
    pub cause: Cause,
}

/// An event of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEvent {
    /// Its own; the same wherever it is told.
    pub id: String,
    /// Its place: ask for what comes after it.
    pub cursor: i64,
    /// Whose.
    pub tenant: String,
    /// The key of the connection that heard of it.
    pub connection: String,
    /// Who.
    pub identity_map: IdentityMap,
    /// What, and when.
    #[serde(flatten)]
    pub news: News,
}

/// A part of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Oldest first.
    pub events: Vec<FeedEvent>,
    /// What to ask after next: the last event's place, or what was asked where there was none.
    pub cursor: i64,
}

/// Reads the feed. Clones share everything.
#[derive(Clone)]
pub struct Feed {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Feed {
    /// Those in `store`.
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// The events after `cursor` of these tenants, or of all where none are given; `limit` from 1 to [`LARGEST_PAGE`]. None that
    /// is stored later can have a smaller cursor. One that is damaged stops no other.
    pub async fn events_after(
        &self,
        tenants: Option<&[String]>,
        cursor: i64,
        limit: i64,
    ) -> Result<Page, StoreError> {
        let tenants = tenants.map(<[String]>::to_vec);
        let limit = limit.clamp(1, LARGEST_PAGE);
        let stored = self
            .store
            .read(move |c| Box::pin(async move { events::after(c, tenants.as_deref(), cursor, limit).await }))
            .await?;
        let mut page = Page { events: Vec::new(), cursor };
        for (place, stored) in stored {
            page.cursor = place;
            match stored.and_then(|stored| opened(&self.store, stored)) {
                Ok(event) => page.events.push(event),
                Err(error) => self.tell_damaged(place, &error).await?,
            }
        }
        Ok(page)
    }

    async fn tell_damaged(&self, place: i64, error: &StoreError) -> Result<(), StoreError> {
        let (now, error) = (self.clock.date_ms(), error.to_string());
        tracing::error!(cursor = place, error, "a consent event is damaged and left out");
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
                            "the feed leaves it out: {error}; have its people read again, or ask the vendor"
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
