//! The queue by itself on `PostgreSQL`: requests are stored, claimed and ended by the functions of the store, as fast as one
//! process can, while another session may hold a transaction open.

use std::time::{Duration, Instant};

use futures::future::join_all;
use host_model::{
    digest::Digest,
    requests::{Action, RequestState, Step},
    secret::Secret,
};
use host_store::{
    DatabaseAddress, PersonName, PostgresAddress, RowChange, Store,
    lane::Lane,
    people,
    queue::{self, ClaimedRequest, RequestUpdate},
    requests::{self, NewRequest},
    testing::{connection_row, lease, master_key, new_request, write},
};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};
use xtask::growth::{Claims, ClaimsInterval};

use crate::server::Server;

/// How long claims are measured.
const LENGTH: Duration = Duration::from_mins(2);
/// The length of an interval.
const INTERVAL: Duration = Duration::from_secs(5);

/// The connections whose requests are claimed in turn.
const CONNECTIONS: [&str; 10] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"];
/// How many requests of each wait at any time.
const WAITING: usize = 50;
/// How many of a connection are claimed together, as a process with its default settings does.
const TOGETHER: usize = 4;

/// The queue in a database of its own.
struct Queue {
    store: Store,
    /// The number of requests that were stored.
    stored: u64,
    now: i64,
}

/// Measures claims a second in a new database, with a transaction that is held open if `held_open` says so.
pub(crate) async fn measured(server: &Server, beside: Beside) -> Claims {
    let database = server.create("claims").await;
    let address =
        PostgresAddress::new(&database.url(), Some(Secret::new(database.password().to_owned()).unwrap()));
    let store = Store::open_at(&DatabaseAddress::Server(address.unwrap()), &master_key()).await.unwrap();
    let mut queue = Queue { store, stored: 0, now: 1_700_000_000_000 };
    queue.fill().await;
    let held = match beside {
        Beside::OpenTransaction => Some(open_transaction(database.session().await).await),
        Beside::Nothing => None,
    };
    let over_time = queue.claim_for(LENGTH).await;
    if let Some(session) = held {
        session.close().await.unwrap();
    }
    queue.store.close().await;
    database.dropped().await;
    Claims { held_open: beside == Beside::OpenTransaction, over_time }
}

/// What else uses the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    OpenTransaction,
}

/// Begins a transaction that has read, as a forgotten session or a long `pg_dump` has.
async fn open_transaction(mut session: PgConnection) -> PgConnection {
    session
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT COUNT(*) FROM pg_class")
        .await
        .unwrap();
    session
}

impl Queue {
    async fn fill(&mut self) {
        for connection in CONNECTIONS {
            connection_row(&self.store, "acme", connection).await;
            self.store_requests(connection, WAITING).await;
        }
    }

    /// Claims and ends requests, and stores as many new ones, for `length`.
    async fn claim_for(&mut self, length: Duration) -> Vec<ClaimsInterval> {
        let began = Instant::now();
        let mut intervals = Vec::new();
        while began.elapsed() < length {
            let interval_began = Instant::now();
            let (mut claimed, mut looking) = (0, Duration::ZERO);
            while interval_began.elapsed() < INTERVAL {
                let look_began = Instant::now();
                let lanes = self.due_lanes().await;
                looking += look_began.elapsed();
                assert_eq!(lanes.len(), CONNECTIONS.len(), "some requests of each connection are due");
                for (lane, connection) in lanes.iter().zip(CONNECTIONS) {
                    let claim_began = Instant::now();
                    let claims = self.claim(lane).await;
                    looking += claim_began.elapsed();
                    claimed += claims.len();
                    let count = claims.len();
                    self.end(claims).await;
                    self.store_requests(connection, count).await;
                }
            }
            intervals.push(ClaimsInterval {
                seconds: began.elapsed().as_secs_f64(),
                claims_a_second: claimed as f64 / interval_began.elapsed().as_secs_f64(),
                claim_ms: looking.as_secs_f64() * 1_000.0 / claimed as f64,
            });
        }
        intervals
    }

    async fn due_lanes(&mut self) -> Vec<Lane> {
        self.now += 1;
        let now = self.now;
        self.store.read(move |connection| Box::pin(queue::due_lanes(connection, now))).await.unwrap()
    }

    async fn claim(&self, lane: &Lane) -> Vec<ClaimedRequest> {
        let (lane, lease) = (lane.clone(), lease(self.now, self.now + 60_000));
        write(&self.store, move |tx| {
            Box::pin(async move {
                queue::claim(tx, &master_key().vault(), &lane, TOGETHER, &lease, |_| Digest([9; 32])).await
            })
        })
        .await
    }

    /// Ends claimed requests as carried out, each by itself, as they end in practice.
    async fn end(&self, claims: Vec<ClaimedRequest>) {
        let ends = claims.into_iter().map(|claim| {
            let end = end_at(self.now);
            write(&self.store, move |tx| Box::pin(async move { queue::end(tx, &claim, &end).await }))
        });
        assert!(join_all(ends).await.into_iter().all(|change| change == RowChange::Changed));
    }

    /// Stores requests of new people.
    async fn store_requests(&mut self, connection: &'static str, count: usize) {
        let numbers = self.stored..self.stored + count as u64;
        self.stored = numbers.end;
        let now = self.now;
        let stores = numbers.map(|number| {
            write(&self.store, move |tx| {
                Box::pin(async move {
                    let mut digest = [0; 32];
                    digest[..8].copy_from_slice(&number.to_be_bytes());
                    let name = PersonName { digest, kind: "email".to_owned() };
                    let person = people::known_as(tx, connection, &[name]).await?;
                    let id = format!("request-{number}");
                    // As large as they are in practice.
                    let new = NewRequest {
                        sealed_details: vec![1; 200],
                        data_key: vec![2; 72],
                        at: now,
                        ..new_request(&id, connection, person, Action::Consent)
                    };
                    requests::insert(tx, &new).await
                })
            })
        });
        join_all(stores).await;
    }
}

fn end_at(now: i64) -> RequestUpdate {
    RequestUpdate {
        has_writer_failed: false,
        state: RequestState::Done,
        step: Step::Act,
        next_at: now,
        failures: 0,
        is_acknowledged: false,
        reference: None,
        reference_by: None,
        digest: Digest([7; 32]),
        outcome: Some(json!({ "receipt": "r" })),
        reason: None,
        sealed_details: None,
        result: json!({}),
        observed: json!({}),
        contradicted_by: None,
        at: now,
    }
}
