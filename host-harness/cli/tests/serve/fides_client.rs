//! A client that calls the service as Fides 2.78.2 does: it reads the template that ships, fills in its placeholders as
//! Fides' `assign_placeholders` does, and draws the conclusions that Fides draws from status codes.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

/// Fides with the template's connection.
pub(super) struct Fides {
    template: Value,
    /// The connection's secrets.
    secrets: BTreeMap<&'static str, String>,
    base: String,
    http: reqwest::Client,
}

/// What Fides concludes from an answer: anything but a success is an error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestFailed {
    pub(super) status: u16,
    pub(super) detail: String,
}

/// What Fides concludes from a poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Poll {
    NotReady,
    Complete,
}

/// A privacy request of Fides: its id and its identities.
pub(super) struct PrivacyRequest<'a> {
    pub(super) id: &'a str,
    pub(super) identities: &'a [(&'a str, &'a str)],
}

impl Fides {
    /// Fides with these secrets for a service at `address`.
    pub(super) fn new(address: &str, secrets: &[(&'static str, &str)]) -> Self {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/fides/connector_host/config.yml");
        let text = std::fs::read_to_string(file).unwrap().replace("<instance_fides_key>", "host_newsletter");
        let template: Value = serde_saphyr::from_str(&text).unwrap();
        let template = template["saas_config"].clone();
        let mut all = BTreeMap::new();
        for parameter in template["connector_params"].as_array().unwrap() {
            if let Some(default) = parameter["default_value"].as_str() {
                all.insert(&*parameter["name"].as_str().unwrap().to_owned().leak(), default.to_owned());
            }
        }
        all.extend(secrets.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let http = host_harness::egress::client(&[]).unwrap().build().unwrap();
        Self { template, secrets: all, base: format!("http://{address}"), http }
    }

    /// Tests the connection.
    pub(super) async fn test(&self) -> Result<(), RequestFailed> {
        self.send(&self.template["test_request"], &self.secrets()).await.map(drop)
    }

    /// Sends an erasure. Returns the id that it polls for.
    pub(super) async fn erase(&self, request: &PrivacyRequest<'_>) -> Result<String, RequestFailed> {
        let sent = &self.template["endpoints"][0]["requests"]["delete"];
        let answer = self.send(sent, &self.values(sent, request)).await?;
        Ok(answer[sent["correlation_id_path"].as_str().unwrap()].as_str().unwrap().to_owned())
    }

    /// Polls for the end of an erasure.
    pub(super) async fn poll(&self, id: &str) -> Result<Poll, RequestFailed> {
        let delete = &self.template["endpoints"][0]["requests"]["delete"];
        let status = &delete["async_config"]["configuration"]["status_request"];
        let mut values = self.secrets();
        values.insert("correlation_id".to_owned(), Some(id.to_owned()));
        let answer = self.send(status, &values).await?;
        let found = &answer[status["status_path"].as_str().unwrap()];
        Ok(if *found == status["status_completed_value"] { Poll::Complete } else { Poll::NotReady })
    }

    /// Sends the person's choice, `opt_in` or `opt_out`.
    pub(super) async fn consent(
        &self,
        choice: &str,
        request: &PrivacyRequest<'_>,
    ) -> Result<(), RequestFailed> {
        for sent in self.template["consent_requests"][choice].as_array().unwrap() {
            self.send(sent, &self.values(sent, request)).await?;
        }
        Ok(())
    }

    fn secrets(&self) -> BTreeMap<String, Option<String>> {
        self.secrets.iter().map(|(name, value)| ((*name).to_owned(), Some(value.clone()))).collect()
    }

    /// The values of the placeholders of a request: its parameters, the identities that the person has, and the id.
    fn values(&self, sent: &Value, request: &PrivacyRequest<'_>) -> BTreeMap<String, Option<String>> {
        let mut values = BTreeMap::from([("privacy_request_id".to_owned(), Some(request.id.to_owned()))]);
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

    async fn send(
        &self,
        sent: &Value,
        values: &BTreeMap<String, Option<String>>,
    ) -> Result<Value, RequestFailed> {
        let all: BTreeMap<String, Option<String>> =
            self.secrets().into_iter().chain(values.clone()).collect();
        let path = filled(sent["path"].as_str().unwrap(), &all).expect("Fides cannot fill in the path");
        let method: reqwest::Method = sent["method"].as_str().unwrap().parse().unwrap();
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base)).unwrap();
        url.query_pairs_mut().extend_pairs(named(&sent["query_params"], &all));
        let mut request = self.http.request(method, url);
        // A header or a parameter whose placeholder has no value is left out, a body makes the request fail.
        for (name, value) in named(&sent["headers"], &all) {
            request = request.header(name, value);
        }
        if let Some(body) = sent["body"].as_str() {
            let body = filled(body, &all).expect("Fides cannot fill in the body");
            let body: Value = serde_json::from_str(&body).expect("Fides sends JSON");
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let authentication = &self.template["client_config"]["authentication"];
        assert_eq!(authentication["strategy"], "bearer");
        let token = authentication["configuration"]["token"].as_str().unwrap();
        let answer = request.bearer_auth(filled(token, &all).unwrap()).send().await.unwrap();
        let status = answer.status().as_u16();
        let document: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        if status < 400 {
            return Ok(document);
        }
        let detail = document["detail"].as_str().unwrap_or_default().to_owned();
        Err(RequestFailed { status, detail })
    }
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
