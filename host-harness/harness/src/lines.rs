//! Formats several sentences as one message.

use std::fmt::Display;

/// Returns each sentence on its own indented line.
pub fn lines(sentences: &[impl Display]) -> String {
    sentences.iter().flat_map(|sentence| ["\n  ".to_owned(), sentence.to_string()]).collect()
}
