//! The door for a vendor's deliveries: the token is checked here, and a placeholder goes on in its place.

pub mod check;

pub use check::Checked;

use std::sync::Arc;

use host_model::contract::{manifest::Manifest, webhook::Delivery};

use crate::connection::{Connection, Redactor};
use check::ACCEPTED;

/// A delivery without its token: the one kind that a connector is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    delivery: Arc<Delivery>,
    accepted: bool,
}

impl Admitted {
    /// Checks the token in the manifest's slot and puts a placeholder in its place. Wherever else a delivery has it, in a
    /// body say, or where the plugin declares no slot, it is masked.
    pub fn at_the_door(connection: &Connection, manifest: &Manifest, delivery: Delivery) -> Self {
        let checked = match &manifest.webhook_token_slot {
            Some(slot) => Checked::against(slot, &connection.accepted_tokens, delivery),
            None => Checked::without_slot(delivery),
        };
        Self::masked(connection, checked)
    }

    /// Masks what a checked delivery repeats of the connection's secrets and tokens outside the slot. A token that is known
    /// by its digest alone is found by what was presented in the slot, and so only where that was accepted.
    pub fn masked(connection: &Connection, checked: Checked) -> Self {
        let Checked { mut delivery, accepted, presented, .. } = checked;
        // Without a token there is nothing to hide, and a signed delivery stays as it is, to the byte.
        if accepted || !connection.accepted_tokens.is_empty() {
            mask(&connection.redactor.and(&presented), &mut delivery);
        }
        Self { delivery: Arc::new(delivery), accepted }
    }

    /// Masks what a checked delivery repeats of the token that was presented. For a connection that the host does not carry
    /// now: its secrets are masked [when it is read](Self::from_store).
    pub fn uncarried(checked: Checked) -> Self {
        let Checked { mut delivery, accepted, presented, .. } = checked;
        mask(&presented, &mut delivery);
        Self { delivery: Arc::new(delivery), accepted }
    }

    /// A delivery that was admitted at the door before, stored without its token, and is read now.
    ///
    /// The verdict is the door's and is stored beside the delivery: the token itself is not stored, may have been revoked
    /// since, and what it proved was true when the delivery arrived. The placeholder stands in the slot already.
    pub fn from_store(connection: &Connection, mut delivery: Delivery, accepted: bool) -> Self {
        if accepted {
            mask(&connection.redactor, &mut delivery);
        }
        Self { delivery: Arc::new(delivery), accepted }
    }

    /// What the connector sees.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// The same, for as long as a call lasts.
    pub(crate) fn shared(&self) -> Arc<Delivery> {
        Arc::clone(&self.delivery)
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

fn mask(redactor: &Redactor, delivery: &mut Delivery) {
    for (_, value) in &mut delivery.headers {
        *value = redactor.text(value).into_owned();
    }
    delivery.url = redactor.text(&delivery.url).into_owned();
    delivery.body = redactor.bytes(std::mem::take(&mut delivery.body));
}

#[cfg(test)]
mod tests;
