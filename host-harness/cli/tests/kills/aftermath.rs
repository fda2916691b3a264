//! The checks after everything has ended.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use sqlx::Row as _;

use super::{
    asks::{Ask, Asks, CHANNEL, What},
    service::Folder,
};

pub(super) async fn is_as_it_should_be(folder: &Folder, asks: &Asks, feed: &[String]) {
    let stored = requests(folder).await;
    requests_ended_once(folder, asks, &stored).await;
    deliveries_were_read_once(folder, asks, feed).await;
    the_vendor_holds_the_newest_choices(folder, asks);
    no_person_was_forgotten_twice_without_a_lookup(folder, asks);
    let verified = folder.program(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

/// The id of each stored request.
async fn requests(folder: &Folder) -> BTreeSet<String> {
    let rows = sqlx::query("SELECT id, state, reason FROM requests ORDER BY seq");
    let rows = rows.fetch_all(&mut folder.database().await).await.unwrap();
    let request = |row: &sqlx::sqlite::SqliteRow| {
        let state: String = row.get("state");
        assert_eq!(state, "done", "{:?}", row.get::<Option<String>, _>("reason"));
        row.get("id")
    };
    rows.iter().map(request).collect()
}

async fn requests_ended_once(folder: &Folder, asks: &Asks, stored: &BTreeSet<String>) {
    let acknowledged: BTreeSet<String> = asks.ids.values().cloned().collect();
    assert_eq!(acknowledged.len(), asks.ids.len(), "two keys have the same request");
    assert!(acknowledged.is_subset(stored), "lost: {:?}", &acknowledged - stored);
    let keys = |asks: &[Ask]| -> BTreeSet<String> {
        asks.iter().filter(|ask| ask.what != What::Tell).map(Ask::idempotency_key).collect()
    };
    // Besides them, only requests are stored whose answer was lost or cut off.
    let acknowledged_keys = keys(&asks.acknowledged);
    assert!(acknowledged_keys.len() <= stored.len(), "lost: {} of {}", stored.len(), acknowledged_keys.len());
    let asked = acknowledged_keys.union(&keys(&asks.given_up)).count();
    assert!(stored.len() <= asked, "{} stored, {asked} requested", stored.len());

    let records = sqlx::query_scalar::<_, String>("SELECT record FROM audit WHERE tenant = 'acme'");
    let records = records.fetch_all(&mut folder.database().await).await.unwrap();
    let (mut accepted, mut done) = (HashMap::new(), HashMap::new());
    for record in records {
        let record: Value = serde_json::from_str(&record).unwrap();
        let Some(id) = record["request"].as_str() else { continue };
        let is_accepted = record["what"] == "request-accepted";
        let is_done = record["detail"]["state"] == "done";
        *accepted.entry(id.to_owned()).or_insert(0) += i32::from(is_accepted);
        *done.entry(id.to_owned()).or_insert(0) += i32::from(is_done);
    }
    let once: HashMap<_, _> = stored.iter().map(|id| (id.clone(), 1)).collect();
    assert_eq!(accepted, once);
    assert_eq!(done, once);

    let kept = "SELECT (SELECT COUNT(*) FROM request_keys) + (SELECT COUNT(*) FROM open_requests) + \
                (SELECT COUNT(*) FROM requests WHERE sealed_details IS NOT NULL)";
    let kept: i64 = sqlx::query_scalar(kept).fetch_one(&mut folder.database().await).await.unwrap();
    assert_eq!(kept, 0, "the details of requests are still stored");
}

async fn deliveries_were_read_once(folder: &Folder, asks: &Asks, feed: &[String]) {
    let ends = sqlx::query("SELECT state, events, lease_until IS NULL AS ended FROM deliveries");
    let ends = ends.fetch_all(&mut folder.database().await).await.unwrap();
    for end in &ends {
        let end: (String, i64, bool) = (end.get("state"), end.get("events"), end.get("ended"));
        assert_eq!(end, ("read".to_owned(), 1, true));
    }
    // If an older choice of the platform arrives after a newer one, the platform is notified of the one that stands.
    let choices = asks.acknowledged.iter().filter(|ask| matches!(ask.what, What::Choose { .. }));
    let chosen: BTreeSet<&str> = choices.map(|ask| ask.email.as_str()).collect();
    let (overruled, heard): (Vec<&str>, Vec<&str>) =
        feed.iter().map(String::as_str).partition(|email| chosen.contains(email));
    assert!(overruled.len() < 10, "choices of one person rarely overtake each other: {overruled:?}");
    let told: BTreeSet<&str> = heard.iter().copied().collect();
    let acknowledged: BTreeSet<&str> = Asks::emails(&asks.acknowledged, What::Tell).into_iter().collect();
    let given_up: BTreeSet<&str> = Asks::emails(&asks.given_up, What::Tell).into_iter().collect();
    assert!(acknowledged.is_subset(&told), "lost: {:?}", &acknowledged - &told);
    let unasked = &(&told - &acknowledged) - &given_up;
    assert!(unasked.is_empty(), "no event about {unasked:?}");
    assert_eq!((told.len(), ends.len()), (heard.len(), heard.len()), "a delivery's event is posted once");
}

fn the_vendor_holds_the_newest_choices(folder: &Folder, asks: &Asks) {
    let mut newest: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
    for ask in &asks.acknowledged {
        if let What::Choose { opt_in, n } = ask.what {
            let held = newest.entry(&ask.email).or_insert((n, opt_in));
            *held = (*held).max((n, opt_in));
        }
    }
    assert!(newest.len() > 20, "{newest:?}");
    for (email, (n, opt_in)) in newest {
        let held = folder.stand_in.subscriptions(email);
        let is_out = held.is_some_and(|held| held.unsubscribed_channels.contains(&CHANNEL));
        assert_eq!(is_out, !opt_in, "{email}, choice {n}");
    }
}

/// Everyone whose erasure was acknowledged is forgotten. Before the vendor was asked again to forget a person, it was
/// asked whether the person was still there.
fn no_person_was_forgotten_twice_without_a_lookup(folder: &Folder, asks: &Asks) {
    for email in Asks::emails(&asks.acknowledged, What::Erase) {
        assert!(folder.stand_in.is_forgotten(email), "{email}");
    }
    let mut unseen = BTreeSet::new();
    for (forgets, email) in &asks.vendor {
        if *forgets {
            assert!(unseen.insert(email), "{email} was forgotten twice in a row");
        } else {
            unseen.remove(email);
        }
    }
    assert!(!asks.vendor.is_empty());
}
