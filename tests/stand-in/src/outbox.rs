//! Webhook deliveries, in order of time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

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

    pub(crate) fn put_again(&mut self, delivery: Delivery) {
        self.waiting.insert((delivery.due, self.counted), delivery);
        self.counted += 1;
    }

    /// Takes out the one that is due first, if it is due by then.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Delivery> {
        let first = self.waiting.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    /// Shows it as the one on its way.
    pub(crate) fn begin(&mut self, delivery: &Delivery) {
        self.sending = Some(delivery.clone());
    }

    /// Takes in the one that was on its way.
    pub(crate) fn end(&mut self, delivery: Delivery) {
        self.sending = None;
        self.ended.push(delivery);
    }

    /// When the first that waits is due.
    pub(crate) fn first_due(&self) -> Option<Timestamp> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }
}
