//! Posts alarms, consent events and the ends of requests, to addresses that the operator configured or allowed for an API
//! key.
//!
//! This is separate from the connectors' egress: nothing that a guest or a vendor says decides where these posts go.

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use hmac::{Hmac, Mac};
use http::{
    HeaderMap, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::sending_right::SendingRight;
use host_harness::egress::{Reach, client, refused_address, retry_after::retry_after, vetted_client};
use host_model::{backoff::backoff, secret::Secret};

/// Standard Webhooks recommends 15 to 30 seconds.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Far more than a platform answers with, in bytes.
const MAX_ANSWER: usize = 64 << 10;
/// The upper bound of the first wait, doubled with each failure in a row.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// Similar to the last steps of the schedule in Standard Webhooks, which are several hours.
const MAX_BACKOFF: Duration = Duration::from_hours(6);

/// The client for all posts. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Poster {
    client: reqwest::Client,
    /// A replica whose work others have taken over must not post what they have posted since.
    sending_right: SendingRight,
}

/// A message to post.
pub(crate) struct Message {
    /// The unique id of the message, the same for each attempt to post it.
    pub(crate) id: String,
    /// The body, in JSON.
    pub(crate) body: Vec<u8>,
    /// The key that signs it; `None` if it is not signed.
    pub(crate) signed_by: Option<SigningKey>,
    /// The receiver's own token; `None` if it has none.
    pub(crate) bearer: Option<Secret>,
}

/// The reason that a message was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct PostError {
    /// The reason, for an operator. Does not contain the address.
    pub(crate) why: String,
    /// The status that the receiver answered with; `None` if it did not answer.
    pub(crate) status: Option<u16>,
    /// How long the receiver asked to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl PostError {
    /// Creates the error of a post without a usable answer.
    pub(crate) fn without_answer(why: impl Into<String>) -> Self {
        Self { why: why.into(), status: None, retry_after: None }
    }
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the client for alarms, events and callbacks: {0}")]
pub struct NoClient(String);

impl Poster {
    /// Creates a client that trusts the public authorities.
    pub(crate) fn new(sending_right: SendingRight) -> Result<Self, NoClient> {
        Self::built(client(&[]), sending_right)
    }

    /// Creates a client for addresses that the operator did not configure: it connects only to those within `reach`.
    pub(crate) fn vetted(reach: Reach, sending_right: SendingRight) -> Result<Self, NoClient> {
        Self::built(vetted_client(&[], reach), sending_right)
    }

    fn built(
        builder: Result<reqwest::ClientBuilder, impl Display>,
        sending_right: SendingRight,
    ) -> Result<Self, NoClient> {
        builder
            .map_err(|error| NoClient(error.to_string()))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .build()
            .map(|client| Self { client, sending_right })
            .map_err(|error| NoClient(error.to_string()))
    }

    /// Posts `message` to `url` once. Only a status from 200 to 299 counts as accepted.
    pub(crate) async fn post(&self, url: &str, message: Message, now: SystemTime) -> Result<(), PostError> {
        let request = self.client.post(url).headers(headers(&message, now)?).body(message.body);
        self.sent(request, now).await.map(drop)
    }

    /// Exchanges JSON with the platform: sends `body`, if there is one, and returns the answer.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        now: SystemTime,
    ) -> Result<Value, PostError> {
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let mut answer = self.sent(request, now).await?;
        let mut read = Vec::new();
        let unread = PostError::without_answer;
        while let Some(piece) =
            answer.chunk().await.map_err(|_| unread("the connection to the receiver broke"))?
        {
            if read.len() + piece.len() > MAX_ANSWER {
                return Err(unread("the answer of the receiver is too long"));
            }
            read.extend_from_slice(&piece);
        }
        serde_json::from_slice(&read).map_err(|_| unread("the receiver did not answer with JSON"))
    }

    async fn sent(
        &self,
        request: reqwest::RequestBuilder,
        now: SystemTime,
    ) -> Result<reqwest::Response, PostError> {
        let lost = || PostError::without_answer("this replica has lost touch with its database");
        if !self.sending_right.may_send() {
            return Err(lost());
        }
        let answer = tokio::select! {
            biased;
            () = self.sending_right.ended() => return Err(lost()),
            answer = request.send() => answer,
        };
        let answer = answer.map_err(|error| {
            let why = if let Some(refused) = refused_address(&error) {
                refused
            } else if error.is_timeout() {
                "the receiver did not answer in time".to_owned()
            } else if error.is_connect() {
                "no connection to the receiver".to_owned()
            } else {
                "the connection to the receiver broke".to_owned()
            };
            PostError::without_answer(why)
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(PostError {
            why: format!("the receiver answered {}", answer.status().as_u16()),
            status: Some(answer.status().as_u16()),
            retry_after: retry_after(answer.headers(), now),
        })
    }
}

fn headers(message: &Message, now: SystemTime) -> Result<HeaderMap, PostError> {
    let seconds = host_model::time::milliseconds(now) / 1_000;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut add = |name: &'static str, value: String| {
        let value = HeaderValue::try_from(value)
            .map_err(|_| PostError::without_answer(format!("{name} cannot be sent")))?;
        headers.insert(name, value);
        Ok(())
    };
    add("webhook-id", message.id.clone())?;
    add("webhook-timestamp", seconds.to_string())?;
    if let Some(key) = &message.signed_by {
        add("webhook-signature", key.sign(&message.id, seconds, &message.body))?;
    }
    if let Some(token) = &message.bearer {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| PostError::without_answer("the token cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// Returns how long to wait after the `failures`-th failure in a row.
pub(crate) fn wait_after(failures: u32, asked: Option<Duration>) -> Duration {
    let wait = backoff(FIRST_BACKOFF, MAX_BACKOFF, failures.saturating_sub(1));
    wait.max(asked.unwrap_or_default()).min(MAX_BACKOFF)
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[signing key]")
    }
}

/// A key that signs as Standard Webhooks 1.0.0 specifies (`v1`): HMAC-SHA-256 over id, timestamp and body.
#[derive(Clone)]
pub(crate) struct SigningKey(Arc<Zeroizing<Vec<u8>>>);

/// The text is not a signing secret. The error does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a signing secret is `whsec_` followed by 24 to 64 bytes in base64 (Standard Webhooks); \
         `openssl rand -base64 32` generates the bytes"
)]
pub struct NotASigningSecret;

impl SigningKey {
    /// Decodes the key in `secret`.
    pub(crate) fn read(secret: &Secret) -> Result<Self, NotASigningSecret> {
        let text = secret.expose().strip_prefix("whsec_").unwrap_or(secret.expose()).trim_end_matches('=');
        let key = STANDARD_NO_PAD.decode(text).map_err(|_| NotASigningSecret)?;
        if !(24..=64).contains(&key.len()) {
            return Err(NotASigningSecret);
        }
        Ok(Self(Arc::new(Zeroizing::new(key))))
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        // HMAC accepts a key of any length.
        let Ok(mac) = <Hmac<Sha256> as Mac>::new_from_slice(&self.0) else { return String::new() };
        let signed = [format!("{id}.{seconds}.").as_bytes(), body].concat();
        format!("v1,{}", STANDARD.encode(mac.chain_update(signed).finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use axum::{Router, http::StatusCode, routing::post};

    use super::*;

    fn key(text: &str) -> Result<SigningKey, NotASigningSecret> {
        SigningKey::read(&Secret::new(text).unwrap())
    }

    #[test]
    fn the_signature_is_that_of_the_specifications_example() {
        let signed = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_short_or_misspelt_secret_is_refused() {
        for text in ["whsec_c2hvcnQ=", "whsec_not base64!", "whsec_"] {
            assert_eq!(key(text).err(), Some(NotASigningSecret), "{text}");
        }
    }

    #[test]
    fn waits_double_up_to_six_hours_and_are_never_shorter_than_asked() {
        let seconds = |failures, asked| wait_after(failures, asked).as_secs();
        assert_eq!([seconds(1, None), seconds(2, None), seconds(30, None)], [5, 10, 21_600]);
        assert_eq!(seconds(1, Some(Duration::from_mins(1))), 60);
    }

    #[tokio::test]
    async fn a_vetted_post_to_a_name_that_leads_to_this_machine_connects_to_nothing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let message = Message { id: "m-1".into(), body: b"{}".to_vec(), signed_by: None, bearer: None };
        let poster = Poster::vetted(Reach::Public, SendingRight::Alone).unwrap();
        let refused = poster.post(&url, message, UNIX_EPOCH).await.unwrap_err();
        assert!(refused.why.ends_with(" is not allowed (loopback)"), "{refused}");
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn only_a_success_counts_as_taken_and_a_redirect_is_not_followed() {
        let answer = |status: u16| async move {
            (StatusCode::from_u16(status).unwrap(), [("retry-after", "7"), ("location", "/200")])
        };
        let app = Router::new()
            .route("/200", post(move || answer(200)))
            .route("/302", post(move || answer(302)))
            .route("/503", post(move || answer(503)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let poster = Poster::new(SendingRight::Alone).unwrap();
        let answer_of = async |url: String| {
            let message = Message { id: "m-1".into(), body: b"{}".to_vec(), signed_by: None, bearer: None };
            poster.post(&url, message, UNIX_EPOCH).await.map_err(|error| (error.why, error.retry_after))
        };
        assert_eq!(answer_of(format!("http://{address}/200")).await, Ok(()));
        for status in [302, 503] {
            let why = format!("the receiver answered {status}");
            assert_eq!(
                answer_of(format!("http://{address}/{status}")).await,
                Err((why, Some(Duration::from_secs(7))))
            );
        }
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(
            answer_of(format!("http://{nobody}/")).await,
            Err(("no connection to the receiver".into(), None))
        );
    }
}
