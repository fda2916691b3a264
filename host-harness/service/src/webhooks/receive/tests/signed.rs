//! Tests of signed deliveries: there is no token slot, and the connector decides whether they are the vendor's.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::*;
use crate::{
    refused_log::{CallSource, MAX_LINES_OF_SOURCE},
    served::ServingVersion,
    testing::{
        inbox::{InboxBench, unknown_sender},
        releases::release_at,
    },
};
use host_harness::{connection::ConnectionSpec, plugin::LoadPolicy};
use host_model::{
    release::{call_kind::CallKind, plan::Side, share::Share},
    secret::Secret,
};
use host_store::{
    deliveries::{DeliveryState, DeliveryView, NewDelivery, ReadingEnd},
    testing::{connection_row, write},
};

const KEY: &str = "k-of-the-vendor";

/// The ways in which `signed_flawed` can be made to fail.
const FLAWS: [&str; 3] = ["trap", "spin", "fail"];

fn guest(name: &str) -> Vec<u8> {
    let file =
        xtask::components::current(&format!("guests/{name}")).unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(file).unwrap()
}

/// Creates an inbox with the connection `signed`, whose connector runs in its flawed earlier version.
async fn inbox() -> InboxBench {
    let inbox = InboxBench::new().await;
    let parts = &inbox.bench.parts;
    parts.served.host().add_plugin("signed", guest("signed_flawed"), &LoadPolicy::default()).await.unwrap();
    let mut spec = ConnectionSpec::new("acme", "signed", "signed");
    spec.secrets.insert("signing-key".to_owned(), Secret::new(KEY).unwrap());
    spec.limits.cpu_ms = 50;
    parts.served.host().put_connection(spec).unwrap();
    connection_row(&parts.store, "acme", "signed").await;
    inbox
}

async fn swap(inbox: &InboxBench) {
    let host = &inbox.bench.parts.served.host();
    let mended = host.load_admitted(guest("signed"), &LoadPolicy::default()).await.unwrap();
    host.plugin("signed").unwrap().replace(mended).unwrap();
    inbox.bench.parts.inbox.replay_after_swaps().await.unwrap();
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn deliver(inbox: &InboxBench, body: &str, signature: &str, flaw: Option<&str>) -> WebhookResponse {
    let mut headers = vec![("x-signature".to_owned(), signature.to_owned())];
    headers.extend(flaw.map(|flaw| ("x-flaw".to_owned(), flaw.to_owned())));
    let head = Delivery {
        method: "POST".to_owned(),
        url: "https://platform.example.com/hook".to_owned(),
        headers,
        body: Vec::new(),
        received_at_ms: 1_790_000_000_000,
    };
    inbox
        .webhooks
        .receive("signed", head, Ok(Bytes::copy_from_slice(body.as_bytes())), &unknown_sender())
        .await
}

fn stands(delivery: &DeliveryView) -> (DeliveryState, bool, bool) {
    (delivery.state, delivery.proven, delivery.kept)
}

#[tokio::test]
async fn what_is_signed_is_stored_as_proven_and_read_and_what_is_not_is_refused_and_not_stored() {
    let mut inbox = inbox().await;
    for body in ["opt-out ada@example.com", "nothing", "what is this"] {
        assert_eq!(deliver(&inbox, body, &signature(body), None).await, WebhookResponse::Taken, "{body}");
    }
    for wrong in ["", "not hexadecimal", &signature("another")] {
        assert_eq!(
            deliver(&inbox, "opt-out bob@example.com", wrong, None).await,
            WebhookResponse::Refused,
            "{wrong}"
        );
    }
    let stored = inbox.list().await;
    assert_eq!(stored.iter().map(stands).collect::<Vec<_>>(), [(DeliveryState::Waiting, true, true); 3]);
    inbox.read();
    let read = inbox.once(|list| list.iter().all(|delivery| delivery.state != DeliveryState::Waiting)).await;
    let states: Vec<_> = read.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Read, DeliveryState::OfNoConcern, DeliveryState::Unreadable]);
    assert_eq!(inbox.event_count().await, 1);
}

#[tokio::test]
async fn what_is_proven_is_always_logged_and_what_anyone_can_send_only_up_to_its_senders_share() {
    let inbox = inbox().await;
    let has_lines_left = || inbox.webhooks.refused.permits(&CallSource::Other);
    for number in 0..=MAX_LINES_OF_SOURCE {
        let body = format!("nothing {number}");
        assert_eq!(deliver(&inbox, &body, &signature(&body), None).await, WebhookResponse::Taken);
    }
    assert!(has_lines_left());
    for number in 0..MAX_LINES_OF_SOURCE {
        let body = format!("nothing, unproven {number}");
        assert_eq!(deliver(&inbox, &body, "forged", Some("fail")).await, WebhookResponse::Taken);
    }
    assert!(!has_lines_left());
}

#[tokio::test]
async fn the_end_of_a_call_that_anyone_can_cause_is_logged_only_up_to_its_senders_share() {
    let inbox = inbox().await;
    let addressee = inbox.webhooks.addressee("signed", &unknown_sender()).await.unwrap();
    let calls = addressee.calls.unwrap();
    let lines = (0..2 * MAX_LINES_OF_SOURCE).filter(|_| calls.permits_line()).count();
    assert_eq!(lines, MAX_LINES_OF_SOURCE as usize);
    assert!(!inbox.webhooks.refused.permits(&CallSource::Other), "they count together with its other lines");
}

#[tokio::test]
async fn what_the_connector_cannot_say_is_kept_unproven_and_read_or_refused_by_a_version_that_can() {
    let mut inbox = inbox().await;
    let (signed, forged) = ("opt-out ada@example.com", "opt-out bob@example.com");
    for flaw in FLAWS {
        assert_eq!(
            deliver(&inbox, signed, &signature(signed), Some(flaw)).await,
            WebhookResponse::Taken,
            "{flaw}"
        );
        assert_eq!(
            deliver(&inbox, forged, &signature(signed), Some(flaw)).await,
            WebhookResponse::Taken,
            "{flaw}"
        );
    }
    let stored = inbox.list().await;
    assert_eq!(stored.iter().map(stands).collect::<Vec<_>>(), [(DeliveryState::Waiting, false, true); 6]);
    inbox.read();
    let stuck = inbox.once_all_are(DeliveryState::Stuck).await;
    assert_eq!(stands(&stuck[0]), (DeliveryState::Stuck, false, true));
    assert_eq!(inbox.alarms().await, ["deliveries-unread signed"]);
    swap(&inbox).await;
    let read = inbox
        .once(|list| {
            list.iter()
                .all(|delivery| ![DeliveryState::Waiting, DeliveryState::Stuck].contains(&delivery.state))
        })
        .await;
    let (by_vendor, by_others) = ((DeliveryState::Read, true, true), (DeliveryState::Refused, false, false));
    assert_eq!(
        read.iter().map(stands).collect::<Vec<_>>(),
        [by_vendor, by_others, by_vendor, by_others, by_vendor, by_others]
    );
    assert_eq!(inbox.event_count().await, 1, "the event was delivered three times");
    assert_eq!(inbox.alarms().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_kept_unproven_keeps_out_nothing_of_the_vendors() {
    let mut inbox = inbox().await;
    let body = "opt-out ada@example.com";
    assert_eq!(deliver(&inbox, body, "forged", Some("fail")).await, WebhookResponse::Taken);
    assert_eq!(deliver(&inbox, body, "forged", Some("fail")).await, WebhookResponse::Taken);
    assert_eq!(deliver(&inbox, body, &signature(body), Some("fail")).await, WebhookResponse::Taken);
    assert_eq!(deliver(&inbox, body, &signature(body), None).await, WebhookResponse::Taken);
    let proven: Vec<_> = inbox.list().await.iter().map(|delivery| delivery.proven).collect();
    assert_eq!(proven, [false, false, true], "an identical delivery is a repeat");
    inbox.read();
    let read = inbox.once(|list| list[2].state == DeliveryState::Read).await;
    assert_eq!((read[2].events, inbox.event_count().await), (1, 1));
}

#[tokio::test]
async fn unproven_deliveries_are_kept_up_to_a_maximum_whatever_became_of_them() {
    let inbox = inbox().await;
    write(&inbox.bench.parts.store, |tx| {
        Box::pin(async move {
            for n in 1..MAX_UNPROVEN {
                let mut body_digest = [0; 32];
                body_digest[..8].copy_from_slice(&n.to_be_bytes());
                let new = NewDelivery {
                    id: n.to_string(),
                    tenant: "acme".to_owned(),
                    connection: "signed".to_owned(),
                    body_digest,
                    accepted: false,
                    proven: false,
                    sealed: vec![1],
                    received_at: 0,
                };
                deliveries::insert(tx, &[new]).await?;
            }
            let stuck = ReadingEnd { state: DeliveryState::Stuck, digest: None, reason: None, events: 0 };
            for _ in 0..MAX_UNPROVEN / 2 {
                let claim =
                    deliveries::claim(tx, &lease(1, 2), &[], deliveries::FIRST).await?.unwrap().unwrap();
                deliveries::finish(tx, &claim, &stuck, 1).await?;
            }
            Ok(())
        })
    })
    .await;
    let body = "opt-out ada@example.com";
    assert_eq!(deliver(&inbox, body, &signature(body), Some("fail")).await, WebhookResponse::Taken);
    let full = deliver(&inbox, "nothing", &signature("nothing"), Some("fail")).await;
    assert_eq!((full, full.status()), (WebhookResponse::Unavailable(STORE_RETRY_AFTER), 503));
    assert_eq!(
        deliver(&inbox, body, &signature(body), None).await,
        WebhookResponse::Taken,
        "it is proven to be the vendor's"
    );
}

#[tokio::test]
async fn more_than_a_connection_may_bring_is_turned_away_before_the_sandbox_is_asked() {
    let inbox = inbox().await;
    let now = inbox.bench.parts.clock.now();
    while inbox.webhooks.rates.take("signed", now).is_ok() {}
    let body = "opt-out ada@example.com";
    for signature in ["forged", &signature(body)] {
        let answer = deliver(&inbox, body, signature, None).await;
        assert!(matches!(answer, WebhookResponse::TooMany(_)), "{answer:?}");
    }
}

/// Releases `signed` in place of `signed_flawed`, to all connections.
async fn release_to_all(inbox: &InboxBench) {
    let served = &inbox.bench.parts.served;
    let released = served.host().load_admitted(guest("signed"), &LoadPolicy::default()).await.unwrap();
    let release = release_at(Share::WHOLE, "signed", released.digest(), "signed");
    served.put_release(&release, &Arc::new(released));
    let mut spec = ConnectionSpec::new("acme", "signed", "signed");
    spec.secrets.insert("signing-key".to_owned(), Secret::new(KEY).unwrap());
    served.put(spec, &ServingVersion::Running).unwrap();
}

#[tokio::test]
async fn a_delivery_that_a_released_version_refuses_at_the_door_is_counted_and_is_no_call() {
    let inbox = inbox().await;
    release_to_all(&inbox).await;
    assert_eq!(deliver(&inbox, "nothing", "forged", None).await, WebhookResponse::Refused);
    assert_eq!(deliver(&inbox, "nothing", &signature("nothing"), None).await, WebhookResponse::Taken);
    let counted = inbox.bench.parts.served.counter().take().remove("r-1").unwrap().totals;
    let (place, counts) = counted.into_iter().next().unwrap();
    assert_eq!((place.side, place.kind), (Side::Released, CallKind::WebhookVerify));
    assert_eq!((counts.unauthenticated, counts.calls), (1, 0));
}
