//! Verifies deliveries by the token in their Authorization header.

use super::{delivery::Delivery, event, reading::Reading};

/// What a delivery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The delivery comes from Iterable; its content.
    Authentic(Reading),
    /// It has no credential or one that is not accepted; the reason.
    Unauthenticated(String),
    /// It comes from Iterable but is not of a form that Iterable is known to send; the reason, free of personal data.
    Unreadable(String),
}

/// Checks the delivery's token with `accepts`, then reads it.
///
/// The host has already checked the token and replaced it, the last word of the header, with a placeholder. Anything
/// before it is ignored: Iterable calls its scheme `OAuth2`, and an operator may have entered `Bearer` as a part of the
/// token. A delivery that the host has acknowledged must not be refused because of that.
pub fn verify(delivery: &Delivery, accepts: impl Fn(&str) -> bool) -> Verdict {
    let headers = delivery.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let mut tokens = headers.map(|(_, value)| last_word(value)).peekable();
    if tokens.peek().is_none() {
        return Verdict::Unauthenticated("there is no Authorization header".to_owned());
    }
    if !tokens.all(accepts) {
        return Verdict::Unauthenticated("the token is not accepted".to_owned());
    }
    match event::read(&delivery.body, delivery.received_at_ms) {
        Ok(reading) => Verdict::Authentic(reading),
        Err(reason) => Verdict::Unreadable(reason),
    }
}

/// Returns the last word. Any whitespace separates words, as it does for the host.
fn last_word(value: &str) -> &str {
    value.split_whitespace().next_back().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn delivery(authorization: &[&str], body: &str) -> Delivery {
        let header = |value: &&str| ("authorization".to_owned(), (*value).to_owned());
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(authorization.iter().map(header));
        Delivery { headers, body: body.as_bytes().to_vec(), received_at_ms: 0 }
    }

    fn verdict(authorization: &[&str]) -> Verdict {
        verify(&delivery(authorization, r#"{"eventName":"emailOpen"}"#), |token| token == "placeholder")
    }

    #[test]
    fn the_last_word_is_the_token_whatever_stands_before_it() {
        for header in [
            "OAuth2 placeholder",
            "Bearer placeholder",
            "placeholder",
            "bearer  placeholder ",
            "OAuth2 Bearer placeholder",
            "Basic placeholder",
            "Bearer\u{a0}placeholder",
            "Token a=1,\tplaceholder\u{2003}",
        ] {
            assert_eq!(verdict(&[header]), Verdict::Authentic(Reading::default()), "{header}");
        }
        assert_eq!(
            verdict(&["OAuth2 placeholder", "Bearer placeholder"]),
            Verdict::Authentic(Reading::default())
        );
    }

    #[test]
    fn no_other_credential_is_taken() {
        for (headers, reason) in [
            (&[][..], "there is no Authorization header"),
            (&["OAuth2 placeholder", "OAuth2 other"], "the token is not accepted"),
            (&["OAuth2 other"], "the token is not accepted"),
            (&["OAuth2"], "the token is not accepted"),
            (&[" "], "the token is not accepted"),
            (&["OAuth2 placeholder x"], "the token is not accepted"),
        ] {
            assert_eq!(verdict(headers), Verdict::Unauthenticated(reason.to_owned()), "{headers:?}");
        }
    }

    #[test]
    fn the_body_of_a_stranger_is_not_read() {
        let verdict = verify(&delivery(&["OAuth2 x"], "not JSON"), |_| false);
        assert_eq!(verdict, Verdict::Unauthenticated("the token is not accepted".to_owned()));
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn any_bytes_get_a_verdict(header in ".{0,40}", body: Vec<u8>, accepted: bool) {
            let headers = vec![("authorization".to_owned(), header)];
            let delivery = Delivery { headers, body, received_at_ms: 0 };
            let authentic = matches!(verify(&delivery, |_| accepted), Verdict::Authentic(_));
            prop_assert!(accepted || !authentic);
        }

        #[test]
        fn any_event_gets_a_verdict(name in "emailSubscribe|emailUnSubscribe|emailComplaint|[a-z]{0,9}", fields in value()) {
            let body = serde_json::json!({"eventName": name, "email": fields, "dataFields": fields}).to_string();
            verify(&delivery(&["t"], &body), |_| true);
        }
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::{Value, json};
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| json!(number)),
            ".{0,12}".prop_map(Value::from),
        ];
        let key =
            "channelIds|messageTypeIds|emailListIds|email|userId|createdAt|channelId|unsubSource|[a-z]{0,5}";
        leaf.prop_recursive(3, 24, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..6).prop_map(|entries| entries.into_iter().collect()),
            ]
        })
    }
}
