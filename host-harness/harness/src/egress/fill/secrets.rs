//! The values that fill blanks, and the errors for blanks without a value.
//! Tested in `src/egress/tests`.

use crate::{
    connection::Connection,
    egress::{
        declaration::DeclaredOperation,
        refused::{denied, no_credential},
        template::{Blank, Piece, Template},
    },
};
use host_model::{
    contract::http::HttpError,
    secret::{Secret, Secrets},
};

/// The values that blanks are filled with.
pub(crate) struct Fillings<'a> {
    pub(crate) connection: &'a Connection,
    /// The secrets that the operation is sent with, both settings and captured ones.
    pub(crate) secrets: &'a Secrets,
    pub(crate) values: &'a [(String, String)],
}

impl Fillings<'_> {
    /// Returns the value for `blank`, or `None` if an optional setting is empty.
    pub(super) fn of(&self, blank: &Blank) -> Option<&str> {
        match blank {
            Blank::Setting(name) => self.connection.settings.get(name).map(String::as_str),
            Blank::Secret(name) => self.secrets.get(name).map(Secret::expose),
            Blank::WebhookToken => self.connection.token_to_install.as_ref().map(Secret::expose),
            Blank::Value(name) => {
                self.values.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
            }
        }
        .filter(|filling| !filling.is_empty() || matches!(blank, Blank::Value(_)))
    }

    /// Returns `template` with every blank filled in, or `None` if one has no value.
    pub(super) fn filled(&self, template: &Template) -> Option<String> {
        template
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Blank(blank) => self.of(blank),
            })
            .collect()
    }
}

pub(super) fn open_blank(declared: &DeclaredOperation, name: &str) -> HttpError {
    denied(format!("operation {}: the blank {{{name}}} was not filled", declared.name))
}

pub(super) fn no_token(declared: &DeclaredOperation, connection: &Connection) -> HttpError {
    no_credential(format!(
        "operation {}: connection {} has no webhook token to install (token-to-install)",
        declared.name, connection.key
    ))
}
