//! Fides' API, as far as the steps use it.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use xtask::fides_template::{Ending, Protocol, Variant};

use crate::programs::{
    client::{Client, agent, read},
    document::{list, text},
    setup::DATA_USE,
};

/// Fides' name of the policy for erasures.
const ERASURE: &str = "erasure";
/// Fides' name of the policy for consent.
const CONSENT: &str = "consent";

/// A connection of Fides.
pub(super) struct Instance {
    key: &'static str,
    pub(super) variant: Variant,
}

/// The connection whose erasures Fides polls.
pub(super) const POLLING: Instance = Instance {
    key: "newsletter",
    variant: Variant { protocol: Protocol::PlainHttp, ending: Ending::Polled },
};
/// The connection for whose erasures the service calls Fides back.
pub(super) const CALLED_BACK: Instance = Instance {
    key: "newsletter_callback",
    variant: Variant { protocol: Protocol::PlainHttp, ending: Ending::CalledBack },
};

/// A client of Fides' API with all of Fides' scopes.
pub(super) struct Api {
    pub(super) client: Client,
}

/// Whether a person is in or out.
#[derive(Clone, Copy)]
pub(super) enum Choice {
    OptIn,
    OptOut,
}

impl Api {
    /// Gets a token for a client of Fides.
    pub(super) fn connect(address: &str, client: &str, secret: &str) -> Result<Self> {
        let form = [("client_id", client), ("client_secret", secret), ("grant_type", "client_credentials")];
        let answer = agent().post(format!("{address}/api/v1/oauth/token")).send_form(form)?;
        let answer = read("POST /api/v1/oauth/token", answer)?;
        let token = text(&answer, "/access_token")?;
        Ok(Self { client: Client::new(address.to_owned(), token) })
    }

    /// Registers a connector template, as a zip.
    pub(super) fn register(&self, variant: Variant) -> Result<()> {
        let zip = std::fs::read(variant.write()?)?;
        self.client.post_zip("/api/v1/connector-templates/register", zip)?;
        Ok(())
    }

    /// Creates a connection from its template.
    pub(super) fn instantiate(&self, instance: &Instance, secrets: &Value) -> Result<()> {
        let (key, kind) = (instance.key, instance.variant.connector_type());
        let body = json!({ "instance_key": key, "key": key, "name": key, "description": "Connector host",
            "secrets": secrets });
        self.client.post(&format!("/api/v1/connection/instantiate/{kind}"), &body)?;
        Ok(())
    }

    /// Leaves a connection out of privacy requests from now on.
    pub(super) fn disable(&self, instance: &Instance) -> Result<()> {
        let key = instance.key;
        let connection = json!([{ "key": key, "name": key, "connection_type": "saas", "access": "write",
            "disabled": true }]);
        self.accepted(&self.client.patch("/api/v1/connection", &connection)?)
    }

    /// Changes what consent is about.
    pub(super) fn set_target(&self, instance: &Instance, target: &str) -> Result<()> {
        let path = format!("/api/v1/connection/{}/secret?verify=false", instance.key);
        self.client.patch(&path, &json!({ "target": target }))?;
        Ok(())
    }

    /// Tests a connection. Returns the status and the message that Fides shows.
    pub(super) fn test(&self, instance: &Instance) -> Result<(String, String)> {
        let tested = self.client.get(&format!("/api/v1/connection/{}/test", instance.key))?;
        let reason = tested.pointer("/failure_reason").and_then(Value::as_str).unwrap_or_default();
        Ok((text(&tested, "/test_status")?.to_owned(), reason.to_owned()))
    }

    /// Creates the policies for erasures and for consent.
    pub(super) fn create_policies(&self) -> Result<()> {
        for policy in [ERASURE, CONSENT] {
            let path = "/api/v1/dsr/policy";
            self.accepted(&self.client.patch(path, &json!([{ "name": policy, "key": policy }]))?)?;
            let masking =
                (policy == ERASURE).then(|| json!({ "strategy": "null_rewrite", "configuration": {} }));
            let rule =
                json!({ "name": policy, "key": policy, "action_type": policy, "masking_strategy": masking });
            let path = format!("{path}/{policy}/rule");
            self.accepted(&self.client.patch(&path, &json!([rule]))?)?;
        }
        // The data category decides which collections are erased.
        let target = json!([{ "name": "person", "key": "person", "data_category": "user" }]);
        let path = format!("/api/v1/dsr/policy/{ERASURE}/rule/{ERASURE}/target");
        self.accepted(&self.client.patch(&path, &target)?)
    }

    /// Submits an erasure. Returns the id of the privacy request.
    pub(super) fn erase(&self, email: &str) -> Result<String> {
        self.submit(&json!({ "policy_key": ERASURE, "identity": { "email": email } }))
    }

    /// Submits a consent. Returns the id of the privacy request.
    pub(super) fn consent(&self, email: &str, choice: Choice) -> Result<String> {
        let opt_in = matches!(choice, Choice::OptIn);
        let preferences = json!([{ "data_use": DATA_USE, "opt_in": opt_in }]);
        self.submit(&json!({ "policy_key": CONSENT, "identity": { "email": email },
            "consent_preferences": preferences }))
    }

    fn submit(&self, request: &Value) -> Result<String> {
        let taken = self.client.post("/api/v1/privacy-request/authenticated", &json!([request]))?;
        Ok(text(&taken, "/succeeded/0/id").with_context(|| format!("refused: {taken}"))?.to_owned())
    }

    /// Retries a privacy request that ended with an error.
    pub(super) fn retry(&self, id: &str) -> Result<()> {
        self.client.post(&format!("/api/v1/privacy-request/{id}/retry"), &json!({}))?;
        Ok(())
    }

    /// Returns the status of a privacy request once it is `wanted`. Fails if it ends with another.
    pub(super) fn until(&self, id: &str, wanted: &str) -> Result<()> {
        let path = format!("/api/v1/privacy-request?request_id={id}");
        let status = |page: &Value| text(page, "/items/0/status").map(str::to_owned).unwrap_or_default();
        let ended = ["complete", "error", "denied", "canceled"];
        let page = self.client.once(&path, |page| {
            let status = status(page);
            status == wanted || ended.contains(&status.as_str())
        })?;
        let found = status(&page);
        ensure!(found == wanted, "Fides has {found} for {id}, expected {wanted}: {}", self.last_message(id)?);
        Ok(())
    }

    /// Returns how often Fides has logged that it waits for the next poll of a privacy request.
    pub(super) fn polls(&self, id: &str) -> Result<usize> {
        let logs = self.logs(id)?;
        let waits = list(&logs, "/items")?.iter().filter(|line| says_that_it_waits(line));
        Ok(waits.count())
    }

    /// Returns whether Fides' task for the collection of the template has a status.
    pub(super) fn is_task(&self, id: &str, status: &str) -> Result<bool> {
        let tasks = self.client.get(&format!("/api/v1/privacy-request/{id}/tasks"))?;
        let is = |task: &Value, pointer, wanted: &str| text(task, pointer).is_ok_and(|found| found == wanted);
        let ours = |task: &&Value| {
            let at = text(task, "/collection_address").is_ok_and(|address| address.ends_with(":person"));
            at && is(task, "/action_type", "erasure")
        };
        let tasks = tasks.as_array().context("no list of tasks")?;
        Ok(tasks.iter().find(ours).is_some_and(|task| is(task, "/status", status)))
    }

    /// Returns the last message that Fides logged about a connection.
    pub(super) fn last_message(&self, id: &str) -> Result<String> {
        let logs = self.logs(id)?;
        let lines = list(&logs, "/items")?;
        let about_us = lines.iter().rev().find(|line| text(line, "/connection_key").is_ok());
        match about_us.and_then(|line| text(line, "/message").ok()) {
            Some(message) => Ok(message.to_owned()),
            None => bail!("Fides has logged nothing about the connection in {logs}"),
        }
    }

    /// Returns what a step prints about a privacy request: its status, and Fides' last message.
    pub(super) fn shows(&self, id: &str, status: &str) -> Result<String> {
        Ok(format!("Fides: {status} ({})", self.last_message(id)?))
    }

    fn logs(&self, id: &str) -> Result<Value> {
        self.client.get(&format!("/api/v1/privacy-request/{id}/log?size=100"))
    }

    /// Returns the choice that Fides has stored for a person. It answers 404 for a person without one.
    pub(super) fn stored_choice(&self, email: &str) -> Option<bool> {
        let path = "/api/v1/consent-request/preferences";
        let stored = self.client.post(path, &json!({ "email": email })).ok()?;
        let about = |consent: &&Value| text(consent, "/data_use").is_ok_and(|it| it == DATA_USE);
        let consents = stored.pointer("/consent").and_then(Value::as_array);
        consents?.iter().find(about)?.pointer("/opt_in")?.as_bool()
    }

    /// Fails if an answer to a bulk request names something that failed.
    fn accepted(&self, answer: &Value) -> Result<()> {
        let failed = list(answer, "/failed")?;
        ensure!(failed.is_empty(), "{} refused {failed:?}", self.client.address);
        Ok(())
    }
}

fn says_that_it_waits(line: &Value) -> bool {
    text(line, "/message").is_ok_and(|message| message.starts_with("Waiting for next scheduled check"))
}
