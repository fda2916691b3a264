//! A vendor that records what it receives and answers from a list, then with `200 {}`.

use std::collections::VecDeque;

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::{
    connection::Connection,
    egress::{Outgoing, Transport, VendorResponse},
};
use host_model::contract::http::HttpError;

#[derive(Default)]
pub(super) struct Vendor {
    sent: Mutex<Vec<Sent>>,
    answers: Mutex<VecDeque<VendorResponse>>,
}

/// A request as it would be on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
}

impl Sent {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Vendor {
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().clone()
    }

    pub(super) fn answers(&self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let answer = VendorResponse { status, headers, body: body.into() };
        self.answers.lock().push_back(answer);
    }
}

impl Transport for Vendor {
    fn send<'a>(
        &'a self,
        _: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        let sent = Sent {
            line: format!("{} {}{}", outgoing.method, outgoing.target, outgoing.path_and_query),
            headers: outgoing
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: outgoing.body.map(|body| String::from_utf8(body.to_vec()).unwrap()),
        };
        self.sent.lock().push(sent);
        let answer = self.answers.lock().pop_front();
        let usual = VendorResponse { status: 200, body: b"{}".to_vec(), ..Default::default() };
        Box::pin(std::future::ready(Ok(answer.unwrap_or(usual))))
    }
}
