//! Secrets that the vendor issues, such as access tokens: taken from responses and kept here, never visible to a guest.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::Value;

use super::rotated::{ExchangeTurn, IssuedSecret};
use crate::connection::{Connection, MAX_SECRET_BYTES, MIN_SECRET_CHARS, Redactor, TenantId};
use host_model::{contract::manifest::Capture, secret::Secret};

/// How long before its expiry a secret is renewed, so that it does not expire in transit.
const RENEWAL_MARGIN: Duration = Duration::from_secs(10);

/// Maximum size of a response that is searched for secrets, in bytes. Its parsed form takes up to sixteen times its
/// size in memory. Responses with tokens have about 2,000 bytes.
const MAX_READ: usize = 1 << 20;

/// The secrets captured for each connection. Lives as long as the process, so that they are still masked for calls in
/// flight of a removed connection.
#[derive(Debug, Default)]
pub(crate) struct Captured(Mutex<HashMap<Holder, ConnectionCaptures>>);

/// The owner of captured secrets. The key alone is not enough: a connection can move to another tenant or get another
/// account's secrets.
type Holder = (TenantId, String, [u8; 32]);

fn holder(connection: &Connection) -> Holder {
    (connection.tenant.clone(), connection.key.clone(), connection.account)
}

#[derive(Debug, Default)]
struct ConnectionCaptures {
    secrets: BTreeMap<String, KeptSecret>,
    /// The secrets that were replaced last, which calls in flight still use.
    before: BTreeMap<String, Secret>,
    redactor: Redactor,
    renewing: Arc<tokio::sync::Mutex<()>>,
    /// Whether those that outlived an earlier process have been added.
    is_restored: bool,
    /// The names of those that must outlive the process and are not stored yet, each with its revision.
    unsaved: BTreeMap<String, u64>,
    /// The names of those that outlive the process.
    lasting: BTreeSet<String>,
    revision: u64,
    /// How often those were forgotten that outlive the process.
    forgotten: u64,
    /// The last turn of this process.
    turn: ExchangeTurn,
}

/// How long captured secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifespan {
    /// As long as the process.
    Process,
    /// Until they are replaced: they are stored, for other processes too.
    Stored,
}

/// Secrets that must outlive the process and are not stored yet.
pub(crate) struct UnsavedSecrets {
    /// The turn in which the vendor issued them.
    pub(crate) turn: ExchangeTurn,
    pub(crate) secrets: Vec<IssuedSecret>,
    /// The revision of each, by its name.
    revisions: BTreeMap<String, u64>,
}

impl ConnectionCaptures {
    fn keep(&mut self, taken: Vec<IssuedSecret>, now: Duration) {
        for IssuedSecret { name, secret, lifetime } in taken {
            let good_until = lifetime.map(|lifetime| now.saturating_add(lifetime));
            if let Some(replaced) = self.secrets.insert(name.clone(), KeptSecret { secret, good_until }) {
                self.before.insert(name, replaced.secret);
            }
        }
        let held = self.secrets.values().map(|held| &held.secret);
        self.redactor = Redactor::of(held.chain(self.before.values()));
    }
}

#[derive(Debug)]
struct KeptSecret {
    secret: Secret,
    good_until: Option<Duration>,
}

impl Captured {
    /// Returns the secret stored under `name` if it is still valid at `now`.
    pub(crate) fn get(&self, connection: &Connection, name: &str, now: Duration) -> Option<Secret> {
        let connections = self.0.lock();
        let held = connections.get(&holder(connection))?.secrets.get(name)?;
        held.good_until.is_none_or(|end| now + RENEWAL_MARGIN < end).then(|| held.secret.clone())
    }

    /// Keeps the secrets from a response.
    pub(crate) fn keep(
        &self,
        connection: &Connection,
        taken: Vec<IssuedSecret>,
        now: Duration,
        lifespan: Lifespan,
    ) {
        if taken.is_empty() {
            return;
        }
        let mut connections = self.0.lock();
        let kept = connections.entry(holder(connection)).or_default();
        kept.revision += 1;
        if lifespan == Lifespan::Stored {
            kept.lasting.extend(taken.iter().map(|found| found.name.clone()));
            kept.unsaved.extend(taken.iter().map(|found| (found.name.clone(), kept.revision)));
        }
        kept.keep(taken, now);
    }

    /// From now on, what is captured for `connection` is issued in this turn.
    pub(crate) fn begin_turn(&self, connection: &Connection, turn: ExchangeTurn) {
        self.0.lock().entry(holder(connection)).or_default().turn = turn;
    }

    /// Returns whether the secrets that outlived an earlier process have been added.
    pub(crate) fn is_restored(&self, connection: &Connection) -> bool {
        self.0.lock().get(&holder(connection)).is_some_and(|kept| kept.is_restored)
    }

    /// Adds the secrets that were stored, as they were loaded at `now` when secrets had been `forgotten` this often. One that
    /// was captured since is newer.
    pub(crate) fn restore(
        &self,
        connection: &Connection,
        secrets: Vec<IssuedSecret>,
        now: Duration,
        forgotten: u64,
    ) {
        let mut connections = self.0.lock();
        let kept = connections.entry(holder(connection)).or_default();
        if kept.forgotten != forgotten {
            // There are newer ones, which are still to be loaded.
            return;
        }
        kept.lasting.extend(secrets.iter().map(|stored| stored.name.clone()));
        let older = secrets.into_iter().filter(|stored| !kept.secrets.contains_key(&stored.name)).collect();
        kept.keep(older, now);
        kept.is_restored = true;
    }

    /// Forgets the secrets of the connections with this key that outlive processes, except those that are not stored yet:
    /// another process has stored newer ones. They stay masked.
    pub(crate) fn forget_stored(&self, key: &str) {
        let mut connections = self.0.lock();
        for (_, kept) in connections.iter_mut().filter(|((_, of, _), _)| of == key) {
            let (lasting, unsaved) = (kept.lasting.clone(), &kept.unsaved);
            let stored = |name: &String| lasting.contains(name) && !unsaved.contains_key(name);
            let stored: Vec<_> = kept.secrets.extract_if(.., |name, _| stored(name)).collect();
            kept.before.extend(stored.into_iter().map(|(name, held)| (name, held.secret)));
            kept.is_restored = false;
            kept.forgotten += 1;
        }
    }

    /// Returns how often secrets of `connection` were forgotten.
    pub(crate) fn forgotten(&self, connection: &Connection) -> u64 {
        self.0.lock().get(&holder(connection)).map_or(0, |kept| kept.forgotten)
    }

    /// Returns the secrets that must outlive the process and are not stored yet; `None` if all are.
    pub(crate) fn unsaved(&self, connection: &Connection, now: Duration) -> Option<UnsavedSecrets> {
        let connections = self.0.lock();
        let kept = connections.get(&holder(connection)).filter(|kept| !kept.unsaved.is_empty())?;
        let held = kept.unsaved.keys().filter_map(|name| {
            let KeptSecret { secret, good_until } = kept.secrets.get(name)?;
            let lifetime = good_until.map(|end| end.saturating_sub(now));
            Some(IssuedSecret { name: name.clone(), secret: secret.clone(), lifetime })
        });
        Some(UnsavedSecrets { turn: kept.turn, secrets: held.collect(), revisions: kept.unsaved.clone() })
    }

    /// Records that `saved` are stored, except those in whose place others were captured in the meantime.
    pub(crate) fn record_saved(&self, connection: &Connection, saved: &UnsavedSecrets) {
        if let Some(kept) = self.0.lock().get_mut(&holder(connection)) {
            kept.unsaved.retain(|name, revision| saved.revisions.get(name) != Some(&*revision));
        }
    }

    /// Returns a redactor for this connection's secrets, including captured ones.
    pub(crate) fn redactor(&self, connection: &Connection) -> Redactor {
        match self.0.lock().get(&holder(connection)) {
            Some(kept) => connection.redactor.and(&kept.redactor),
            None => connection.redactor.clone(),
        }
    }

    /// Returns the lock held by the call that fetches secrets for this connection. Other calls wait and then find them
    /// stored.
    pub(crate) fn renewing(&self, connection: &Connection) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.0.lock().entry(holder(connection)).or_default().renewing)
    }
}

/// Extracts the secrets that `captures` specify from a JSON `body`, and blanks them out. A body that cannot be parsed
/// or is longer than [`MAX_READ`] is withheld: it may contain secrets that were not found.
pub(crate) fn extract(captures: &[Capture], body: Vec<u8>) -> (Vec<IssuedSecret>, Vec<u8>) {
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
            .and_then(|field| value_at(&mut answer, field))
            .and_then(|value| seconds(value));
        if let Some(value) = value_at(&mut answer, &capture.field) {
            let text = std::mem::replace(value, Value::from(""));
            let can_be_hidden =
                |text: &&str| text.chars().count() >= MIN_SECRET_CHARS && text.len() <= MAX_SECRET_BYTES;
            if let Some(secret) = text.as_str().filter(can_be_hidden).and_then(Secret::new) {
                found.push(IssuedSecret { name: capture.secret.clone(), secret, lifetime });
            }
        }
    }
    (found, answer.to_string().into_bytes())
}

/// Parses seconds, which vendors write as a number or as a string.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))?;
    Some(Duration::from_secs(seconds))
}

/// Returns the value at the dotted `field`.
fn value_at<'a>(answer: &'a mut Value, field: &str) -> Option<&'a mut Value> {
    field.split('.').try_fold(answer, |value, step| value.get_mut(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(field: &str, secret: &str, lifetime: Option<&str>) -> Capture {
        Capture { field: field.into(), secret: secret.into(), lifetime: lifetime.map(str::to_owned) }
    }

    fn take(captures: &[Capture], body: &str) -> (Vec<(String, String, Option<u64>)>, String) {
        let (taken, rest) = extract(captures, body.as_bytes().to_vec());
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
