//! Webhook tokens from a client's perspective.

use serde_json::json;

use crate::testing::ApiBench;

const TOKEN: &str = "/api/v1/plus/connection/newsletter/consent-webhook/token";
const TOKENS: &str = "/api/v1/plus/connection/newsletter/consent-webhook/tokens";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_given_out_to_writers_alone_and_kept_by_no_cache() {
    let bench = ApiBench::new().await;
    let (operator, reader) = (bench.operator().await, bench.reading_key("reader", None).await);
    bench.connect(&operator, "acme", "newsletter").await;
    let before = bench.parts.clock.date_ms() / 1_000;
    let issued = bench.get(&operator, TOKEN).await;
    let after = bench.parts.clock.date_ms() / 1_000;
    assert_eq!(issued.status, 200, "{issued:?}");
    assert!(issued.headers.contains("\r\ncache-control: no-store\r\n"), "{}", issued.headers);
    let fields: Vec<_> = issued.json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["access_token", "expires_at", "expires_in", "generation", "token_type"]);
    let token = issued.json["access_token"].as_str().unwrap();
    assert_eq!(token.len(), 43, "256 bits in base64");
    assert_eq!(issued.json["token_type"], "bearer");
    let lasts = 90 * 24 * 60 * 60;
    assert_eq!(issued.json["expires_in"], lasts);
    let expires_at = issued.json["expires_at"].as_i64().unwrap();
    assert!((before + lasts..=after + lasts).contains(&expires_at), "{expires_at}");

    assert_eq!(bench.get(&reader, TOKEN).await.problem(), (403, "read-only"));
    let listed = bench.get(&reader, TOKENS).await;
    let generations: Vec<_> =
        listed.json["tokens"].as_array().unwrap().iter().map(|token| &token["generation"]).collect();
    assert_eq!(generations, [&json!(1)], "a read-only key creates none");
    assert!(!listed.text.contains(token), "it is shown only once");
}
