//! Whether a delivery is Iterable's: the token in its one Authorization header.

use super::{Delivery, Verdict, event};

/// Checks the delivery's token with `accepts`, then reads it. Iterable calls its scheme `OAuth2`; `Bearer` and the bare
/// token are taken too.
pub fn verify(delivery: &Delivery, accepts: impl FnOnce(&str) -> bool) -> Verdict {
    match presented(&delivery.headers) {
        Err(reason) => Verdict::Unauthenticated(reason),
        Ok(token) if !accepts(token) => Verdict::Unauthenticated("the token is not accepted".to_owned()),
        Ok(_) => match event::read(&delivery.body, delivery.received_at_ms) {
            Ok(reading) => Verdict::Authentic(reading),
            Err(reason) => Verdict::Unreadable(reason),
        },
    }
}

fn presented(headers: &[(String, String)]) -> Result<&str, String> {
    let mut found = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let (Some((_, value)), None) = (found.next(), found.next()) else {
        let count = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).count();
        return Err(format!("there are {count} Authorization headers, wanted is one"));
    };
    let mut words = value.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(token), None, None) => Ok(token),
        (Some(scheme), Some(token), None) if is_scheme(scheme) => Ok(token),
        (None, ..) => Err("the Authorization header is empty".to_owned()),
        _ => Err("the Authorization header is neither `OAuth2 <token>`, `Bearer <token>` nor a bare token"
            .to_owned()),
    }
}

fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("OAuth2") || word.eq_ignore_ascii_case("Bearer")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::webhook::Reading;

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
    fn the_token_is_taken_in_three_forms() {
        for header in ["OAuth2 placeholder", "Bearer placeholder", "placeholder", "bearer  placeholder "] {
            assert_eq!(verdict(&[header]), Verdict::Authentic(Reading::default()), "{header}");
        }
    }

    #[test]
    fn no_other_credential_is_taken() {
        for (headers, reason) in [
            (&[][..], "there are 0 Authorization headers, wanted is one"),
            (
                &["OAuth2 placeholder", "OAuth2 placeholder"],
                "there are 2 Authorization headers, wanted is one",
            ),
            (&["OAuth2 other"], "the token is not accepted"),
            (&["OAuth2"], "the token is not accepted"),
            (&[" "], "the Authorization header is empty"),
            (
                &["Basic placeholder"],
                "the Authorization header is neither `OAuth2 <token>`, `Bearer <token>` nor a bare token",
            ),
            (
                &["OAuth2 placeholder x"],
                "the Authorization header is neither `OAuth2 <token>`, `Bearer <token>` nor a bare token",
            ),
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
