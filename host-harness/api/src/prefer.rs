//! What a client prefers about the answer: the header `Prefer` of RFC 7240.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, request::Parts},
    response::Response,
};
use host_service::requests::wait::MAX_WAIT;

/// When the caller prefers the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promptness {
    /// Once everything is done.
    AtEnd,
    /// At once, before the end: `respond-async`.
    AtOnce,
}

/// The preferences of a request. Others, and those that cannot be read, are ignored, as RFC 7240 says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PreferHeader {
    /// Whether the end is waited for.
    pub(crate) promptness: Promptness,
    /// How long the client wants to wait.
    pub(crate) wait: Option<Duration>,
}

impl<S: Sync> FromRequestParts<S> for PreferHeader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl PreferHeader {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let preferences: Vec<_> = values
            .flat_map(|value| value.split(','))
            .filter_map(|preference| preference.split(';').next().map(str::trim))
            .collect();
        let is_async = preferences.iter().any(|one| one.eq_ignore_ascii_case("respond-async"));
        let mut waits = preferences.iter().filter_map(|preference| {
            let (name, value) = preference.split_once('=')?;
            let seconds = value.trim().trim_matches('"').parse().ok()?;
            name.trim().eq_ignore_ascii_case("wait").then_some(seconds)
        });
        Self {
            promptness: if is_async { Promptness::AtOnce } else { Promptness::AtEnd },
            wait: waits.next().map(Duration::from_secs),
        }
    }
}

/// Says in the answer that `wait` was applied, as far as waits go.
pub(crate) fn applied_wait(response: &mut Response, wait: Duration) {
    if let Ok(applied) = HeaderValue::try_from(format!("wait={}", wait.min(MAX_WAIT).as_secs())) {
        response.headers_mut().insert("preference-applied", applied);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(values: &[&str]) -> (Promptness, Option<u64>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", value.parse().unwrap());
        }
        let PreferHeader { promptness, wait } = PreferHeader::of(&headers);
        (promptness, wait.map(|wait| wait.as_secs()))
    }

    #[test]
    fn preferences_are_read_among_others_and_what_cannot_be_read_is_ignored() {
        use Promptness::{AtEnd, AtOnce};
        for (values, expected) in [
            (&["wait=20"][..], (AtEnd, Some(20))),
            (&["respond-async, wait=10"], (AtOnce, Some(10))),
            (&["return=minimal", "Wait = \"5\""], (AtEnd, Some(5))),
            (&["wait=10; foo=bar"], (AtEnd, Some(10))),
            (&["wait=0"], (AtEnd, Some(0))),
            (&[], (AtEnd, None)),
            (&["Respond-Async; foo"], (AtOnce, None)),
            (&["respond-asynchronously"], (AtEnd, None)),
            (&["wait"], (AtEnd, None)),
            (&["wait=soon"], (AtEnd, None)),
            (&["wait=-1"], (AtEnd, None)),
            (&["await=10"], (AtEnd, None)),
        ] {
            assert_eq!(asked(values), expected, "{values:?}");
        }
    }
}
