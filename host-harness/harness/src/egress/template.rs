//! Text with blanks, such as `Bearer {api-key}`, which a manifest uses to specify what goes where.
//!
//! A blank is `{` lower-case-kebab `}`. Every other brace is literal, so that a field can contain the text of a
//! query language.

use std::fmt;

use host_model::names::is_kebab;

use crate::connection::WEBHOOK_TOKEN;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Literal text.
    Text(String),
    /// A blank.
    Blank(Blank),
}

/// What fills a blank, determined once when the manifest is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blank {
    /// A non-secret setting, including `webhook-url`.
    Setting(String),
    /// A secret setting, or a captured secret.
    Secret(String),
    /// The token that is being installed.
    WebhookToken,
    /// One of the request's values.
    Value(String),
}

impl Blank {
    /// Returns whether a secret fills it, or the token that is being installed.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::WebhookToken)
    }

    /// Returns the name that stands for it in the text.
    fn name(&self) -> &str {
        match self {
            Self::Setting(name) | Self::Secret(name) | Self::Value(name) => name,
            Self::WebhookToken => WEBHOOK_TOKEN,
        }
    }

    /// Returns the name of the secret that fills it.
    pub(crate) fn secret(&self) -> Option<&str> {
        match self {
            Self::Secret(name) => Some(name),
            _ => None,
        }
    }
}

/// A text with blanks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template(pub(crate) Vec<Piece>);

impl Template {
    /// Parses `text`; `name` determines what fills each blank.
    pub(crate) fn parse(text: &str, name: impl Fn(&str) -> Blank) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from_open) = rest.split_at(open);
            literal.push_str(before);
            if let Some((blank, after)) = blank_at(from_open) {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Blank(name(blank)));
                rest = after;
            } else {
                literal.push('{');
                rest = from_open.strip_prefix('{').unwrap_or_default();
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Self(pieces)
    }

    /// Returns its blanks, in order.
    pub(crate) fn blanks(&self) -> impl Iterator<Item = &Blank> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Blank(blank) => Some(blank),
            Piece::Text(_) => None,
        })
    }

    /// Returns its literal text without blanks.
    pub(crate) fn literal(&self) -> String {
        self.0
            .iter()
            .filter_map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Blank(_) => None,
            })
            .collect()
    }
}

impl fmt::Display for Template {
    /// Formats the text from which it was parsed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Blank(blank) => write!(f, "{{{}}}", blank.name()),
        })
    }
}

/// Returns the blank that `text` begins with, and the text after it.
fn blank_at(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    is_name(name).then_some((name, after))
}

/// Returns whether `name` is valid for a blank and what fills it: kebab case, starting with a letter.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && is_kebab(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<Piece> {
        Template::parse(text, |name| Blank::Value(name.to_owned())).0
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn blank(name: &str) -> Piece {
        Piece::Blank(Blank::Value(name.to_owned()))
    }

    #[test]
    fn blanks_are_kebab_words_in_braces() {
        assert_eq!(
            parsed("Basic {user}:{pass-word}"),
            [text("Basic "), blank("user"), text(":"), blank("pass-word")]
        );
        assert_eq!(parsed("/a/{id}.json"), [text("/a/"), blank("id"), text(".json")]);
        let path = Template::parse("/a/{id}{{b}}.json", |name| Blank::Value(name.to_owned()));
        assert_eq!(path.to_string(), "/a/{id}{{b}}.json");
    }

    #[test]
    fn every_other_brace_is_literal() {
        for literal in
            ["", "{", "}", "{}", "{A}", "{a b}", "{ query { user { id } } }", "{-a}", "{a-}", "{a--b}", "{1}"]
        {
            let expected: Vec<_> = [text(literal)].into_iter().filter(|_| !literal.is_empty()).collect();
            assert_eq!(parsed(literal), expected, "{literal:?}");
        }
        assert_eq!(parsed("{{id}}"), [text("{"), blank("id"), text("}")]);
    }
}
