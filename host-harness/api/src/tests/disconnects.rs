//! Clients that disconnect before they have an answer.

use std::net::SocketAddr;

use serde_json::json;
use test_support::{Logged, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::testing::{ApiBench, guest};

/// Sends a request and does not read an answer.
async fn begin(bench: &ApiBench, key: &str, line: &str, content_type: &str, body: &[u8]) -> TcpStream {
    let mut client = bench.client().await;
    let head = format!(
        "{line} HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {key}\r\ncontent-type: {content_type}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(body).await.unwrap();
    client
}

/// Ends the client, and waits until the service has had the time to notice.
async fn disconnect(bench: &ApiBench, client: TcpStream) {
    drop(client);
    for _ in 0..20 {
        assert_eq!(bench.raw("GET", "/health", "", b"").await.status, 200);
    }
}

/// Returns whether the service at `address` answers 503, or no longer at all.
async fn is_stopping(address: SocketAddr) -> bool {
    let Ok(mut client) = TcpStream::connect(address).await else { return true };
    let request = b"GET /health HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    let exchange = async {
        client.write_all(request).await?;
        client.read_to_string(&mut answer).await
    };
    exchange.await.is_err() || answer.starts_with("HTTP/1.1 503")
}

async fn version(bench: &ApiBench, key: &str) -> String {
    let plugins = bench.get(key, "/api/v1/plugins").await;
    let plugins = plugins.json["plugins"].as_array().unwrap().clone();
    let plugin = plugins.into_iter().find(|plugin| plugin["name"] == "guest").unwrap();
    plugin["version"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_publication_and_a_roll_back_run_to_their_end_without_their_client_and_are_logged() {
    let logged = Logged::begin();
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let two = guest("build_two");
    for (line, body, begun, ended, after) in [
        (
            "POST /api/v1/plugins/guest",
            two.as_slice(),
            "publishing a plugin version",
            "plugin version published",
            "two",
        ),
        (
            "POST /api/v1/plugins/guest/roll-back",
            b"",
            "rolling a plugin back",
            "plugin version rolled back",
            "one",
        ),
    ] {
        let changing = bench.parts.connections.hold_changes().await;
        let client = begin(&bench, &key, line, "application/wasm", body).await;
        let line = logged.once(|line| line["message"] == begun).await;
        assert_eq!(line["plugin"], "guest", "{line}");
        disconnect(&bench, client).await;
        drop(changing);
        eventually(after, async || version(&bench, &key).await, |version| version == after).await;
        let line = logged.once(|line| line["message"] == ended).await;
        assert!(line["by"].as_str().unwrap().starts_with("API key operator ("), "{line}");
        assert!(line["digest"].as_str().unwrap().starts_with("sha256:"), "{line}");
    }
    let refused = bench
        .raw(
            "POST",
            "/api/v1/plugins/guest",
            &format!("authorization: Bearer {key}\r\ncontent-type: application/wasm\r\n"),
            b"no wasm",
        )
        .await;
    assert_eq!(refused.problem(), (422, "no-component"));
    let line = logged.once(|line| line["message"] == "plugin version not published").await;
    assert!(line["error"].as_str().unwrap().contains("it is not WebAssembly"), "{line}");
}

#[tokio::test]
async fn a_change_of_a_connection_runs_to_its_end_without_its_client() {
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    bench.connect(&key, "acme", "newsletter").await;
    let changing = bench.parts.connections.hold_changes().await;
    let change = json!({"egress": {"denied_operations": ["list-channels"]}}).to_string();
    let client =
        begin(&bench, &key, "PATCH /api/v1/connection/newsletter", "application/json", change.as_bytes())
            .await;
    disconnect(&bench, client).await;
    drop(changing);
    let denied = async || {
        let shown = bench.get(&key, "/api/v1/connection/newsletter").await;
        shown.json["egress"]["denied_operations"].clone()
    };
    eventually("the change", denied, |denied| *denied == json!(["list-channels"])).await;
}

#[tokio::test]
async fn a_stop_waits_for_a_publication_whose_client_has_left() {
    let logged = Logged::begin();
    let (bench, key) = ApiBench::with_guest("build_one", "").await;
    let connections = bench.parts.connections.clone();
    let changing = connections.hold_changes().await;
    let client =
        begin(&bench, &key, "POST /api/v1/plugins/guest", "application/wasm", &guest("build_two")).await;
    logged.once(|line| line["message"] == "publishing a plugin version").await;
    disconnect(&bench, client).await;
    let address = bench.client().await.peer_addr().unwrap();
    let releasing = async {
        eventually("the stop", async || is_stopping(address).await, |is_stopping| *is_stopping).await;
        drop(changing);
    };
    let (bench, ()) = tokio::join!(bench.restarted(), releasing);
    assert_eq!(version(&bench, &key).await, "two");
}
