//! The consent rules at work: a service, its store, and Iterable's stand-in.

mod aged;
mod erasures;
mod forwarded;
mod histories;
mod kept;
mod newest_wins;
mod outgoing;
mod shared;
mod told;

use std::collections::BTreeSet;

use super::{
    arrival::Arrival,
    feed::{Chosen, FeedEvent},
    inbound,
};
use crate::{requests::handler::Asked, testing::bench::Bench};
use host_model::{
    consent::{
        Answer, Enforcement, Notice, NoticePreference, System, mapping::StoredItem, outbound::Requested,
    },
    contract::{
        Subject,
        consent::{Choice, ItemId, Preference},
        webhook::ConsentEvent,
    },
    requests::State,
};
use host_store::{items, notices, requests::View, testing::write};

pub(super) const ADA: &str = "ada@example.com";
/// Channels of the stand-in's catalogue.
pub(super) const MAIL: &str = "channel:6539";
pub(super) const PUSH: &str = "channel:6541";

pub(super) fn item(text: &str) -> ItemId {
    text.parse().unwrap()
}

/// A bench where the notice `marketing` has mail and push standing for it.
pub(super) async fn bench() -> Bench {
    bench_with(&[("acme", "newsletter")]).await
}

/// The same at each of these connections.
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
            sqlx::query("UPDATE connections SET system = 'iterable'").execute(&mut *tx).await?;
            let stored = |id: &str, name: &str| StoredItem {
                id: item(id),
                name: name.into(),
                parent: None,
                notice: Some("n-1".into()),
            };
            let mapping = [stored(MAIL, "Marketing Channel (Email)"), stored(PUSH, "Push (Push)")];
            for (_, connection) in connections {
                items::replace(tx, connection, &mapping, &BTreeSet::new()).await?;
            }
            Ok(())
        })
    })
    .await;
    bench
}

impl Bench {
    /// Now, in milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.parts.clock.date_ms()).unwrap()
    }

    /// A choice made now.
    pub(super) fn chosen(&self, item: &str, choice: Choice) -> Preference {
        let chosen_at_ms = self.now();
        Preference { item: super::tests::item(item), choice, chosen_at_ms, source: "PrivacyCenter".into() }
    }

    /// The platform sends these choices about items.
    pub(super) async fn sends(&self, email: &str, items: Vec<Preference>) -> String {
        self.sends_as(Subject::email(email), items).await
    }

    /// The same for a person who is named by more than an address.
    pub(super) async fn sends_as(&self, subject: Subject, items: Vec<Preference>) -> String {
        let asked = Asked::Consent(Requested { notices: Vec::new(), items });
        self.submit("newsletter", asked, subject).await.view.id
    }

    /// The platform sends a preference for the notice, chosen now.
    pub(super) async fn sends_notice(&self, email: &str, preference: Answer) -> String {
        let notice = NoticePreference {
            notice: "marketing".into(),
            preference,
            chosen_at_ms: self.now(),
            source: "PrivacyCenter".into(),
            cause: None,
        };
        let asked = Asked::Consent(Requested { notices: vec![notice], items: Vec::new() });
        self.submit("newsletter", asked, Subject::email(email)).await.view.id
    }

    /// A delivery with an event of that key arrives.
    pub(super) async fn hears(&self, email: &str, key: &str, preference: Preference) {
        self.hears_as(Subject::email(email), key, preference).await;
    }

    /// The same about a person who is named by more or less than an address.
    pub(super) async fn hears_as(&self, subject: Subject, key: &str, preference: Preference) {
        let preferences = vec![preference];
        self.hears_event(ConsentEvent { subject, preferences, changed: Vec::new(), key: key.into() }).await;
    }

    /// A delivery with that event arrives.
    pub(super) async fn hears_event(&self, event: ConsentEvent) {
        let keys = self.parts.store.keys("acme").await.unwrap();
        let received_at = self.parts.clock.date_ms();
        write(&self.parts.store, move |tx| {
            Box::pin(async move {
                let (tenant, connection, delivery) = ("acme", "newsletter", "d-1");
                let arrival = Arrival { tenant, connection, delivery, received_at };
                inbound::take(tx, &keys, arrival, vec![event]).await
            })
        })
        .await;
        self.parts.requests.bell.ring();
    }

    pub(super) async fn done(&self, id: &str) -> View {
        let view = self.once(id, |view| view.finished_at.is_some()).await;
        assert_eq!(view.state, State::Done, "{view:?}");
        view
    }

    /// Once nothing is left to carry out.
    pub(super) async fn quiet(&self) {
        self.quiet_or(|_| false).await;
    }

    /// Once nothing is left to carry out, or once it is `enough`.
    pub(super) async fn quiet_or(&self, enough: impl Fn(&Self) -> bool) {
        while !enough(self)
            && let Some(id) = self.open().await
        {
            self.once(&id, |view| view.finished_at.is_some() || enough(self)).await;
        }
    }

    /// The request that is open for longest.
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
        self.parts.feed.events_after(None, 0, 1_000).await.unwrap().events
    }

    /// The feed as words: what, and which way.
    pub(super) async fn feed_words(&self) -> Vec<String> {
        let word = |event: FeedEvent| match event.news.chosen {
            Chosen::Item { item, preference } => format!("{} {preference}", item.external_id),
            Chosen::Notice { notice_id_map } => {
                let (notice, preference) = notice_id_map.into_iter().next().unwrap();
                format!("{notice} {preference}")
            }
        };
        self.feed().await.into_iter().map(word).collect()
    }

    /// Channels that the person is out of at the vendor.
    pub(super) fn out_of(&self, email: &str) -> Vec<i64> {
        self.stand_in.subscriptions(email).map_or_else(Vec::new, |held| held.unsubscribed_channels)
    }

    /// How many rows a table has.
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

/// How each line of a request's report stands.
pub(super) fn statuses(view: &View) -> Vec<String> {
    let report = view.outcome.as_ref().unwrap()["report"].as_array().unwrap();
    report.iter().map(|entry| entry["status"].as_str().unwrap().to_owned()).collect()
}
