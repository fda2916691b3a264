//! A client that keeps its connection, and what it sends: what the benches of the service share.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpStream,
};

/// The token of the webhooks.
pub(crate) const TOKEN: &str = "t-0123456789";

/// The number of page writes, each synced before the next: the upper bound for a store without group commit.
pub(crate) fn fsyncs(folder: &Path) -> u32 {
    let mut file = fs::File::create(folder.join("fsync")).unwrap();
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(1) {
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    count
}

pub(crate) async fn connected(address: &str) -> BufStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    BufStream::new(stream)
}

/// Delivers an opt-out by a link in a mail, as Iterable documents it. Returns the status of the answer.
pub(crate) async fn deliver(stream: &mut BufStream<TcpStream>, connection: usize, email: &str) -> u16 {
    let path = format!("/api/v1/plus/connection/c{connection}/consent-webhook");
    let body = json!({ "email": email, "eventName": "emailUnSubscribe", "dataFields": {
        "campaignId": 1_089_024, "messageId": "bf008db8ab194b65816398c05bf30f99", "workflowName": "My test workflow",
        "messageTypeIds": [], "locale": null, "templateId": 1_526_112, "emailSubject": "Upcoming events!", "labels": [],
        "unsubSource": "EmailLink", "createdAt": "2026-03-20 23:34:15 +00:00", "templateName": "My test template",
        "emailListIds": [], "messageTypeId": 31_082, "channelIds": [6_539], "campaignName": "My test campaign",
        "workflowId": 76_786, "email": email, "channelId": 6_539 } });
    post(stream, &path, &format!("OAuth2 {TOKEN}"), &body.to_string()).await
}

/// Submits an opt-out. Returns the status of the answer.
pub(crate) async fn opt_out(
    stream: &mut BufStream<TcpStream>,
    connection: usize,
    key: &str,
    email: &str,
) -> u16 {
    let path = format!("/api/v1/connection/c{connection}/consent");
    let choice = json!({ "item": { "kind": "channel", "id": "6539" }, "choice": "opt_out",
        "chosen_at_ms": 1_700_000_000_000_u64, "source": "bench" });
    let body = json!({ "identity": { "email": email }, "preferences": { "items": [choice] } });
    post(stream, &path, &format!("Bearer {key}"), &body.to_string()).await
}

/// Returns the sum of a metric of a process, over its labels.
pub(crate) async fn metric(address: &str, key: &str, name: &str) -> u64 {
    let mut stream = connected(address).await;
    let head = format!("GET /metrics HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let (status, body) = answer(&mut stream).await;
    assert_eq!(status, 200);
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
    body.lines().filter(of_name).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

async fn post(stream: &mut BufStream<TcpStream>, path: &str, authorization: &str, body: &str) -> u16 {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    answer(stream).await.0
}

/// Reads the status and body of the next answer.
async fn answer(stream: &mut BufStream<TcpStream>) -> (u16, String) {
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some(rest) = line.strip_prefix("content-length: ") {
            length = rest.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (status, String::from_utf8(body).unwrap())
}
