//! The cause that a derived preference carries so that it is not sent back to its origin.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a preference exists: one opaque word that the platform passes back. Contains no personal data.
///
/// A platform may also pass causes of its own, which match no connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(String);

impl From<String> for Cause {
    fn from(word: String) -> Self {
        Self(word)
    }
}

impl Cause {
    /// Returns the cause for the event with the key `event` that `connection` received.
    pub fn of_event(connection: &str, event: &str) -> Self {
        Self(format!("{connection}/{event}"))
    }

    /// Returns whether this connection received the event. A connection's key contains no slash.
    pub fn is_from(&self, connection: &str) -> bool {
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
        assert!(back.is_from("acme-eu"));
        assert!(!back.is_from("acme"));
        assert!(!back.is_from("acme-eu/unsubscribe"));
    }

    #[test]
    fn a_cause_of_the_platforms_own_came_from_no_connection() {
        let own: Cause = serde_json::from_str(r#""privacy-center""#).unwrap();
        assert!(!own.is_from("privacy-center"));
        assert!(!own.is_from(""));
    }
}
