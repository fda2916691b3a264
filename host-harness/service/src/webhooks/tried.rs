//! Judges a delivery as on arrival, without storing it.

use super::receive::Webhooks;
use host_harness::{
    connection::token::AcceptedToken,
    door::{AdmittedDelivery, check::CheckedDelivery},
    sandbox::{CallResult, Calls},
};
use host_model::contract::webhook::{Delivery, Verdict};
use host_store::StoreError;

impl Webhooks {
    /// Returns the connector's verdict on `delivery`, with the tokens that the connection accepts now.
    pub async fn judge(&self, calls: &Calls, delivery: Delivery) -> Result<CallResult<Verdict>, StoreError> {
        let connection = calls.connection();
        let admitted = match &calls.plugin().manifest().webhook_token_slot {
            Some(slot) => {
                let known = self.tokens.accepted(&connection.key).await?;
                let mut accepted = connection.accepted_tokens.clone();
                accepted.extend(known.iter().map(|known| AcceptedToken::by_digest(known.digest)));
                AdmittedDelivery::masked(connection, CheckedDelivery::against(slot, &accepted, delivery))
            }
            None => AdmittedDelivery::masked(connection, CheckedDelivery::without_slot(delivery)),
        };
        Ok(calls.verify(&admitted).await)
    }
}
