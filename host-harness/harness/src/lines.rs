//! Several sentences as one message.

use std::fmt::Display;

/// Each on a line of its own, indented.
pub(crate) fn lines(sentences: &[impl Display]) -> String {
    sentences.iter().flat_map(|sentence| ["\n  ".to_owned(), sentence.to_string()]).collect()
}
