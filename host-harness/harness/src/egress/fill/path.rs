//! Encoding of path and query. A value always stays within its segment, whatever it contains.
//! Tested in `src/egress/tests`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::secrets::{Fillings, no_token, open_blank};
use crate::egress::{
    declaration::DeclaredOperation,
    refused::{denied, no_credential},
    template::{Blank, Piece},
};
use host_model::contract::http::HttpError;

/// All characters except RFC 3986's unreserved ones.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Returns the operation's path with its blanks filled in.
pub(super) fn encoded(declared: &DeclaredOperation, fillings: &Fillings<'_>) -> Result<String, HttpError> {
    let mut path = String::new();
    for piece in &declared.path.0 {
        match piece {
            Piece::Text(text) => path.push_str(text),
            Piece::Blank(blank) => {
                let value = fillings.of(blank).ok_or_else(|| open(declared, fillings, blank))?;
                if value.is_empty() {
                    return Err(another_path(declared));
                }
                path.push_str(&encode(value));
            }
        }
    }
    // URL libraries silently drop such segments, so the request would go to another path.
    let declared_end = if matches!(declared.path.0.last(), Some(Piece::Text(text)) if text.ends_with('/')) {
        "/"
    } else {
        ""
    };
    let rest = path.strip_prefix('/').and_then(|rest| rest.strip_suffix(declared_end)).unwrap_or_default();
    if path != "/" && rest.split('/').any(|segment| ["", ".", ".."].contains(&segment)) {
        return Err(another_path(declared));
    }
    Ok(path)
}

/// Returns the encoded segments of the path into which the host writes a secret.
pub(super) fn secret_segments(declared: &DeclaredOperation, fillings: &Fillings<'_>) -> Vec<String> {
    let mut segments = Vec::new();
    let (mut segment, mut has_secret) = (String::new(), false);
    for piece in &declared.path.0 {
        match piece {
            Piece::Text(text) => {
                let mut texts = text.split('/');
                segment.push_str(texts.next().unwrap_or_default());
                for begun in texts {
                    let ended = std::mem::replace(&mut segment, begun.to_owned());
                    segments.extend(std::mem::take(&mut has_secret).then_some(ended));
                }
            }
            Piece::Blank(blank) => {
                has_secret |= blank.is_secret();
                segment.push_str(&encode(fillings.of(blank).unwrap_or_default()));
            }
        }
    }
    segments.extend(has_secret.then_some(segment));
    segments
}

fn another_path(declared: &DeclaredOperation) -> HttpError {
    denied(format!(
        "operation {}: a value for its path is empty, `.` or `..`, which would change the path",
        declared.name
    ))
}

fn open(declared: &DeclaredOperation, fillings: &Fillings<'_>, blank: &Blank) -> HttpError {
    match blank {
        Blank::Value(name) => open_blank(declared, name),
        Blank::WebhookToken => no_token(declared, fillings.connection),
        Blank::Setting(name) => denied(format!(
            "operation {}: its path needs the setting {name}, which is empty in connection {}",
            declared.name, fillings.connection.key
        )),
        Blank::Secret(name) => no_credential(format!(
            "operation {}: its path needs the secret {name}, which connection {} does not have",
            declared.name, fillings.connection.key
        )),
    }
}

/// Returns the query with its question mark; empty if there are no parameters.
pub(super) fn query(parameters: &[(String, String)]) -> String {
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| encode(name) + "=" + &encode(value)).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}
