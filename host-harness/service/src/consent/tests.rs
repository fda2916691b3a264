//! Tests of the consent rules with a service, its store and the Iterable stand-in.

mod aged;
mod definitions;
mod erasures;
mod forwarded;
mod forwarded_to_fides;
mod histories;
mod newest_wins;
mod outgoing;
mod previews;
mod reporting;
mod shared;

use std::collections::BTreeSet;

use super::{
    arrival::DeliveryArrival,
    feed::{FeedChoice, FeedEvent},
    inbound,
};
use crate::{requests::handler::PersonTask, testing::bench::Bench};
use host_model::{
    consent::{
        Enforcement, Notice, NoticeAnswer, NoticePreference, System, mapping::StoredItem,
        submitted::SubmittedChoices,
    },
    contract::{
        Subject,
        consent::{Choice, ItemId, Preference},
        webhook::ConsentEvent,
    },
    requests::RequestState,
};
use host_store::{alarms, grant::KeyReach, items, notices, requests::RequestView, testing::write};

pub(super) const ADA: &str = "ada@example.com";
/// Channels of the stand-in's catalogue.
pub(super) const MAIL: &str = "channel:6539";
pub(super) const PUSH: &str = "channel:6541";

pub(super) fn item(text: &str) -> ItemId {
    text.parse().unwrap()
}

/// Creates a bench in which mail and push stand for the notice `marketing`.
pub(super) async fn bench() -> Bench {
    bench_with(&[("acme", "newsletter")]).await
}

/// Creates the same bench with each of these connections.
async fn bench_with(connections: &'static [(&'static str, &'static str)]) -> Bench {
    let bench = Bench::with(connections).await;
    write(&bench.parts.store, move |tx| {
        Box::pin(async move {
            let uses: BTreeSet<String> = ["marketing".to_owned()].into();
            let notice = Notice {
                id: "n-1".into(),
                key: Some("marketing".into()),
                name: "Marketing".into(),
                data_uses: uses.clone(),
                enforcement: Enforcement::SystemWide,
            };
            notices::put(tx, "acme", &notice).await?;
            let system = System { key: "iterable".into(), name: "Iterable".into(), data_uses: uses };
            notices::put_system(tx, "acme", &system).await?;
            let mapping = [mapped(MAIL, "Marketing Channel (Email)"), mapped(PUSH, "Push (Push)")];
            for (_, connection) in connections {
                items::replace(tx, connection, &mapping, &BTreeSet::new()).await?;
            }
            Ok(())
        })
    })
    .await;
    for (_, connection) in connections {
        bench.change(connection, |stored| stored.system = Some("iterable".into())).await;
    }
    bench
}

/// Returns an item that represents the notice `marketing`.
fn mapped(id: &str, name: &str) -> StoredItem {
    StoredItem { id: item(id), name: name.into(), parent: None, notice: Some("n-1".into()) }
}

impl Bench {
    /// Returns the current time, in milliseconds since the Unix epoch.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.parts.clock.date_ms()).unwrap()
    }

    /// Returns a choice made now.
    pub(super) fn chosen(&self, item: &str, choice: Choice) -> Preference {
        let chosen_at_ms = self.now();
        Preference { item: super::tests::item(item), choice, chosen_at_ms, source: "PrivacyCenter".into() }
    }

    /// Sends choices for items as the platform.
    pub(super) async fn sends(&self, email: &str, items: Vec<Preference>) -> String {
        self.sends_as(Subject::email(email), items).await
    }

    /// Sends choices for a person who is named by more than an address.
    pub(super) async fn sends_as(&self, subject: Subject, items: Vec<Preference>) -> String {
        let asked = PersonTask::Consent(SubmittedChoices {
            notices: Vec::new(),
            items: items.into_iter().map(Into::into).collect(),
        });
        self.submit("newsletter", asked, subject).await.view.id
    }

    /// Sends a preference for the notice, chosen now, as the platform.
    pub(super) async fn sends_notice(&self, email: &str, preference: NoticeAnswer) -> String {
        let notice = NoticePreference {
            notice: "marketing".into(),
            preference,
            chosen_at_ms: self.now(),
            source: "PrivacyCenter".into(),
            cause: None,
        };
        let asked = PersonTask::Consent(SubmittedChoices { notices: vec![notice.into()], items: Vec::new() });
        self.submit("newsletter", asked, Subject::email(email)).await.view.id
    }

    /// Receives a delivery with an event of this key.
    pub(super) async fn hears(&self, email: &str, key: &str, preference: Preference) {
        self.hears_as(Subject::email(email), key, preference).await;
    }

    /// Receives the same for a person who is named by more or less than an address.
    pub(super) async fn hears_as(&self, subject: Subject, key: &str, preference: Preference) {
        let preferences = vec![preference];
        self.hears_event(ConsentEvent { subject, preferences, changed: Vec::new(), key: key.into() }).await;
    }

    /// Receives a delivery with this event.
    pub(super) async fn hears_event(&self, event: ConsentEvent) {
        let keys = self.parts.store.keys("acme").await.unwrap();
        let received_at = self.parts.clock.date_ms();
        write(&self.parts.store, move |tx| {
            Box::pin(async move {
                let (tenant, connection, delivery) = ("acme", "newsletter", "d-1");
                let arrival = DeliveryArrival { tenant, connection, delivery, received_at };
                inbound::process_delivery(tx, &keys, arrival, vec![event]).await
            })
        })
        .await;
        self.parts.requests.bell.ring();
    }

    /// Returns the kinds of the open alarms.
    pub(super) async fn alarms(&self) -> Vec<String> {
        let open = self.parts.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
        open.into_iter().map(|alarm| alarm.kind).collect()
    }

    pub(super) async fn done(&self, id: &str) -> RequestView {
        let view = self.once(id, |view| view.finished_at.is_some()).await;
        assert_eq!(view.state, RequestState::Done, "{view:?}");
        view
    }

    /// Waits until nothing is left to carry out.
    pub(super) async fn quiet(&self) {
        self.quiet_or(|_| false).await;
    }

    /// Waits until nothing is left to carry out, or until `enough` returns true.
    pub(super) async fn quiet_or(&self, enough: impl Fn(&Self) -> bool) {
        while !enough(self)
            && let Some(id) = self.open().await
        {
            self.once(&id, |view| view.finished_at.is_some() || enough(self)).await;
        }
    }

    /// Returns the request that has been open longest.
    async fn open(&self) -> Option<String> {
        let open = self.parts.store.read(|c| {
            Box::pin(async move {
                let open = "SELECT id FROM requests WHERE finished_at IS NULL ORDER BY seq LIMIT 1";
                Ok(sqlx::query_scalar(open).fetch_optional(c).await?)
            })
        });
        open.await.unwrap()
    }

    pub(super) async fn feed(&self) -> Vec<FeedEvent> {
        self.parts.feed.events_after(&KeyReach::default(), 0, 1_000).await.unwrap().events
    }

    /// Returns the feed as words: the item or notice, and the choice.
    pub(super) async fn feed_words(&self) -> Vec<String> {
        let word = |event: FeedEvent| match event.news.chosen {
            FeedChoice::Item { item, preference } => format!("{} {preference}", item.external_id),
            FeedChoice::Notice { notice_id_map } => {
                let (notice, preference) = notice_id_map.into_iter().next().unwrap();
                format!("{notice} {preference}")
            }
        };
        self.feed().await.into_iter().map(word).collect()
    }

    /// Returns the channels that the person is unsubscribed from at the vendor.
    pub(super) fn out_of(&self, email: &str) -> Vec<i64> {
        self.stand_in.subscriptions(email).map_or_else(Vec::new, |held| held.unsubscribed_channels)
    }

    /// Returns the number of rows in a table.
    pub(super) async fn rows(&self, table: &'static str) -> i64 {
        let count = self.parts.store.read(move |c| {
            Box::pin(async move {
                let sql = format!("SELECT COUNT(*) FROM {table}");
                Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(c).await?)
            })
        });
        count.await.unwrap()
    }
}

/// Returns the status of each line of a request's report.
pub(super) fn statuses(view: &RequestView) -> Vec<String> {
    let report = view.outcome.as_ref().unwrap()["report"].as_array().unwrap();
    report.iter().map(|entry| entry["status"].as_str().unwrap().to_owned()).collect()
}
