//! What a derived preference carries, so that it is not sent to where it came from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a preference exists, as one opaque word for the platform to hand back. Holds no personal data.
///
/// A platform may hand over causes of its own: they came from no connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(String);

impl From<String> for Cause {
    fn from(word: String) -> Self {
        Self(word)
    }
}

impl Cause {
    /// That of the event with `event` as its key, which `connection` heard of.
    pub fn of_event(connection: &str, event: &str) -> Self {
        Self(format!("{connection}/{event}"))
    }

    /// Whether it was this connection that heard of it. A connection's key holds no slash.
    pub fn came_from(&self, connection: &str) -> bool {
        self.0.split_once('/').is_some_and(|(from, _)| from == connection)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_comes_back_as_one_word_and_knows_its_connection_alone() {
        let cause = Cause::of_event("acme-eu", "unsubscribe/17");
        let word = serde_json::to_string(&cause).unwrap();
        assert_eq!(word, r#""acme-eu/unsubscribe/17""#);
        let back: Cause = serde_json::from_str(&word).unwrap();
        assert!(back.came_from("acme-eu"));
        assert!(!back.came_from("acme"));
        assert!(!back.came_from("acme-eu/unsubscribe"));
    }

    #[test]
    fn a_cause_of_the_platforms_own_came_from_no_connection() {
        let own: Cause = serde_json::from_str(r#""privacy-center""#).unwrap();
        assert!(!own.came_from("privacy-center"));
        assert!(!own.came_from(""));
    }
}
