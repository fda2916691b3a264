//! A service with an inbox, for one test.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{Path, State},
};
use http::{Request, Response};
use tokio::{sync::watch, task::JoinHandle};

use super::*;
use crate::{
    connection::ConnectionSpec,
    consent::feed::{self, FeedEvent},
    service::tests::{Bench, spec},
    webhook::{inbox, route},
};
use host_model::{secret::Secret, token::TokenState};
use host_store::{
    alarms,
    deliveries::{DeliveryState, DeliveryView, Filter},
};

/// As documented for an opt-out by a link in a mail.
pub(super) const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"unsubSource":"EmailLink","createdAt":"2026-03-20 23:34:15 +00:00","channelIds":[27447],"email":"ada@example.com"}}"#;

/// A service with an inbox.
pub(super) struct Inbox {
    pub(super) bench: Bench,
    pub(super) webhooks: Arc<Webhooks>,
    reader: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Inbox {
    /// With the connections `newsletter` and `other`; nothing is read yet.
    pub(super) async fn new() -> Self {
        let bench = Bench::with(&[("acme", "newsletter"), ("acme", "other")]).await;
        let webhooks = Arc::new(Webhooks::new(Arc::clone(&bench.shared)));
        Self { bench, webhooks, reader: None }
    }

    /// Begins to read.
    pub(super) fn read(&mut self) {
        let (stop, stopped) = watch::channel(false);
        self.reader = Some((stop, tokio::spawn(inbox::run(Arc::clone(&self.webhooks), stopped))));
    }

    pub(super) async fn token(&self, connection: &str) -> Secret {
        self.webhooks.tokens.issue("acme", connection).await.unwrap().token
    }

    pub(super) async fn deliver(&self, connection: &str, authorization: &[&str], body: &str) -> Answer {
        let headers =
            authorization.iter().map(|value| ("authorization".to_owned(), (*value).to_owned())).collect();
        let head = Delivery {
            method: "POST".to_owned(),
            url: "https://platform.example.com/hook".to_owned(),
            headers,
            body: Vec::new(),
            received_at_ms: 1_790_000_000_000,
        };
        self.webhooks.receive(connection, head, Ok(Bytes::copy_from_slice(body.as_bytes()))).await
    }

    /// The same as it comes by HTTP, with the answer's status, headers and body.
    pub(super) async fn post(
        &self,
        connection: &str,
        authorization: &str,
        body: Vec<u8>,
    ) -> (u16, String, Vec<u8>) {
        let request = Request::post("/hook").header("authorization", authorization).body(Body::from(body));
        let answer: Response<Body> =
            route::webhook(State(Arc::clone(&self.webhooks)), Path(connection.to_owned()), request.unwrap())
                .await;
        let (parts, body) = answer.into_parts();
        (
            parts.status.as_u16(),
            format!("{:?}", parts.headers),
            to_bytes(body, 10_000).await.unwrap().to_vec(),
        )
    }

    /// All deliveries, oldest first.
    pub(super) async fn list(&self) -> Vec<DeliveryView> {
        let filter = Filter { most: 100, ..Filter::default() };
        let list = self
            .bench
            .shared
            .store
            .read(move |c| Box::pin(async move { deliveries::list(c, "acme", &filter).await }));
        let mut list = list.await.unwrap();
        list.reverse();
        list
    }

    /// All deliveries once they are `wanted`, time passing meanwhile.
    pub(super) async fn once(&self, wanted: impl Fn(&[DeliveryView]) -> bool) -> Vec<DeliveryView> {
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

    pub(super) async fn once_all_are(&self, state: DeliveryState) -> Vec<DeliveryView> {
        self.once(|list| list.iter().all(|delivery| delivery.state == state)).await
    }

    pub(super) async fn sql(&self, statement: &'static str) {
        let done = self.bench.shared.store.write(move |tx| {
            Box::pin(async move { Ok(sqlx::query(statement).execute(tx).await.map(drop)?) })
        });
        done.await.unwrap();
    }

    pub(super) async fn alarms(&self) -> Vec<String> {
        let open = self.bench.shared.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
        open.into_iter().map(|alarm| format!("{} {}", alarm.kind, alarm.about)).collect()
    }

    /// The states of the tokens of `newsletter`, oldest first.
    pub(super) async fn states(&self) -> Vec<TokenState> {
        let list = self.webhooks.tokens.list("newsletter").await.unwrap();
        list.iter().map(|token| token.state).collect()
    }

    /// How many events the platform is told of.
    pub(super) async fn told(&self) -> usize {
        self.feed().await.len()
    }

    /// What the platform is told.
    pub(super) async fn feed(&self) -> Vec<FeedEvent> {
        feed::events_after(&self.bench.shared, None, 0, 1_000).await.unwrap().events
    }

    pub(super) fn put(&self, change: impl FnOnce(&mut ConnectionSpec)) {
        let mut spec = spec(&self.bench.stand_in, "acme", "newsletter");
        change(&mut spec);
        self.bench.shared.host.put_connection(spec).unwrap();
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        ["host.db", "host.db-wal"].iter().any(|file| {
            let bytes = std::fs::read(self.bench.folder.file(file)).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

pub(super) fn bearer(token: &Secret) -> String {
    format!("Bearer {}", token.expose())
}
