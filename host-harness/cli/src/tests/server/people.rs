//! A person, looked up and revealed over the API.

use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_by_an_identifier_and_revealed_from_a_request() {
    let running = Running::connected().await;
    let erase = running.fed(&["erase", "newsletter", "--email", "-", "--json"], "eve@example.com\n").await;
    let id = erase.json()["id"].as_str().unwrap().to_owned();
    let found = running.fed(&["person", "find", "--email", "-"], "Eve@example.com\n").await;
    assert_eq!(found.exit, Exit::Done, "{}", found.err);
    assert!(found.out.contains("newsletter of acme") && found.out.contains(&id), "{}", found.out);
    assert!(!found.out.contains("example.com"), "{}", found.out);
    let nobody = running.fed(&["person", "find", "--email", "-"], "bob@example.com\n").await;
    assert_eq!(nobody.out, "no connection knows this person\n");
    let shown = running.run(&["request", "show", &id, "--json"]).await.json();
    let revealed = running.run(&["request", "reveal", &id]).await;
    match shown["state"].as_str() {
        Some("waiting" | "running") => {
            assert_eq!(revealed.out, "email  eve@example.com\n", "{}", revealed.err);
        }
        state => panic!("an erasure waits for its proof, but is {state:?}"),
    }
    let unknown = running.run(&["request", "reveal", "r-1"]).await;
    assert_eq!(unknown.exit, Exit::Misused);
    assert!(unknown.err.contains("there is no request r-1"), "{}", unknown.err);
    running.assert_discreet();
}
