//! Webhook deliveries: an outbox in order of time, and the one task that empties it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Client;
use serde::Serialize;
use serde_json::Value;

use crate::clock::later;
use crate::project::Project;
use crate::shared::Shared;
use crate::switches::DeliveryRetry;

/// One event on its way to one webhook, one attempt.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The webhook's id.
    pub webhook: i64,
    /// Where it goes, merge tags filled in; empty until it is sent.
    pub url: String,
    /// Its headers, names in lower case; empty until it is sent.
    pub headers: Vec<(String, String)>,
    /// The event; a string is a body that is sent as it is.
    pub body: Value,
    /// When it is to be sent.
    pub due: Timestamp,
    /// 1 for the first.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
}

impl Delivery {
    /// The value of the header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The bytes of the body, as they were sent.
    pub fn body_bytes(&self) -> Vec<u8> {
        match &self.body {
            Value::String(text) => text.clone().into_bytes(),
            event => event.to_string().into_bytes(),
        }
    }
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Not sent yet, or not answered yet.
    Waiting,
    /// Answered with this status.
    Answered(u16),
    /// Sent, and not answered within ten seconds, or nobody listens.
    Unanswered,
    /// The endpoint is not on this machine; only the outbox has it.
    Kept,
    /// Lost on the way.
    Lost,
}

/// Deliveries, those that ended in the order in which they did.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    ended: Vec<Delivery>,
    /// The one on its way.
    sending: Option<Delivery>,
    waiting: BTreeMap<(Timestamp, usize), Delivery>,
    counted: usize,
}

impl Outbox {
    pub(crate) fn put(&mut self, webhook: i64, body: Value, due: Timestamp) {
        self.put_again(Delivery {
            webhook,
            url: String::new(),
            headers: Vec::new(),
            body,
            due,
            attempt: 1,
            outcome: Outcome::Waiting,
        });
    }

    pub(crate) fn lose(&mut self, webhook: i64, body: Value, due: Timestamp) {
        self.counted += 1;
        let (url, headers) = (String::new(), Vec::new());
        self.ended.push(Delivery { webhook, url, headers, body, due, attempt: 1, outcome: Outcome::Lost });
    }

    /// How many there have been.
    pub(crate) fn counted(&self) -> usize {
        self.counted
    }

    /// Those that ended, then those that did not.
    pub(crate) fn all(&self) -> Vec<Delivery> {
        self.ended.iter().chain(&self.sending).chain(self.waiting.values()).cloned().collect()
    }

    /// The one that ended after so many others.
    pub(crate) fn ended(&self, after: usize) -> Option<&Delivery> {
        self.ended.get(after)
    }

    fn put_again(&mut self, delivery: Delivery) {
        self.waiting.insert((delivery.due, self.counted), delivery);
        self.counted += 1;
    }

    fn first_due(&self) -> Option<Timestamp> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }
}

impl Project {
    /// Takes out the delivery that is due first, ready to be sent.
    fn next_to_send(&mut self) -> Option<Delivery> {
        if self.outbox.first_due()? > self.now {
            return None;
        }
        let (_, mut delivery) = self.outbox.waiting.pop_first()?;
        let form = self.switches.token_header;
        if let Some(webhook) = self.webhooks().iter().find(|webhook| webhook.id == delivery.webhook) {
            delivery.headers = webhook.delivery_headers(form, self.now);
            delivery.url = webhook.url(&delivery.body);
        }
        self.outbox.sending = Some(delivery.clone());
        Some(delivery)
    }

    fn sent(&mut self, delivery: Delivery) {
        let failed = match delivery.outcome {
            Outcome::Answered(status) => !(200..300).contains(&status),
            Outcome::Unanswered => true,
            Outcome::Waiting | Outcome::Kept | Outcome::Lost => false,
        };
        if failed && self.switches.delivery_retry == DeliveryRetry::Thrice && delivery.attempt <= 3 {
            let due = later(self.now, SignedDuration::from_secs(10));
            let (attempt, outcome) = (delivery.attempt + 1, Outcome::Waiting);
            self.outbox.put_again(Delivery { due, attempt, outcome, ..delivery.clone() });
        }
        self.outbox.sending = None;
        self.outbox.ended.push(delivery);
    }
}

/// Sends what falls due, one after another, for as long as the stand-in lives.
pub(crate) async fn deliver(shared: Arc<Shared>, client: Client) {
    let mut changed = shared.changes();
    loop {
        changed.mark_unchanged();
        let (next, due) = shared.with(|project| (project.next_to_send(), project.outbox.first_due()));
        if let Some(mut delivery) = next {
            delivery.outcome = send(&client, &delivery).await;
            shared.with(|project| project.sent(delivery));
            shared.tell();
            continue;
        }
        let clock = shared.clock();
        tokio::select! {
            () = async { match due {
                Some(due) => clock.reaches(due).await,
                None => std::future::pending().await,
            } } => {}
            // The sender lives in `shared`, so waiting cannot fail.
            _ = changed.changed() => {}
        }
    }
}

async fn send(client: &Client, delivery: &Delivery) -> Outcome {
    if !to_loopback(&delivery.url) {
        return Outcome::Kept;
    }
    let mut request = client.post(&delivery.url).timeout(Duration::from_secs(10)).body(delivery.body_bytes());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => Outcome::Answered(answer.status().as_u16()),
        Err(_) => Outcome::Unanswered,
    }
}

/// Whether an address is on this machine; nothing is ever sent elsewhere.
pub(crate) fn to_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let Some(host) = url.host_str() else { return false };
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || literal.is_ok_and(|address| address.is_loopback())
}

/// Fills the merge tags of an endpoint from an event's `dataFields`; what is not defined is blank.
pub(crate) fn merge_tags(endpoint: &str, event: &Value) -> String {
    let mut filled = String::new();
    let mut rest = endpoint;
    while let Some((before, tag)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, after)) = tag.split_once("}}") else {
            filled.push_str("{{");
            rest = tag;
            continue;
        };
        let value = event.get("dataFields").and_then(|fields| fields.get(name.trim()));
        let text = match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        filled.extend(utf8_percent_encode(&text, NON_ALPHANUMERIC));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_tags_are_filled_and_undefined_ones_blank() {
        let event = json!({"dataFields": {"campaignId": 12, "campaignName": "A & B", "workflowId": null}});
        let endpoint =
            "https://hooks.example.com/?c={{campaignId}}&n={{campaignName}}&w={{workflowId}}&x={{other}}";
        assert_eq!(merge_tags(endpoint, &event), "https://hooks.example.com/?c=12&n=A%20%26%20B&w=&x=");
        assert_eq!(
            merge_tags("https://hooks.example.com/{{open", &event),
            "https://hooks.example.com/{{open"
        );
    }

    #[test]
    fn nothing_leaves_this_machine() {
        assert!(
            to_loopback("http://127.0.0.1:9/x")
                && to_loopback("http://[::1]/")
                && to_loopback("https://localhost")
        );
        assert!(
            !to_loopback("https://hooks.example.com/")
                && !to_loopback("http://192.0.2.1/")
                && !to_loopback("x")
        );
        assert!(!to_loopback("http://127.0.0.1.example.com/"));
    }
}
