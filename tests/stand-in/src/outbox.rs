//! Webhook deliveries, in chronological order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// One attempt to deliver one event to one webhook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The webhook's id.
    pub webhook: i64,
    /// The URL, with merge tags filled in. Empty until the delivery is sent.
    pub url: String,
    /// The headers, with names in lower case. Empty until the delivery is sent.
    pub headers: Vec<(String, String)>,
    /// The event. A string is sent verbatim as the body.
    pub body: Value,
    /// When the delivery is due.
    pub due: Timestamp,
    /// The number of the attempt, starting at 1.
    pub attempt: u32,
    /// The outcome so far.
    pub outcome: Outcome,
}

impl Delivery {
    /// Returns the value of the header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Returns the bytes of the body as sent.
    pub fn body_bytes(&self) -> Vec<u8> {
        match &self.body {
            Value::String(text) => text.clone().into_bytes(),
            event => event.to_string().into_bytes(),
        }
    }
}

/// The outcome of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Not sent yet, or not answered yet.
    Waiting,
    /// Answered with this status.
    Answered(u16),
    /// Sent but not answered within ten seconds, or the connection failed.
    Unanswered,
    /// Not sent, because the endpoint is not on this machine. Only kept in the outbox.
    Kept,
    /// Dropped on the way.
    Lost,
}

/// All deliveries. Finished ones are kept in the order in which they finished.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    ended: Vec<Delivery>,
    /// The delivery that is being sent.
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

    /// Returns the number of deliveries so far.
    pub(crate) fn counted(&self) -> usize {
        self.counted
    }

    /// Returns the finished deliveries, then the others.
    pub(crate) fn all(&self) -> Vec<Delivery> {
        self.ended.iter().chain(&self.sending).chain(self.waiting.values()).cloned().collect()
    }

    /// Returns the delivery that finished after `after` others.
    pub(crate) fn ended(&self, after: usize) -> Option<&Delivery> {
        self.ended.get(after)
    }

    pub(crate) fn put_again(&mut self, delivery: Delivery) {
        self.waiting.insert((delivery.due, self.counted), delivery);
        self.counted += 1;
    }

    /// Removes and returns the earliest delivery if it is due at `now`.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Delivery> {
        let first = self.waiting.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    /// Marks a delivery as being sent.
    pub(crate) fn begin(&mut self, delivery: &Delivery) {
        self.sending = Some(delivery.clone());
    }

    /// Records that the delivery that was being sent has finished.
    pub(crate) fn end(&mut self, delivery: Delivery) {
        self.sending = None;
        self.ended.push(delivery);
    }

    /// Returns when the earliest waiting delivery is due.
    pub(crate) fn first_due(&self) -> Option<Timestamp> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }
}
