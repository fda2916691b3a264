use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::connection::{AcceptedToken, ConnectionSpec};
use host_model::{
    contract::manifest::{RequestPart, TokenSlot},
    secret::Secret,
};

fn connection() -> Connection {
    accepting(["t-old", "t-new"].map(|token| Secret::new(token).unwrap().into()).into())
}

fn accepting(accepted_tokens: Vec<AcceptedToken>) -> Connection {
    let spec = ConnectionSpec { accepted_tokens, ..ConnectionSpec::new("acme", "newsletter", "example") };
    spec.resolve(&Manifest::default()).unwrap()
}

fn by_digest(token: &str) -> AcceptedToken {
    AcceptedToken::by_digest(Sha256::digest(token).into())
}

fn admitted(slot: Option<(RequestPart, &str)>, url: &str, headers: &[(&str, &str)]) -> AdmittedDelivery {
    let manifest = Manifest {
        webhook_token_slot: slot.map(|(place, name)| TokenSlot { place, name: name.into() }),
        ..Default::default()
    };
    let delivery = Delivery {
        method: "POST".into(),
        url: url.into(),
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        body: b"{}".to_vec(),
        received_at_ms: 0,
    };
    AdmittedDelivery::admit(&connection(), &manifest, delivery)
}

fn by_header(values: &[&str]) -> (bool, Vec<String>) {
    let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
    let admitted = admitted(Some((RequestPart::Header, "Authorization")), "https://h.example.com/", &headers);
    let left = admitted.delivery().headers.iter().map(|(_, value)| value.clone()).collect();
    (admitted.is_accepted(), left)
}

#[test]
fn the_last_word_of_the_header_is_the_token_and_is_never_passed_on() {
    for (value, accepted, left) in [
        ("OAuth2 t-new", true, "OAuth2 accepted-webhook-token"),
        ("Bearer t-old ", true, "Bearer accepted-webhook-token"),
        ("t-new", true, "accepted-webhook-token"),
        ("Bearer t-stale", false, "Bearer refused-webhook-token"),
        ("Bearer ", false, "refused-webhook-token"),
        ("Bearer\u{a0}t-new", true, "Bearer\u{a0}accepted-webhook-token"),
        ("Bearer\u{3000}t-stale\u{2003}", false, "Bearer\u{3000}refused-webhook-token"),
        ("", false, "refused-webhook-token"),
        // The placeholder itself is not accepted.
        ("Bearer accepted-webhook-token", false, "Bearer refused-webhook-token"),
    ] {
        assert_eq!(by_header(&[value]), (accepted, vec![left.to_owned()]), "{value:?}");
    }
}

#[test]
fn two_headers_are_accepted_only_if_both_are() {
    assert!(!by_header(&["Bearer t-new", "Bearer wrong"]).0);
    assert!(by_header(&["Bearer t-new", "Bearer t-old"]).0);
    assert!(!by_header(&[]).0);
}

#[test]
fn a_token_that_is_presented_many_times_is_searched_for_once() {
    let slot = TokenSlot { place: RequestPart::Query, name: "token".into() };
    let searches = |url: String| {
        let delivery = Delivery { url, ..repeating("") };
        let checked = CheckedDelivery::against(&slot, &connection().accepted_tokens, delivery);
        assert!(checked.is_accepted());
        checked.presented.searches()
    };
    assert_eq!(searches("https://h.example.com/?token=t-new".into()), 1);
    assert_eq!(searches(format!("https://h.example.com/?{}", "token=t-new&token=t-old&".repeat(1_000))), 2);
}

#[test]
fn a_query_token_is_replaced_wherever_it_comes() {
    let url = "https://h.example.com/hook?a=1&token=t-new&token=wrong";
    let admitted = admitted(Some((RequestPart::Query, "token")), url, &[]);
    assert!(!admitted.is_accepted());
    assert_eq!(
        admitted.delivery().url,
        "https://h.example.com/hook?a=1&token=accepted-webhook-token&token=refused-webhook-token"
    );
}

#[test]
fn a_token_that_is_repeated_elsewhere_is_masked() {
    let manifest = Manifest {
        webhook_token_slot: Some(TokenSlot { place: RequestPart::Header, name: "Authorization".into() }),
        ..Default::default()
    };
    let delivery = Delivery {
        method: "POST".into(),
        url: "https://h.example.com/?copy=t-new".into(),
        headers: vec![("authorization".into(), "t-new".into()), ("x-copy".into(), "is t-new".into())],
        body: br#"{"token":"t-new"}"#.to_vec(),
        received_at_ms: 0,
    };
    let admitted = AdmittedDelivery::admit(&connection(), &manifest, delivery);
    assert!(admitted.is_accepted());
    assert_eq!(
        (
            admitted.delivery().url.as_str(),
            admitted.delivery().headers[1].1.as_str(),
            admitted.delivery().body.as_slice()
        ),
        ("https://h.example.com/?copy=[redacted]", "is [redacted]", &br#"{"token":"[redacted]"}"#[..])
    );
}

#[test]
fn without_a_slot_nothing_is_accepted_and_the_token_is_still_masked() {
    let admitted =
        admitted(None, "https://h.example.com/?token=t-new", &[("x-signature", "ab"), ("x", "t-old")]);
    assert!(!admitted.is_accepted());
    assert_eq!(admitted.delivery().url, "https://h.example.com/?token=[redacted]");
    assert_eq!(admitted.delivery().headers[1].1, "[redacted]");
}

#[test]
fn a_delivery_to_a_connection_without_tokens_is_passed_on_unchanged() {
    let connection = Connection { accepted_tokens: Vec::new(), ..connection() };
    let delivery = Delivery {
        method: "POST".into(),
        url: "https://h.example.com/?token=t-new".into(),
        headers: vec![("x-signature".into(), "ab".into())],
        body: b"{}".to_vec(),
        received_at_ms: 0,
    };
    let admitted = AdmittedDelivery::admit(&connection, &Manifest::default(), delivery.clone());
    assert_eq!((admitted.delivery(), admitted.is_accepted()), (&delivery, false));
}

fn slot() -> TokenSlot {
    TokenSlot { place: RequestPart::Header, name: "Authorization".into() }
}

/// Creates a delivery that repeats the token "t-digest-only" everywhere, and presents `authorization`.
fn repeating(authorization: &str) -> Delivery {
    Delivery {
        method: "POST".into(),
        url: "https://h.example.com/?copy=t-digest-only".into(),
        headers: vec![
            ("authorization".into(), authorization.into()),
            ("x-copy".into(), "is t-digest-only".into()),
        ],
        body: br#"{"token":"t-digest-only"}"#.to_vec(),
        received_at_ms: 0,
    }
}

#[test]
fn a_token_that_is_known_by_its_digest_is_accepted_and_masked_by_what_was_presented() {
    let known = Secret::new("t-known-one").unwrap();
    let connection = accepting(vec![by_digest("t-other"), known.into(), by_digest("t-digest-only")]);
    let checked =
        CheckedDelivery::against(&slot(), &connection.accepted_tokens, repeating("OAuth2 t-digest-only"));
    assert!(checked.is_accepted());
    let admitted = AdmittedDelivery::masked(&connection, checked);
    assert!(admitted.is_accepted());
    assert_eq!(
        admitted.delivery(),
        &Delivery {
            url: "https://h.example.com/?copy=[redacted]".into(),
            headers: vec![
                ("authorization".into(), "OAuth2 accepted-webhook-token".into()),
                ("x-copy".into(), "is [redacted]".into()),
            ],
            body: br#"{"token":"[redacted]"}"#.to_vec(),
            ..repeating("")
        }
    );
}

#[test]
fn a_digest_accepts_its_token_alone() {
    let connection = accepting(vec![by_digest("t-digest-only"), by_digest("")]);
    // Neither the digest itself nor an empty slot is a token, whatever is stored.
    for wrong in ["t-digest-onl", "", hex::encode(Sha256::digest("t-digest-only")).as_str()] {
        let checked = CheckedDelivery::against(&slot(), &connection.accepted_tokens, repeating(wrong));
        assert!(!checked.is_accepted(), "{wrong:?}");
        let admitted = AdmittedDelivery::masked(&connection, checked);
        assert_eq!(admitted.delivery().headers[0].1, "refused-webhook-token", "{wrong:?}");
    }
}

#[test]
fn a_delivery_from_the_store_has_the_verdict_of_the_door() {
    let delivery = repeating("OAuth2 accepted-webhook-token");
    for (check, accepted, placeholder) in
        [(TokenCheck::Accepted, true, Some("accepted-webhook-token")), (TokenCheck::NotAccepted, false, None)]
    {
        let admitted = AdmittedDelivery::from_store(&connection(), delivery.clone(), check);
        assert_eq!(admitted.delivery(), &delivery);
        assert_eq!((admitted.is_accepted(), admitted.placeholder().as_deref()), (accepted, placeholder));
    }
}

#[test]
fn a_delivery_that_was_stored_while_its_connection_was_not_carried_has_the_secrets_masked_when_it_is_read() {
    let known = by_digest("t-digest-only");
    let checked = CheckedDelivery::against(&slot(), &[known], repeating("OAuth2 t-digest-only"));
    let stored = AdmittedDelivery::unserved(checked);
    assert!(stored.is_accepted());
    assert_eq!(stored.delivery().body, br#"{"token":"[redacted]"}"#);
    let delivery = Delivery { body: br#"{"copy":"t-old"}"#.to_vec(), ..Delivery::clone(stored.delivery()) };
    let read = AdmittedDelivery::from_store(&connection(), delivery, TokenCheck::Accepted);
    assert_eq!(read.delivery().body, br#"{"copy":"[redacted]"}"#);
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    /// Anything that a stranger sends is refused, and nothing is left in the slot.
    #[test]
    fn no_header_and_no_address_panics_the_door(value in "\\PC{0,40}|[ \u{a0}\u{3000}a-b]{0,8}", query in "\\PC{0,40}") {
        for slot in [slot(), TokenSlot { place: RequestPart::Query, name: "token".into() }] {
            let delivery = Delivery { url: format!("https://h.example.com/?{query}"), ..repeating(&value) };
            let checked = CheckedDelivery::against(&slot, &[by_digest("t-known-one")], delivery);
            prop_assert!(!checked.is_accepted());
            if slot.place == RequestPart::Header {
                prop_assert!(checked.delivery.headers[0].1.ends_with("refused-webhook-token"));
            }
        }
    }
}

#[test]
fn an_accepted_token_never_prints() {
    let tokens = [Secret::new("t-known-one").unwrap().into(), by_digest("t-digest-only")];
    let printed = format!("{tokens:?}");
    assert!(!printed.contains("t-known-one") && !printed.contains("t-digest-only"), "{printed}");
}
