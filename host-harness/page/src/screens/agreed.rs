//! The approval that some acts on plugins ask for, as the question before them asks.

use host_api::types::problem::Problem;
use serde::Deserialize;

/// Returns whether the API asks for an approval: of a change of what identifies people, or of more permissions.
pub(super) fn lacks_approval(problem: &Problem) -> bool {
    [":asks-for-more", ":rekeys-people"].iter().any(|kind| problem.r#type.ends_with(kind))
}

/// Whether a change of what identifies people is approved, as the question before it asks.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Agreed {
    pub(super) agree: bool,
}

impl Agreed {
    /// Returns what is posted with the answer to the question.
    pub(super) fn kept(self) -> Vec<(String, String)> {
        vec![("agree".to_owned(), self.agree.to_string())]
    }

    /// Returns what the approval means, if it is given.
    pub(super) fn consequence(self) -> Option<String> {
        let text = "You approve that this version identifies people by something else, or sets denied operations aside: the \
                    people of each connection are keyed anew.";
        self.agree.then(|| text.to_owned())
    }
}
