//! Invalid requests and commands, with a person or a secret in the wrong place.

use super::*;

/// Invalid requests to the API, with a person or a secret in the wrong place.
pub(super) async fn callers_that_err(canary: &mut Canary) {
    const JSON: &str = "content-type: application/json\r\n";
    const NEWS: &str = "/api/v1/connection/news";
    let (who, requests) = (email("err"), "/api/v1/connection/news/requests");
    for (method, path, headers, body) in [
        ("POST", requests, JSON, format!("{{\"identity\": {who}")),
        ("POST", requests, JSON, format!("{{\"action\": \"{who}\", \"identity\": {{}}}}")),
        ("POST", requests, JSON, format!("{{\"{who}\": 1}}")),
        ("POST", requests, JSON, format!("{{\"action\": \"erasure\", \"identity\": \"{who}\"}}")),
        ("POST", requests, JSON, format!("{{\"action\": \"erasure\", \"identity\": {{\"{who}\": 1}}}}")),
        (
            "POST",
            requests,
            JSON,
            format!("{{\"action\": \"erasure\", \"identity\": {{\"phone\": {PHONE}}}}}"),
        ),
        (
            "POST",
            requests,
            JSON,
            format!("{{\"action\": \"erasure\", \"identity\": {{\"shoe\": \"{who}\"}}}}"),
        ),
        ("POST", requests, "", who.clone()),
        (
            "POST",
            "/api/v1/connection",
            JSON,
            format!(
                "{{\"key\": \"k\", \"tenant\": \"t\", \"plugin\": \"iterable\", \"secrets\": \"{SECRET}\"}}"
            ),
        ),
        (
            "POST",
            "/api/v1/connection",
            JSON,
            format!(
                "{{\"key\": \"k\", \"tenant\": \"t\", \"plugin\": \"iterable\", \"enabled\": \"{SECRET}\"}}"
            ),
        ),
        ("PATCH", NEWS, JSON, format!("{{\"egress\": {{\"hosts\": \"{SECRET}\"}}}}")),
        ("PATCH", NEWS, JSON, format!("{{\"egress\": {{\"reach\": \"{who}\"}}}}")),
        ("PATCH", NEWS, JSON, format!("{{\"egress\": {{\"authorities\": [\"{SECRET}\"]}}}}")),
        ("PATCH", NEWS, JSON, format!("{{\"egress\": \"{who}\"}}")),
        ("PATCH", NEWS, JSON, format!("{{\"limits\": {{\"memory-bytes\": \"{SECRET}\"}}}}")),
        ("PATCH", NEWS, JSON, format!("{{\"limits\": {{\"{who}\": 1}}}}")),
        ("PATCH", NEWS, JSON, format!("{{\"limits\": [\"{SECRET}\", \"{who}\"]}}")),
        (
            "PUT",
            "/api/v1/connection/news/mapping",
            "content-type: application/toml\r\n",
            format!("item = \"{who}\""),
        ),
        ("PUT", "/api/v1/plus/connection/news/consentable-items", JSON, format!("[\"{who}\"]")),
        ("GET", &format!("/api/v1/people/{who}"), "", String::new()),
        ("GET", &format!("/api/v1/requests?state={who}"), "", String::new()),
        ("GET", &format!("/api/v1/requests?{who}=1"), "", String::new()),
        ("DELETE", &format!("/api/v1/plus/connection/news/consent-webhook/tokens/{who}"), "", String::new()),
        ("PUT", &format!("/api/v1/requests/{}", "x"), "", who.clone()),
    ] {
        let answer = canary.raw(method, path, headers, &body).await;
        assert!((400..500).contains(&answer.status), "{method} {path} {body}: {answer:?}");
    }
    let once = format!("{JSON}idempotency-key: erase-{who}\r\n");
    let body = json!({"action": "erasure", "identity": {"email": who}}).to_string();
    assert_eq!(canary.raw("POST", requests, &once, &body).await.status, 202);
    let other = json!({"action": "reading", "identity": {"email": who}}).to_string();
    assert_eq!(canary.raw("POST", requests, &once, &other).await.status, 409);
}

/// Commands that fail, with a person or a secret among their arguments.
pub(super) async fn commands_that_fail(canary: &mut Canary) {
    let config = canary.bench.file("connector-host.toml").display().to_string();
    let who = email("cli");
    for arguments in [
        vec!["--config", &config, "erase", "nowhere", "--email", &who],
        vec!["--config", &config, "erase", "nowhere", "--identifier", &who],
        vec!["--server", "http://127.0.0.1:1", "erase", "news", "--email", &who],
    ] {
        let told = seen::Kept::default();
        let console = crate::Console::of(std::io::empty(), told.clone(), told.clone());
        let exit = crate::run(
            [&["connector-host"], &*arguments].concat(),
            Ok(crate::PassedSockets::default()),
            &console,
            crate::Compiling::default(),
        )
        .await;
        assert_ne!(exit, crate::Exit::Done);
        canary.seen.text(&arguments.join(" ").replace(&who, "…"), &told.text());
    }
}
