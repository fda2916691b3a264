//! The question before an act that changes much or cannot be taken back: exactly what it does, and to how many.

use askama::Template;

use crate::frame::{Frame, NavSection};

/// A question before an act. The title of its frame is the question.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(crate) struct ConfirmScreen {
    pub(crate) frame: Frame,
    /// What the act does, a sentence or two each.
    pub(crate) consequences: Vec<String>,
    /// Where the answer is posted.
    pub(crate) action: String,
    /// Names and values that are posted with it.
    pub(crate) kept: Vec<(String, String)>,
    /// What the button says: the act, as a verb with its object.
    pub(crate) button: String,
    pub(crate) tone: Tone,
    /// The screen that the question came from.
    pub(crate) back: String,
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It can be undone.
    Main,
    /// It deletes or ends something.
    Danger,
}

impl std::fmt::Display for Tone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Main => "main",
            Self::Danger => "danger",
        })
    }
}
