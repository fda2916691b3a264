//! A client that calls the service as Fides 2.78.2 does: it reads the template that ships, fills in its placeholders as
//! Fides' `assign_placeholders` does, repeats what Fides repeats, and draws the conclusions that Fides draws from status
//! codes.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;
use tokio::{sync::Notify, time::timeout};
use xtask::fides_template::{Ending, Protocol, Variant};

/// The statuses that Fides repeats.
const REPEATED: [u16; 4] = [429, 502, 503, 504];
/// How often Fides repeats a request.
const MAX_REPEATS: u32 = 3;
/// The longest wait that an answer may ask of Fides.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Fides with the template's connection.
pub(crate) struct Fides {
    template: Value,
    /// The connection's secrets.
    secrets: BTreeMap<&'static str, String>,
    base: String,
    http: reqwest::Client,
    /// How long Fides waits before each of its repeats, as far as they have begun.
    pub(crate) waits: Mutex<Vec<Duration>>,
    /// Ends the wait under way: a test does not wait for as long as Fides.
    pub(crate) wait_is_over: Notify,
}

/// An answer that Fides takes for a success.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Taken {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

/// What Fides concludes from any other answer, and from a connection that breaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestFailed {
    /// `None` if there was no answer.
    pub(crate) status: Option<u16>,
    pub(crate) detail: String,
}

/// What Fides concludes from a poll.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    NotReady,
    Complete,
}

/// A privacy request of Fides: its id and its identities.
pub(crate) struct PrivacyRequest<'a> {
    pub(crate) id: &'a str,
    pub(crate) identities: &'a [(&'a str, &'a str)],
}

impl Fides {
    /// Fides with these secrets for a service at `address`, and the template's variant for `ending`.
    pub(crate) fn new(ending: Ending, address: &str, secrets: &[(&'static str, &str)]) -> Self {
        let config = Variant { protocol: Protocol::Https, ending }.config().unwrap();
        let text = config.replace("<instance_fides_key>", "host_newsletter");
        let template: Value = serde_saphyr::from_str(&text).unwrap();
        let template = template["saas_config"].clone();
        let mut all = BTreeMap::new();
        for parameter in template["connector_params"].as_array().unwrap() {
            if let Some(default) = parameter["default_value"].as_str() {
                all.insert(&*parameter["name"].as_str().unwrap().to_owned().leak(), default.to_owned());
            }
        }
        all.extend(secrets.iter().map(|(name, value)| (*name, (*value).to_owned())));
        // Fides opens a connection for each request.
        let http = host_harness::egress::client(&[]).unwrap().pool_max_idle_per_host(0).build().unwrap();
        let base = format!("http://{address}");
        Self { template, secrets: all, base, http, waits: Mutex::default(), wait_is_over: Notify::new() }
    }

    /// Tests the connection.
    pub(crate) async fn test(&self) -> Result<(), RequestFailed> {
        self.send(&self.template["test_request"], &self.secrets()).await.map(drop)
    }

    /// Sends an erasure. Returns its id at the service, which Fides keeps if it polls.
    pub(crate) async fn erase(&self, request: &PrivacyRequest<'_>) -> Result<String, RequestFailed> {
        let sent = &self.template["endpoints"][0]["requests"]["delete"];
        let taken = self.send(sent, &self.values(sent, request)).await?;
        let kept = sent["correlation_id_path"].as_str().unwrap_or("id");
        Ok(taken.json[kept].as_str().unwrap().to_owned())
    }

    /// Polls for the end of an erasure, which is also all that Fides' retry of one does.
    pub(crate) async fn poll(&self, id: &str) -> Result<Poll, RequestFailed> {
        let delete = &self.template["endpoints"][0]["requests"]["delete"];
        let status = &delete["async_config"]["configuration"]["status_request"];
        let mut values = self.secrets();
        values.insert("correlation_id".to_owned(), Some(id.to_owned()));
        let taken = self.send(status, &values).await?;
        let found = &taken.json[status["status_path"].as_str().unwrap()];
        Ok(if *found == status["status_completed_value"] { Poll::Complete } else { Poll::NotReady })
    }

    /// Sends the person's choice, `opt_in` or `opt_out`.
    pub(crate) async fn consent(
        &self,
        choice: &str,
        request: &PrivacyRequest<'_>,
    ) -> Result<Taken, RequestFailed> {
        let sent = &self.template["consent_requests"][choice];
        assert_eq!(sent.as_array().unwrap().len(), 1, "one request for each choice");
        self.send(&sent[0], &self.values(&sent[0], request)).await
    }

    fn secrets(&self) -> BTreeMap<String, Option<String>> {
        self.secrets.iter().map(|(name, value)| ((*name).to_owned(), Some(value.clone()))).collect()
    }

    /// The values of the placeholders of a request: its parameters, the identities that the person has, the id, and the
    /// token of the task that awaits the end.
    fn values(&self, sent: &Value, request: &PrivacyRequest<'_>) -> BTreeMap<String, Option<String>> {
        let mut values = BTreeMap::from([
            ("privacy_request_id".to_owned(), Some(request.id.to_owned())),
            ("reply_to_token".to_owned(), Some(format!("token-of-{}", request.id))),
        ]);
        for value in sent["param_values"].as_array().unwrap() {
            let name = value["name"].as_str().unwrap().to_owned();
            let found = match (value["identity"].as_str(), value["connector_param"].as_str()) {
                (Some(kind), _) => {
                    let identity = request.identities.iter().find(|(known, _)| *known == kind);
                    identity.map(|(_, value)| (*value).to_owned())
                }
                (None, Some(parameter)) => self.secrets.get(parameter).cloned(),
                (None, None) => None,
            };
            values.insert(name, found);
        }
        values
    }

    /// Sends a request until it is answered with a status that Fides does not repeat, or has been repeated three times.
    async fn send(
        &self,
        sent: &Value,
        values: &BTreeMap<String, Option<String>>,
    ) -> Result<Taken, RequestFailed> {
        let all: BTreeMap<String, Option<String>> =
            self.secrets().into_iter().chain(values.clone()).collect();
        let mut repeats = 0;
        loop {
            // A connection that breaks is an error at once.
            let broken = |error: reqwest::Error| RequestFailed { status: None, detail: error.to_string() };
            let answer = self.request(sent, &all).send().await.map_err(broken)?;
            let status = answer.status().as_u16();
            if REPEATED.contains(&status) && repeats < MAX_REPEATS {
                repeats += 1;
                self.wait(wait_before(repeats, &answer)).await;
                continue;
            }
            let content_type = answer.headers().get(CONTENT_TYPE).cloned();
            let json: Value = serde_json::from_slice(&answer.bytes().await.map_err(broken)?).unwrap();
            if status < 400 {
                assert_eq!(content_type.unwrap(), "application/json", "Fides reads no body of another type");
                return Ok(Taken { status, json });
            }
            let detail = json["detail"].as_str().unwrap_or_default().to_owned();
            return Err(RequestFailed { status: Some(status), detail });
        }
    }

    async fn wait(&self, wait: Duration) {
        self.waits.lock().push(wait);
        let over = timeout(Duration::from_mins(1), self.wait_is_over.notified()).await;
        over.expect("the test ends Fides' wait");
    }

    fn request(&self, sent: &Value, values: &BTreeMap<String, Option<String>>) -> reqwest::RequestBuilder {
        let path = filled(sent["path"].as_str().unwrap(), values).expect("Fides cannot fill in the path");
        let method: reqwest::Method = sent["method"].as_str().unwrap().parse().unwrap();
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base)).unwrap();
        url.query_pairs_mut().extend_pairs(named(&sent["query_params"], values));
        let mut request = self.http.request(method, url);
        // A header or a parameter whose placeholder has no value is left out, a body makes the request fail.
        for (name, value) in named(&sent["headers"], values) {
            request = request.header(name, value);
        }
        if let Some(body) = sent["body"].as_str() {
            let body = filled(body, values).expect("Fides cannot fill in the body");
            let body: Value = serde_json::from_str(&body).expect("Fides sends JSON");
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let authentication = &self.template["client_config"]["authentication"];
        assert_eq!(authentication["strategy"], "bearer");
        let token = authentication["configuration"]["token"].as_str().unwrap();
        request.bearer_auth(filled(token, values).unwrap())
    }
}

/// Returns how long Fides waits before the `repeat`-th repeat: as long as `answer` asks, or 2, 4 and 8 seconds.
fn wait_before(repeat: u32, answer: &reqwest::Response) -> Duration {
    let asked = answer.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().parse().unwrap());
    let own = || Duration::from_secs(2).saturating_mul(1 << (repeat - 1));
    asked.map_or_else(own, |seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

fn named(list: &Value, values: &BTreeMap<String, Option<String>>) -> Vec<(String, String)> {
    let entry =
        |entry: &Value| Some((entry["name"].as_str()?.to_owned(), filled(entry["value"].as_str()?, values)?));
    list.as_array().into_iter().flatten().filter_map(entry).collect()
}

/// Replaces the placeholders in `text`. `"<name?>"` without a value becomes `null`; any other one without a value makes
/// the result `None`.
fn filled(text: &str, values: &BTreeMap<String, Option<String>>) -> Option<String> {
    let mut text = text.to_owned();
    let placeholders: Vec<String> =
        text.split('<').skip(1).filter_map(|rest| Some(rest.split_once('>')?.0.to_owned())).collect();
    for placeholder in placeholders {
        let name = placeholder.trim_end_matches('?');
        match values.get(name).cloned().flatten() {
            Some(value) => text = text.replace(&format!("<{placeholder}>"), &value),
            None if placeholder.ends_with('?') => {
                text = text.replace(&format!("\"<{placeholder}>\""), "null");
            }
            None => return None,
        }
    }
    Some(text)
}
