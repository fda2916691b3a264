//! Statements that are put together, whose results the tests of other crates look at: the database understands each.

use std::collections::BTreeSet;

use host_model::{
    bulk::{BulkKind, BulkResult, BulkState},
    consent::mapping::ItemChange,
};
use serde_json::json;

use super::{Folder, master_key};
use crate::{
    Portion,
    audit::{Record, append},
    audit_lines::{self, LineFilter, LinePlace},
    bulk_acts::{self, BulkActFilter, BulkRequestFilter, NewBulkAct},
    concerned, connection_places,
    delays::{self, LimitQueue},
    deliveries::{
        self, DeliveryFilter, DeliverySelection, DeliveryState, NewDelivery, ReadingEnd, ReadingFilter,
    },
    grant::KeyReach,
    merged,
    replica_id::ReplicaId,
    requests::{self, matching::RequestFilter},
    testing::{ENQUEUE, connection_row, lease, sql, write},
    tokens,
};

/// Some of what there is: of a tenant, or of connections.
fn reaches() -> [KeyReach; 3] {
    let connections = Some(BTreeSet::from(["newsletter".to_owned()]));
    [
        KeyReach::default(),
        KeyReach::of_tenant("acme"),
        KeyReach { connections, ..KeyReach::of_tenant("acme") },
    ]
}

const REQUEST: &str = "INSERT INTO requests (id, tenant, connection, person, action, state, step, received_at) \
                       VALUES ('r-1', 'acme', 'newsletter', 1, 'erasure', 'open', 'act', 1)";

#[tokio::test]
async fn deliveries_are_claimed_listed_replayed_and_deleted() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    write(&store, |tx| {
        Box::pin(async move {
            let new = NewDelivery {
                id: "d-1".into(),
                tenant: "acme".into(),
                connection: "newsletter".into(),
                body_digest: [1; 32],
                accepted: true,
                proven: false,
                sealed: vec![1],
                received_at: 10,
            };
            deliveries::insert(tx, &[new]).await?;
            assert!(
                deliveries::claim(tx, &lease(10, 20), &["newsletter".to_owned()], deliveries::FIRST)
                    .await?
                    .is_none()
            );
            let claim =
                deliveries::claim(tx, &lease(10, 20), &[], deliveries::FIRST).await?.unwrap().ok().unwrap();
            let end = ReadingEnd { state: DeliveryState::Unreadable, digest: None, reason: None, events: 0 };
            deliveries::finish(tx, &claim, &end, 11).await?;
            let filter =
                DeliveryFilter { readings: ReadingFilter::Unread, most: 9, ..DeliveryFilter::default() };
            let listed = deliveries::list(tx, "acme", &filter).await?;
            assert_eq!((listed.len(), listed[0].kept), (1, true));
            deliveries::summary(tx, "acme", "newsletter").await?;
            let which = DeliverySelection::OfConnection("newsletter".into());
            assert_eq!(deliveries::replayable(tx, &which).await?, 1);
            assert_eq!(deliveries::replay(tx, &which, 12).await?, ["newsletter"]);
            let replica = ReplicaId::named("first");
            deliveries::reclaim(tx, &replica).await?;
            deliveries::release_claims(tx, &replica).await?;
            assert_eq!(deliveries::unread_before(tx, 11).await?.len(), 1);
            assert_eq!(deliveries::delete_bodies(tx, 11, 13).await?, Portion::Last);
            assert_eq!(deliveries::prune(tx, 11, 14).await?, Portion::Last);
            tokens::all_live(tx, &master_key().vault()).await.map(drop)
        })
    })
    .await;
}

#[tokio::test]
async fn an_act_on_many_requests_is_made_listed_and_carried_out() {
    let folder = Folder::new();
    let store = folder.store().await;
    sql(&store, REQUEST).await;
    sql(&store, ENQUEUE).await;
    write(&store, |tx| {
        Box::pin(async move {
            let new = NewBulkAct {
                id: "b-1".into(),
                kind: BulkKind::Replay,
                state: BulkState::Running,
                api_key: "k-1".into(),
                made_by: "ops".into(),
                at: 10,
                expires_at: 20,
            };
            assert_eq!(bulk_acts::insert(tx, &new, &RequestFilter::default()).await?, 1);
            for reach in reaches() {
                let act = bulk_acts::show(tx, "b-1", &reach).await?.unwrap();
                let filter = BulkActFilter {
                    reach,
                    state: Some(BulkState::Running),
                    before: Some("b-2".to_owned()),
                    limit: 9,
                };
                assert_eq!(bulk_acts::list(tx, &filter).await?, [act]);
            }
            let act = bulk_acts::running(tx).await?.unwrap().seq;
            let open = bulk_acts::open_requests(tx, act, 9).await?;
            bulk_acts::record(tx, act, open[0].0, Some("because")).await?;
            let filter = BulkRequestFilter { result: Some(BulkResult::Refused), after: None, limit: 9 };
            assert_eq!(bulk_acts::requests(tx, act, &filter).await?.len(), 1);
            let filter = BulkRequestFilter { after: Some("r-1".into()), ..filter };
            assert_eq!(bulk_acts::requests(tx, act, &filter).await?, []);
            assert_eq!(bulk_acts::tenants(tx, "b-1").await?, [("acme".to_owned(), 1)]);
            bulk_acts::overdue(tx, 30).await?;
            bulk_acts::end(tx, "b-1", 30).await?;
            assert_eq!(bulk_acts::prune(tx, 40).await?, Portion::Last);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn what_holds_requests_back_and_whom_a_mapping_concerns_is_counted() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    sql(&store, REQUEST).await;
    sql(&store, ENQUEUE).await;
    write(&store, |tx| {
        Box::pin(async move {
            let view = requests::show(tx, "r-1").await?.unwrap();
            let found = delays::delays(tx, std::slice::from_ref(&view)).await?;
            assert!(found.of_connection(&view).is_some_and(|connection| connection.is_enabled));
            for connections in [1, 9].map(|count| vec!["newsletter".to_owned(); count]) {
                let queue = LimitQueue { connections, action: view.action };
                let ahead = delays::ahead(tx, &queue, &[view.seq, view.seq + 1]).await?;
                assert_eq!((ahead[&view.seq], ahead[&(view.seq + 1)]), (0, 1));
            }
            let change = ItemChange {
                item: "channel:1".parse().unwrap(),
                name: "News".into(),
                before: None,
                after: Some("n-1".into()),
            };
            assert_eq!(concerned::count(tx, "newsletter", &[change]).await?.in_all, 0);
            for reach in reaches() {
                assert_eq!(connection_places::reached(tx, &reach, Some("acme")).await?.len(), 1);
                assert_eq!(merged::merged(tx, &reach).await?.len(), 0);
            }
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn an_audit_line_is_found_by_what_is_in_its_record_and_a_nul_character_or_damage_hides_no_other() {
    let folder = Folder::new();
    let store = folder.store().await;
    write(&store, |tx| {
        Box::pin(async move {
            for text in ["plain", "with\0nul"] {
                let record = Record {
                    connection: Some("newsletter".into()),
                    request: Some("r-1".into()),
                    detail: json!({ "by": "API key ops (k-1)", "api-key": "k-1", "text": text }),
                    ..Record::of("done")
                };
                append(tx, &master_key().vault(), "acme", 17, &record).await?;
            }
            Ok(())
        })
    })
    .await;
    sql(&store, "INSERT INTO audit (tenant, line, at, record, hash) VALUES ('acme', 3, 18, '{', x'00')")
        .await;
    let all = LineFilter { tenant: Some("acme".into()), ..LineFilter::default() };
    for filter in [
        LineFilter { what: Some("done".into()), ..all.clone() },
        LineFilter { by: Some("ops".into()), ..all.clone() },
        LineFilter { by: Some("k-1".into()), ..all.clone() },
        LineFilter { connection: Some("newsletter".into()), ..all.clone() },
        LineFilter { request: Some("r-1".into()), since: Some(17), until: Some(18), ..all.clone() },
        LineFilter { reach: reaches()[2].clone(), ..all.clone() },
    ] {
        let lines = store.read(|c| {
            let filter = filter.clone();
            Box::pin(async move {
                let newest = audit_lines::newest(c, &filter, None, 9).await?;
                let place = LinePlace { tenant: "acme".into(), line: 1 };
                let before = audit_lines::newest(c, &filter, Some(&place), 9).await?;
                let after = audit_lines::in_order(c, &filter, Some(&place), 9).await?;
                Ok([newest, before, after]
                    .map(|lines| lines.iter().map(|line| line.line).collect::<Vec<_>>()))
            })
        });
        assert_eq!(lines.await.unwrap(), [vec![2, 1], vec![], vec![2]], "{filter:?}");
    }
}
