//! Requests as the host writes them.

use connector_tests::Vendor;

use super::*;

#[tokio::test]
async fn fields_are_written_into_header_and_query() {
    let vendor = Vendor::agreeable().await;
    let script = json!([
        { "send": "write", "values": [["sub", "eu-1"]], "query": [["page", "a b"]] },
        { "send": "write", "values": [["sub", "a\r\nHost: evil.example"]] },
    ]);
    let calls = puppet("fields", &vendor, script, |_| {}).await;
    let results = results(&calls).await;
    assert_eq!(
        results[1],
        denied("operation write: the header X-Sub would contain characters that a header cannot carry")
    );
    let received = vendor.received();
    let [write] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(write.line(), "POST /write?page=a%20b&key=k-0123456789");
    assert_eq!(write.header("authorization"), Some("Bearer k-0123456789"));
    assert_eq!(write.header("x-sub"), Some("eu-1"));
    assert_eq!(write.header("host"), Some(vendor.address().as_str()));
    // If an optional setting is empty, its field is left out.
    assert_eq!(write.header("x-region"), None);
    let script = json!([{ "send": "write", "values": [["sub", "1"]] }]);
    let calls = puppet("fields", &vendor, script, |spec| {
        spec.settings.insert("region".to_owned(), "west".to_owned());
    })
    .await;
    calls.test_connection().await.unwrap().unwrap();
    assert_eq!(vendor.received()[1].header("x-region"), Some("eu west"));
}

#[tokio::test]
async fn basic_is_sent_in_base64() {
    let vendor = Vendor::agreeable().await;
    let calls = puppet("basic", &vendor, json!([{ "send": "basic" }]), |spec| {
        spec.settings.insert("user".to_owned(), "ada".to_owned());
    })
    .await;
    results(&calls).await;
    assert_eq!(vendor.received()[0].header("authorization"), Some("Basic YWRhOmstMDEyMzQ1Njc4OQ=="));
}

#[tokio::test]
async fn fields_are_written_into_json_and_form_bodies() {
    let vendor = Vendor::agreeable().await;
    let script = json!([
        { "send": "json", "body": r#"{"auth":{"key":"mine","id":1},"a":[1]}"# },
        { "send": "json" },
        { "send": "form", "body": "key=mine&to=a+b%26&key=again" },
        { "send": "json", "body": "[1]" },
    ]);
    let results = results(&puppet("bodies", &vendor, script, |_| {}).await).await;
    let sent: Vec<_> = vendor
        .received()
        .iter()
        .map(|request| (request.header("content-type").unwrap().to_owned(), request.text()))
        .collect();
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    assert_eq!(
        sent,
        [
            (json.to_owned(), r#"{"a":[1],"auth":{"id":1,"key":"k-0123456789"}}"#.to_owned()),
            (json.to_owned(), r#"{"auth":{"key":"k-0123456789"}}"#.to_owned()),
            (form.to_owned(), "to=a+b%26&key=k-0123456789".to_owned()),
        ]
    );
    assert_eq!(
        results[3],
        denied(
            "operation json: the host writes into its body, so it must be a JSON object, at most 127 levels deep"
        )
    );
}

#[tokio::test]
async fn a_path_value_stays_within_its_segment() {
    let vendor = Vendor::agreeable().await;
    let script = json!([
        { "send": "person", "values": [["person", "ada+news@example.com"]], "query": [["page", "1"], ["page", "2"]] },
        { "send": "person", "values": [["person", "a/../b?c#d%2e"]] },
    ]);
    results(&puppet("segments", &vendor, script, |_| {}).await).await;
    assert_eq!(
        vendor.lines(),
        ["GET /people/ada%2Bnews%40example.com?page=1&page=2", "GET /people/a%2F..%2Fb%3Fc%23d%252e"]
    );
}
