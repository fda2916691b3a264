//! A stand-in and a client for it.

use std::sync::Arc;
use std::time::Duration;

use iterable_stand_in::{ForgetDelay, ProjectType, RateLimits, ReadLag, StandIn, Switches, TokenDelay};
use reqwest::Method;
use rustls::crypto::ring::default_provider;
use serde_json::Value;

/// `{"msg":"","code":"Success","params":null}`, as recorded.
pub(crate) const SUCCESS: &str = r#"{"msg":"","code":"Success","params":null}"#;

/// Returns switches without delays and limits, for tests of other behaviour.
pub(crate) fn prompt() -> Switches {
    Switches {
        read_lag: ReadLag::None,
        forget_delay: ForgetDelay::None,
        token_delay: TokenDelay::None,
        rate_limits: RateLimits::Off,
        ..Switches::default()
    }
}

pub(crate) struct Service {
    pub(crate) stand_in: StandIn,
    pub(crate) client: reqwest::Client,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Returns status and body, for exact comparisons.
    pub(crate) fn said(&self) -> (u16, &str) {
        (self.status, &self.text)
    }
}

pub(crate) fn client() -> reqwest::Client {
    let roots = rustls::RootCertStore::empty();
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

impl Service {
    pub(crate) async fn start(project: ProjectType, switches: Switches) -> Self {
        let stand_in = StandIn::builder().project(project).switches(switches).start().await.unwrap();
        Self { stand_in, client: client() }
    }

    /// Sends a request with the standard key.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.send_with(self.stand_in.api_key(), (method, path), body).await
    }

    pub(crate) async fn send_with(
        &self,
        key: &str,
        (method, path): (Method, &str),
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.client.request(method, self.stand_in.url() + path).header("Api-Key", key);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Answer {
            status: answer.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("retry-after"),
            date: header("date"),
            text: answer.text().await.unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(&body)).await
    }
}
