//! The door for a vendor's deliveries: the token is checked here, and a placeholder goes on in its place.

use crate::{
    connection::Connection,
    contract::{
        manifest::{Manifest, Place, TokenSlot},
        webhook::Delivery,
    },
};

/// Stands in the slot for a token that the connection accepted when the delivery arrived.
const ACCEPTED: &str = "accepted-webhook-token";
/// Stands in the slot for anything else.
const REFUSED: &str = "refused-webhook-token";

/// A delivery without its token: the one kind that a connector is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    delivery: Delivery,
    accepted: bool,
}

impl Admitted {
    /// Checks the token in the manifest's slot and puts a placeholder in its place. Wherever else a delivery has it, in a
    /// body say, or where the plugin declares no slot, it is masked.
    pub fn at_the_door(connection: &Connection, manifest: &Manifest, mut delivery: Delivery) -> Self {
        let accepted = match &manifest.webhook_token_slot {
            Some(slot) => take_token(slot, connection, &mut delivery),
            None => false,
        };
        // Without a token there is nothing to hide, and a signed delivery stays as it is, to the byte.
        if !connection.accepted_tokens.is_empty() {
            mask(connection, &mut delivery);
        }
        Self { delivery, accepted }
    }

    /// What the connector sees.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Whether the token was one that the connection accepts.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// The placeholder of an accepted token.
    pub(crate) fn placeholder(&self) -> Option<String> {
        self.accepted.then(|| ACCEPTED.to_owned())
    }
}

/// Masks what a vendor repeats of the connection's secrets outside the slot.
fn mask(connection: &Connection, delivery: &mut Delivery) {
    let redactor = &connection.redactor;
    for (_, value) in &mut delivery.headers {
        *value = redactor.text(value).into_owned();
    }
    delivery.url = redactor.text(&delivery.url).into_owned();
    delivery.body = redactor.bytes(std::mem::take(&mut delivery.body));
}

/// Whether every token in the slot is accepted, and there is one.
fn take_token(slot: &TokenSlot, connection: &Connection, delivery: &mut Delivery) -> bool {
    let mut verdicts = Vec::new();
    match slot.place {
        Place::Header => {
            for (name, value) in &mut delivery.headers {
                if name.eq_ignore_ascii_case(&slot.name) {
                    let start = value.trim_end().rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
                    let accepted = is_accepted(connection, value.get(start..).unwrap_or_default().trim_end());
                    value.truncate(start);
                    value.push_str(placeholder(accepted));
                    verdicts.push(accepted);
                }
            }
        }
        Place::Query => delivery.url = without_token(&delivery.url, &slot.name, connection, &mut verdicts),
        // Refused when the plugin is loaded.
        Place::Body => {}
    }
    !verdicts.is_empty() && verdicts.iter().all(|accepted| *accepted)
}

fn without_token(url: &str, name: &str, connection: &Connection, verdicts: &mut Vec<bool>) -> String {
    let Some((address, query)) = url.split_once('?') else { return url.to_owned() };
    let mut parts = form_urlencoded::Serializer::new(String::new());
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        if key == name {
            let accepted = is_accepted(connection, &value);
            parts.append_pair(&key, placeholder(accepted));
            verdicts.push(accepted);
        } else {
            parts.append_pair(&key, &value);
        }
    }
    format!("{address}?{}", parts.finish())
}

/// Looks at every accepted token, so that the time tells nothing about which one came close.
fn is_accepted(connection: &Connection, presented: &str) -> bool {
    connection.accepted_tokens.iter().fold(false, |found, token| token.matches(presented.as_bytes()) | found)
}

fn placeholder(accepted: bool) -> &'static str {
    if accepted { ACCEPTED } else { REFUSED }
}

#[cfg(test)]
mod tests;
