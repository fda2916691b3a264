//! What plugins may do, and changing the version that serves.

use axum::body::Body;
use host_api::testing::{ApiBench, guest, tagged_guest};
use http::{Request, StatusCode, header};
use serde_json::json;
use test_support::{KeyPems, eventually};

use super::browser::{Browser, Received};

/// Returns the form of an upload as a browser sends it.
fn form(plugin: &str, next: &str, component: &[u8]) -> Request<Body> {
    let mut body = Vec::new();
    for (name, value) in [("plugin", plugin), ("note", "for the walk"), ("next", next)] {
        let part = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    let part = "--b\r\ncontent-disposition: form-data; name=\"component\"; filename=\"c.wasm\"\r\n\r\n";
    body.extend(part.bytes().chain(component.iter().copied()).chain("\r\n--b--\r\n".bytes()));
    let request = Request::post("/plugin-upload");
    request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=b").body(Body::from(body)).unwrap()
}

/// Follows an operation until it has ended. Returns its screen.
async fn ended(browser: &mut Browser, begun: &Received) -> Received {
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let shown = async || browser.get(begun.location()).await;
    eventually("it ends", shown, |shown| !shown.html.contains("Under way")).await
}

/// Returns a guest with a custom section of `bytes` bytes.
fn padded(bytes: u32) -> Vec<u8> {
    let length = bytes + 2;
    let leb = [0, 7, 14, 21].map(|shift| u8::try_from(length >> shift & 0x7f).unwrap());
    let leb = [leb[0] | 0x80, leb[1] | 0x80, leb[2] | 0x80, leb[3]];
    [guest("build_one"), [&[0], &leb[..], &[1, b'p']].concat(), vec![0; bytes.try_into().unwrap()]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_uploaded_compared_approved_served_and_put_back() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/plugins").await.assert_shows(&["href=\"/plugins/guest\"", "href=\"/plugins/iterable\""]);
    let iterable = browser.get("/plugins/iterable").await;
    iterable.assert_shows(&[
        "erase a person",
        "api.iterable.com",
        "POST /api/users/forget",
        "may change something",
        "the connector never sees it",
        "3 a second",
    ]);

    let begun = browser.send(form("guest", "upload", &tagged_guest("build_greedy", 1))).await;
    let uploaded = ended(&mut browser, &begun).await;
    uploaded.assert_shows(&["Look at the version, then approve it"]);
    let digest = bench.get(&key, "/api/v1/plugins/guest/versions").await.json["versions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|version| version["state"] == "proven")
        .unwrap()["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let version = format!("/plugins/guest/versions/{digest}");
    let shown = browser.get(&version).await;
    shown.assert_shows(&[
        "Waits for approval",
        "for the walk",
        "its proof incomplete: 2 parts",
        ">Approve</a>",
    ]);
    shown.assert_hides(&[">Serve</a>", "Pin to this version"]);
    browser.get(&format!("{version}/difference")).await.assert_shows(&["+ operation", "New", "Aspect"]);
    let question = browser.get(&format!("{version}/approve")).await;
    question.assert_shows(&["You approve ", "+ operation", "Approve the version"]);
    let approved = browser.post(&format!("{version}/approve"), &[]).await;
    assert!(approved.location().ends_with("?done=version-approved"), "{approved:?}");
    browser.get(approved.location()).await.assert_shows(&["The version is approved.", ">Serve</a>"]);
    browser.get(&format!("{version}/serve")).await.assert_shows(&["serves all connections of plugin guest"]);
    let begun = browser.post(&format!("{version}/serve"), &[("agree", "false")]).await;
    ended(&mut browser, &begun).await.assert_shows(&["Done", "Show the plugin"]);
    let running = bench.get(&key, "/api/v1/plugins/guest").await.json;
    assert_eq!(running["digest"], json!(digest));
    let plugin = browser.get("/plugins/guest").await;
    plugin.assert_shows(&["Serving", "Retired", "Change of the version that serves", "Roll back"]);

    browser.get("/plugins/guest/roll-back").await.assert_shows(&["Roll plugin guest back?"]);
    let begun = browser.post("/plugins/guest/roll-back", &[("agree", "false")]).await;
    ended(&mut browser, &begun).await.assert_shows(&["Done"]);
    assert_ne!(bench.get(&key, "/api/v1/plugins/guest").await.json["digest"], json!(digest));
    let lines = bench.audit(host_store::audit::ALL_TENANTS).await;
    let line = lines.iter().rfind(|line| line["what"] == "plugin-version").unwrap();
    assert!(line.to_string().contains("on the page"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upload_lacks_is_said_at_its_field_and_a_refused_one_says_why() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    let empty = browser.send(form(" ", "publish", b"")).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    empty.assert_shows(&[
        "name the plugin",
        "choose the file",
        "value=\"for the walk\"",
        "value=\"publish\" selected",
    ]);
    let begun = browser.send(form("guest", "upload", b"no wasm")).await;
    ended(&mut browser, &begun).await.assert_shows(&["Not done", "The component cannot be loaded"]);
    let begun = browser.send(form("guest", "publish", &tagged_guest("build_greedy", 1))).await;
    ended(&mut browser, &begun)
        .await
        .assert_shows(&["requests more permissions", "Upload it for an approval"]);
    let begun = browser.send(form("guest", "publish", &padded(1_200_000))).await;
    ended(&mut browser, &begun).await.assert_shows(&["Done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_pinned_and_unpinned_after_a_question() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    let digest =
        bench.get(&key, "/api/v1/plugins/iterable").await.json["digest"].as_str().unwrap().to_owned();
    let pin = format!("/plugins/iterable/versions/{digest}/pin");
    let question = browser.get(&format!("{pin}?scope=connection&target=newsletter")).await;
    question
        .assert_shows(&["Pin connection newsletter to version", "whichever version plugin iterable runs"]);
    let pinned = browser.post(&pin, &[("scope", "connection"), ("target", "newsletter")]).await;
    assert_eq!(pinned.location(), "/plugins/iterable?done=pinned", "{pinned:?}");
    browser.get("/plugins/iterable").await.assert_shows(&["Unpin connection newsletter"]);
    browser.get("/plugins").await.assert_shows(&["1 pin"]);
    let unpin = "/plugins/iterable/unpin";
    browser
        .get(&format!("{unpin}?scope=connection&target=newsletter"))
        .await
        .assert_shows(&["Unpin connection newsletter?"]);
    let unpinned = browser.post(unpin, &[("scope", "connection"), ("target", "newsletter")]).await;
    assert_eq!(unpinned.location(), "/plugins/iterable?done=unpinned", "{unpinned:?}");
    let pins = bench.get(&key, "/api/v1/plugins/iterable/pins").await.json;
    assert_eq!(pins["pins"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_changes_what_identifies_people_asks_for_approval_first() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    assert_eq!(bench.post_component(&key, "refers?agree=true", &guest("refers_one")).await.status, 200);
    let connection = json!({
        "key": "jobs", "tenant": "acme", "plugin": "refers", "settings": {"domain": "127.0.0.1:9"},
        "egress": {"hosts": ["127.0.0.1:9"], "loopback": true, "plain_http": true},
    });
    assert_eq!(bench.send(&key, "POST", "/api/v1/connection", Some(connection)).await.status, 201);
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let requests = "/api/v1/connection/jobs/requests";
    assert_eq!(bench.send(&key, "POST", requests, Some(erasure)).await.status, 202);
    let uploaded = bench.post_component(&key, "refers/versions", &guest("refers_three")).await;
    let version = format!("/plugins/refers/versions/{}", uploaded.json["digest"].as_str().unwrap());
    assert_eq!(bench.send(&key, "POST", &format!("/api/v1{version}/approve"), None).await.status, 200);

    let mut browser = Browser::signed_in(&bench, &key).await;
    let pinned = [("scope", "connection"), ("target", "jobs")];
    let agreed = [&pinned[..], &[("agree", "true")]].concat();
    for (act, end) in [
        (format!("{version}/pin"), "/plugins/refers?done=pinned"),
        ("/plugins/refers/unpin".to_owned(), "/plugins/refers?done=unpinned"),
    ] {
        let question = browser.post(&act, &pinned).await;
        assert_eq!(question.status, StatusCode::CONFLICT, "{question:?}");
        question.assert_shows(&["would be rekeyed", "name=\"agree\" value=\"true\""]);
        assert_eq!(browser.post(&act, &agreed).await.location(), end);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_people_only_another_key_is_offered_the_approval_of_a_version() {
    let (bench, key) = ApiBench::with_guest("build_one", "service.two-people = true\n").await;
    let uploaded = bench.post_component(&key, "guest/versions", &tagged_guest("build_greedy", 1)).await;
    let version = format!("/plugins/guest/versions/{}", uploaded.json["digest"].as_str().unwrap());
    let mut own = Browser::signed_in(&bench, &key).await;
    let shown = own.get(&version).await;
    shown.assert_shows(&["another person has to approve it"]);
    shown.assert_hides(&[">Approve</a>"]);
    own.get("/").await.assert_shows(&["Nothing waits for your approval."]);
    let mut other = Browser::signed_in(&bench, &bench.key("other", None).await).await;
    other.get(&version).await.assert_shows(&[">Approve</a>"]);
    other.get("/").await.assert_shows(&["of the plugin guest</a>"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sees_and_changes_no_more_of_plugins_than_it_may() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let mut reader = Browser::signed_in(&bench, &bench.reading_key("auditor", None).await).await;
    reader.get("/plugins").await.assert_hides(&["Upload a version"]);
    let digest = bench.get(&key, "/api/v1/plugins/guest").await.json["digest"].as_str().unwrap().to_owned();
    let version = format!("/plugins/guest/versions/{digest}");
    for path in ["/plugins/guest", &version] {
        reader.get(path).await.assert_hides(&[
            "Upload a version",
            ">Approve",
            ">Roll back",
            "Pin to this version",
        ]);
    }
    let upload = reader.send(form("guest", "upload", &tagged_guest("build_one", 9))).await;
    assert_eq!(upload.status, StatusCode::FORBIDDEN);
    for path in
        [format!("{version}/approve"), format!("{version}/serve"), "/plugins/guest/roll-back".to_owned()]
    {
        assert_eq!(reader.post(&path, &[("agree", "false")]).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let mut narrow = Browser::signed_in(&bench, &bench.key("narrow", Some(&["acme"])).await).await;
    let shown = narrow.get("/plugins/guest").await;
    shown.assert_shows(&["What it may do"]);
    shown.assert_hides(&["<h2 id=\"versions\">", "Upload a version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_version_is_released_in_steps_shown_and_moved_from_the_screen_of_its_plugin() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let uploaded = bench.post_component(&key, "guest/versions", &tagged_guest("build_one", 1)).await;
    let version = format!("/plugins/guest/versions/{}", uploaded.json["digest"].as_str().unwrap());
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get(&version).await.assert_hides(&["Release in steps"]);
    browser.get("/plugins/guest").await.assert_hides(&["Release in steps"]);
    assert_eq!(bench.send(&key, "POST", &format!("/api/v1{version}/approve"), None).await.status, 200);
    browser.get(&version).await.assert_shows(&[">Release in steps</a>"]);
    browser.get(&format!("{version}/release")).await.assert_shows(&["a small share of the people first"]);
    let begun = browser.post(&format!("{version}/release"), &[]).await;
    assert_eq!(begun.location(), "/plugins/guest?done=release-begun");
    browser.get(begun.location()).await.assert_shows(&[
        "The release has begun.",
        "serves 5 % of the people, in steps of 5 %, 25 %, 100 %",
        "Inconclusive",
        "too few calls: 0, expected at least 300",
        ">Pause the release</a>",
    ]);
    browser.get(&version).await.assert_shows(&["release in steps: running at 5 %"]);
    let asked = browser.get("/plugins/guest/release/advance?share=5").await;
    asked.assert_shows(&[r#"name="share" value="5""#]);
    for (act, state) in [("pause", "Paused"), ("resume", "Under way"), ("advance", "serves 25 %")] {
        let moved = browser.post(&format!("/plugins/guest/release/{act}"), &[("share", "5")]).await;
        assert_eq!(moved.location(), "/plugins/guest?done=release-moved", "{act}");
        browser.get(moved.location()).await.assert_shows(&[state]);
    }
    // Posted twice, it ends one step.
    let twice = browser.post("/plugins/guest/release/advance", &[("share", "5")]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    twice.assert_shows(&["the release is at 25 %, not at 5 %"]);
    let mut reader = Browser::signed_in(&bench, &bench.reading_key("auditor", None).await).await;
    let shown = reader.get("/plugins/guest").await;
    shown.assert_shows(&["serves 25 % of the people"]);
    shown.assert_hides(&[">Pause the release</a>", ">Roll back the release</a>"]);
    let refused = reader.post("/plugins/guest/release/pause", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    browser
        .get("/plugins/guest/release/roll-back")
        .await
        .assert_shows(&["Roll back the release of plugin guest?"]);
    let back = browser.post("/plugins/guest/release/roll-back", &[]).await;
    browser.get(back.location()).await.assert_shows(&["Rolled back", "serves 0 % of the people"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_signatures_a_plugin_needs_is_shown_and_its_newest_revision_is_restored() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/plugins/guest").await.assert_hides(&["<h2 id=\"trust\">"]);
    let keys = KeyPems::generate();
    std::fs::write(bench.file("release.pub"), &keys.public).unwrap();
    std::fs::write(bench.file("guest.wasm"), guest("build_one")).unwrap();
    let trust = "trust.guest = { keys = [{ file = 'release.pub' }], require = 'passed-conformance' }";
    bench.configure(&format!("plugins.guest.file = 'guest.wasm'\n{trust}")).await;
    assert_eq!(bench.send(&key, "POST", "/api/v1/reload", None).await.status, 200);
    let trusted = bench.get(&key, "/api/v1/plugins/guest").await.json["trust"]["keys"][0].clone();
    let shown = browser.get("/plugins/guest").await;
    shown.assert_shows(&[
        "<h2 id=\"trust\">",
        trusted.as_str().unwrap(),
        "a signed statement according to which its proof passed",
        "none was admitted",
    ]);
    shown.assert_hides(&["Restore the newest revision"]);
    let foreign = "INSERT INTO release_marks (plugin, revision, digest, mac) \
                   SELECT plugin, 9, digest, x'00' FROM versions WHERE plugin = 'guest'";
    bench.sql(foreign).await;
    let mut reader = Browser::signed_in(&bench, &bench.reading_key("auditor", None).await).await;
    let shown = reader.get("/plugins/guest").await;
    shown.assert_shows(&["No release is admitted: ", "not known"]);
    shown.assert_hides(&[">Restore the newest revision</a>"]);
    browser.get("/plugins/guest").await.assert_shows(&[">Restore the newest revision</a>"]);
    let asked = browser.get("/plugins/guest/restore-revision").await;
    asked.assert_shows(&["Restore the newest revision of plugin guest?"]);
    let restored = browser.post("/plugins/guest/restore-revision", &[]).await;
    let shown = browser.get(restored.location()).await;
    shown.assert_shows(&["The newest revision is restored.", "none was admitted"]);
    shown.assert_hides(&["No release is admitted"]);
}
