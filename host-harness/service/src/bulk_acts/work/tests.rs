//! Tests of how acts are carried out; those of the API are in `api/src/tests/bulk_acts.rs`.

use host_model::requests::RequestState;
use host_store::{
    grant::KeyReach,
    testing::{allow_inserts, refuse_inserts},
};
use iterable_stand_in::Fault;
use serde_json::json;

use super::*;
use crate::{
    bulk_acts::{Actor, NewAct},
    requests::standing::RequestSearch,
    testing::bench::Bench,
    who::Who,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_act_waits_for_a_database_that_fails_and_refuses_no_request_for_it() {
    let mut bench = Bench::new().await;
    bench.stand_in.fault(Fault::Answer(400, json!({"code": "BadParams"})), "POST /api/users/forget", 1);
    let id = bench.erase("ada@example.com").await;
    bench.work();
    bench.once(&id, |view| view.state == RequestState::Failed).await;
    let actor = Actor { api_key: "k-1".to_owned(), who: Who("ops".to_owned()), reach: KeyReach::default() };
    let new = NewAct { kind: BulkKind::Replay, search: RequestSearch::default(), expected: 1 };
    let (acts, stop) = (bench.parts.bulk_acts.clone(), CancellationToken::new());
    let made = acts.make(actor, new).await.unwrap();
    let shown = async || {
        let (store, id) = (bench.parts.store.clone(), made.id.clone());
        let shown =
            store.read(|c| Box::pin(async move { bulk_acts::show(c, &id, &KeyReach::default()).await }));
        let act = shown.await.unwrap().unwrap();
        (act.done, act.refused)
    };
    refuse_inserts(&bench.parts.store, "open_requests").await;
    let failed = acts.step(&stop).await.unwrap_err();
    assert!(matches!(failed, StoreError::Database(_)), "{failed}");
    assert_eq!(shown().await, (0, 0));
    allow_inserts(&bench.parts.store, "open_requests").await;
    assert_eq!(acts.step(&stop).await.unwrap(), Left::Something);
    assert_eq!(shown().await, (1, 0));
    bench.once(&id, |view| view.state == RequestState::Done).await;
}
