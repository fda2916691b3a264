//! Secrets that the vendor hands out, such as access tokens: taken out of answers, kept here, never seen by a guest.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::Value;

use crate::connection::{Connection, MAX_SECRET_BYTES, Redactor, SHORTEST_SECRET, TenantId};
use host_model::{contract::manifest::Capture, secret::Secret};

/// A secret is renewed this long before it ends, so that it does not end on its way.
const EARLY: Duration = Duration::from_secs(10);

/// The longest answer that secrets are looked for in, in bytes: as a tree, it takes up to sixteen times its size in memory. Answers with
/// tokens have some 2,000.
const MAX_READ: usize = 1 << 20;

/// What was captured for each connection. Lives as long as the process: calls in flight of a connection that is gone still
/// have their answers searched for it.
#[derive(Debug, Default)]
pub(crate) struct Captured(Mutex<HashMap<Holder, Kept>>);

/// Whose it is. A key alone is not enough: a connection can change hands, or get another account's secrets.
type Holder = (TenantId, String, [u8; 32]);

fn holder(connection: &Connection) -> Holder {
    (connection.tenant.clone(), connection.key.clone(), connection.account)
}

#[derive(Debug, Default)]
struct Kept {
    secrets: BTreeMap<String, KeptSecret>,
    /// Those that were replaced last: calls under way still carry them.
    before: BTreeMap<String, Secret>,
    redactor: Redactor,
    renewing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct KeptSecret {
    secret: Secret,
    good_until: Option<Duration>,
}

impl Captured {
    /// The secret kept under `name`, if it is still good at `now`.
    pub(crate) fn get(&self, connection: &Connection, name: &str, now: Duration) -> Option<Secret> {
        let connections = self.0.lock();
        let held = connections.get(&holder(connection))?.secrets.get(name)?;
        held.good_until.is_none_or(|end| now + EARLY < end).then(|| held.secret.clone())
    }

    /// Keeps what an answer brought.
    pub(crate) fn keep(&self, connection: &Connection, taken: Vec<Taken>, now: Duration) {
        if taken.is_empty() {
            return;
        }
        let mut connections = self.0.lock();
        let kept = connections.entry(holder(connection)).or_default();
        for Taken { name, secret, lifetime } in taken {
            let good_until = lifetime.map(|lifetime| now.saturating_add(lifetime));
            if let Some(replaced) = kept.secrets.insert(name.clone(), KeptSecret { secret, good_until }) {
                kept.before.insert(name, replaced.secret);
            }
        }
        let held = kept.secrets.values().map(|held| &held.secret);
        kept.redactor = Redactor::of(held.chain(kept.before.values()));
    }

    /// Finds this connection's secrets, captured ones among them.
    pub(crate) fn redactor(&self, connection: &Connection) -> Redactor {
        match self.0.lock().get(&holder(connection)) {
            Some(kept) => connection.redactor.and(&kept.redactor),
            None => connection.redactor.clone(),
        }
    }

    /// Held by the one call that fetches secrets for this connection; the others wait and find them kept.
    pub(crate) fn renewing(&self, connection: &Connection) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.0.lock().entry(holder(connection)).or_default().renewing)
    }
}

/// A secret found in an answer.
#[derive(Debug)]
pub(crate) struct Taken {
    name: String,
    secret: Secret,
    lifetime: Option<Duration>,
}

/// The secrets that `captures` name in a JSON `body`, and the body with their places emptied. A body that cannot be read,
/// or is longer than [`MAX_READ`], is withheld: it may hold what nobody found.
pub(crate) fn taken(captures: &[Capture], body: Vec<u8>) -> (Vec<Taken>, Vec<u8>) {
    if captures.is_empty() {
        return (Vec::new(), body);
    }
    let readable = Some(&body).filter(|body| body.len() <= MAX_READ);
    let answer = readable.and_then(|body| serde_json::from_slice::<Value>(body).ok());
    let Some(mut answer) = answer else { return (Vec::new(), Vec::new()) };
    let mut found = Vec::new();
    for capture in captures {
        let lifetime = capture
            .lifetime
            .as_ref()
            .and_then(|field| at(&mut answer, field))
            .and_then(|value| seconds(value));
        if let Some(value) = at(&mut answer, &capture.field) {
            let text = std::mem::replace(value, Value::from(""));
            let can_be_hidden =
                |text: &&str| text.chars().count() >= SHORTEST_SECRET && text.len() <= MAX_SECRET_BYTES;
            if let Some(secret) = text.as_str().filter(can_be_hidden).and_then(Secret::new) {
                found.push(Taken { name: capture.secret.clone(), secret, lifetime });
            }
        }
    }
    (found, answer.to_string().into_bytes())
}

/// Vendors write seconds as a number or as a text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))?;
    Some(Duration::from_secs(seconds))
}

/// The value at the dotted `field`.
fn at<'a>(answer: &'a mut Value, field: &str) -> Option<&'a mut Value> {
    field.split('.').try_fold(answer, |value, step| value.get_mut(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(field: &str, secret: &str, lifetime: Option<&str>) -> Capture {
        Capture { field: field.into(), secret: secret.into(), lifetime: lifetime.map(str::to_owned) }
    }

    fn take(captures: &[Capture], body: &str) -> (Vec<(String, String, Option<u64>)>, String) {
        let (taken, rest) = taken(captures, body.as_bytes().to_vec());
        let shown = taken
            .iter()
            .map(|t| (t.name.clone(), t.secret.expose().to_owned(), t.lifetime.map(|l| l.as_secs())))
            .collect();
        (shown, String::from_utf8(rest).unwrap())
    }

    #[test]
    fn a_secret_is_taken_out_of_the_answer() {
        let captures = [capture("data.token", "access-token", Some("data.expires_in"))];
        assert_eq!(
            take(&captures, r#"{"data":{"expires_in":3600,"token":"token-1"},"ok":true}"#),
            (
                vec![("access-token".into(), "token-1".into(), Some(3600))],
                r#"{"data":{"expires_in":3600,"token":""},"ok":true}"#.into()
            )
        );
    }

    #[test]
    fn an_answer_without_it_brings_nothing_and_hides_what_stands_there() {
        let captures = [capture("token", "access-token", None)];
        for (body, rest) in [
            (r#"{"error":"no"}"#, r#"{"error":"no"}"#),
            (r#"{"token":{"value":"token-1"}}"#, r#"{"token":""}"#),
            (r#"{"token":""}"#, r#"{"token":""}"#),
            ("token=token-1", ""),
            (&format!("{{\"token\":\"token-1\"{}}}", " ".repeat(MAX_READ)), ""),
        ] {
            assert_eq!(take(&captures, body), (vec![], rest.into()), "{body}");
        }
    }

    #[test]
    fn a_text_that_is_too_long_to_search_for_is_no_secret_and_is_not_shown_either() {
        let captures = [capture("token", "t", None)];
        let answer = |length| format!(r#"{{"token":"{}"}}"#, "a".repeat(length));
        let (kept, rest) = take(&captures, &answer(MAX_SECRET_BYTES));
        assert_eq!((kept.len(), rest.as_str()), (1, r#"{"token":""}"#));
        assert_eq!(take(&captures, &answer(MAX_SECRET_BYTES + 1)), (vec![], r#"{"token":""}"#.into()));
    }

    #[test]
    fn a_lifetime_may_be_a_text() {
        let captures = [capture("token", "t", Some("expires"))];
        assert_eq!(
            take(&captures, r#"{"expires":"60","token":"token-1"}"#).0,
            [("t".into(), "token-1".into(), Some(60))]
        );
    }
}
