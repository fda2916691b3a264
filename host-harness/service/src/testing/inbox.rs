//! A service with an inbox, for one test.

use std::time::Duration;

use bytes::Bytes;
use host_harness::connection::ConnectionSpec;
use host_model::{contract::webhook::Delivery, secret::Secret, token::TokenState};
use host_store::{
    alarms,
    deliveries::{self, DeliveryFilter, DeliveryState, DeliveryView},
    grant::KeyReach,
    testing,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, spec};
use crate::{
    consent::feed::FeedEvent,
    refused_log::CallSource,
    webhooks::{receive::Webhooks, response::WebhookResponse, sender::DeliverySender},
};

/// The documented delivery for an opt-out by a link in an email.
pub const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"unsubSource":"EmailLink","createdAt":"2026-03-20 23:34:15 +00:00","channelIds":[27447],"email":"ada@example.com"}}"#;

/// A sender of whom nothing is known.
pub fn unknown_sender() -> DeliverySender {
    DeliverySender { request_id: None, source: CallSource::Other }
}

/// A service with an inbox.
pub struct InboxBench {
    pub bench: Bench,
    pub webhooks: Webhooks,
    reader: Option<JoinHandle<()>>,
}

impl InboxBench {
    /// Creates a service with the connections `newsletter` and `other`. Nothing is read yet.
    pub async fn new() -> Self {
        let bench = Bench::with(&[("acme", "newsletter"), ("acme", "other")]).await;
        let webhooks = bench.parts.webhooks.clone();
        Self { bench, webhooks, reader: None }
    }

    /// Starts reading deliveries.
    pub fn read(&mut self) {
        let reading = self.bench.parts.inbox.clone().run(CancellationToken::new(), Duration::ZERO);
        self.reader = Some(tokio::spawn(reading));
    }

    pub async fn token(&self, connection: &str) -> Secret {
        self.webhooks.tokens.issue("acme", connection).await.unwrap().token
    }

    pub async fn deliver(&self, connection: &str, authorization: &[&str], body: &str) -> WebhookResponse {
        let headers =
            authorization.iter().map(|value| ("authorization".to_owned(), (*value).to_owned())).collect();
        let head = Delivery {
            method: "POST".to_owned(),
            url: "https://platform.example.com/hook".to_owned(),
            headers,
            body: Vec::new(),
            received_at_ms: 1_790_000_000_000,
        };
        self.webhooks
            .receive(connection, head, Ok(Bytes::copy_from_slice(body.as_bytes())), &unknown_sender())
            .await
    }

    /// Uses up the rate of `connection`, so that it accepts no further delivery for a moment.
    pub fn use_up(&self, connection: &str) {
        let now = self.bench.parts.clock.now();
        while self.webhooks.rates.take(connection, now).is_ok() {}
    }

    /// Returns all deliveries, oldest first.
    pub async fn list(&self) -> Vec<DeliveryView> {
        let filter = DeliveryFilter { most: 100, ..DeliveryFilter::default() };
        let list = self
            .bench
            .parts
            .store
            .read(move |c| Box::pin(async move { deliveries::list(c, "acme", &filter).await }));
        let mut list = list.await.unwrap();
        list.reverse();
        list
    }

    /// Returns all deliveries once `wanted` returns true for them, advancing the clock meanwhile.
    pub async fn once(&self, wanted: impl Fn(&[DeliveryView]) -> bool) -> Vec<DeliveryView> {
        for _ in 0..1_000 {
            let list = self.list().await;
            if wanted(&list) {
                return list;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.bench.pass(Duration::from_secs(1));
        }
        panic!("{:?}", self.list().await);
    }

    pub async fn once_all_are(&self, state: DeliveryState) -> Vec<DeliveryView> {
        self.once(|list| list.iter().all(|delivery| delivery.state == state)).await
    }

    pub async fn sql(&self, statement: &'static str) {
        testing::sql(&self.bench.parts.store, statement).await;
    }

    pub async fn alarms(&self) -> Vec<String> {
        let open = self.bench.parts.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
        open.into_iter().map(|alarm| format!("{} {}", alarm.kind, alarm.about)).collect()
    }

    /// Returns the states of the tokens of `newsletter`, oldest first.
    pub async fn states(&self) -> Vec<TokenState> {
        let list = self.webhooks.tokens.list("newsletter").await.unwrap();
        list.iter().map(|token| token.state).collect()
    }

    /// Returns the number of events reported to the platform.
    pub async fn event_count(&self) -> usize {
        self.feed().await.len()
    }

    /// Returns the events reported to the platform.
    pub async fn feed(&self) -> Vec<FeedEvent> {
        self.bench.parts.feed.events_after(&KeyReach::default(), 0, 1_000).await.unwrap().events
    }

    pub fn put(&self, change: impl FnOnce(&mut ConnectionSpec)) {
        let mut spec = spec(&self.bench.stand_in, "acme", "newsletter");
        change(&mut spec);
        self.bench.parts.served.host().put_connection(spec).unwrap();
    }

    pub fn holds(&self, text: &str) -> bool {
        ["host.db", "host.db-wal"].iter().any(|file| {
            let bytes = std::fs::read(self.bench.folder.file(file)).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

pub fn bearer(token: &Secret) -> String {
    format!("Bearer {}", token.expose())
}
