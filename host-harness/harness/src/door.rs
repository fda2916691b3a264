//! The entry point for a vendor's deliveries: the token is checked here and replaced by a placeholder.

pub mod check;

pub use check::CheckedDelivery;

use std::sync::Arc;

use host_model::contract::{manifest::Manifest, webhook::Delivery};

use crate::connection::{Connection, Redactor};
use check::ACCEPTED;

/// The stored result of a delivery's token check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenCheck {
    /// The delivery carried an accepted token.
    Accepted,
    /// The connection accepts no tokens, or the token was not among them.
    NotAccepted,
}

/// A delivery without its token, the only form in which a connector sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedDelivery {
    delivery: Arc<Delivery>,
    accepted: bool,
}

impl AdmittedDelivery {
    /// Checks the token in the manifest's slot and replaces it with a placeholder. The token is masked everywhere else
    /// in the delivery, such as in the body, and also if the plugin declares no slot.
    pub fn admit(connection: &Connection, manifest: &Manifest, delivery: Delivery) -> Self {
        let checked = match &manifest.webhook_token_slot {
            Some(slot) => CheckedDelivery::against(slot, &connection.accepted_tokens, delivery),
            None => CheckedDelivery::without_slot(delivery),
        };
        Self::masked(connection, checked)
    }

    /// Masks the connection's secrets and tokens that a checked delivery repeats outside the slot. A token that is
    /// known only by its digest is found by the value presented in the slot, and therefore only if that was accepted.
    pub fn masked(connection: &Connection, checked: CheckedDelivery) -> Self {
        let CheckedDelivery { mut delivery, accepted, presented, .. } = checked;
        // Without a token there is nothing to hide, and a signed delivery must stay unchanged to the byte.
        if accepted || !connection.accepted_tokens.is_empty() {
            mask(&connection.redactor.and(&presented), &mut delivery);
        }
        Self { delivery: Arc::new(delivery), accepted }
    }

    /// Masks the presented token in a checked delivery. For a connection that the host is not serving at the moment:
    /// its secrets are masked [when the delivery is read](Self::from_store).
    pub fn unserved(checked: CheckedDelivery) -> Self {
        let CheckedDelivery { mut delivery, accepted, presented, .. } = checked;
        mask(&presented, &mut delivery);
        Self { delivery: Arc::new(delivery), accepted }
    }

    /// Restores a delivery that was admitted earlier and stored without its token.
    ///
    /// The result of the token check is stored with the delivery. The token itself is not stored and may have been
    /// revoked since, but what it proved was true when the delivery arrived. The slot already contains the placeholder.
    pub fn from_store(connection: &Connection, mut delivery: Delivery, check: TokenCheck) -> Self {
        let accepted = check == TokenCheck::Accepted;
        if accepted {
            mask(&connection.redactor, &mut delivery);
        }
        Self { delivery: Arc::new(delivery), accepted }
    }

    /// Returns the delivery as the connector sees it.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Returns the delivery as a shared reference for the duration of a call.
    pub(crate) fn shared(&self) -> Arc<Delivery> {
        Arc::clone(&self.delivery)
    }

    /// Returns whether the connection accepted the token.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// Returns the placeholder for the token, if it was accepted.
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
