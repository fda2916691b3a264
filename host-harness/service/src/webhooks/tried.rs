//! A delivery tried out: judged as it would be on arrival, and kept nowhere.

use super::receive::Webhooks;
use host_harness::{
    connection::token::AcceptedToken,
    door::{Admitted, check::Checked},
    sandbox::{CallResult, Calls},
};
use host_model::contract::webhook::{Delivery, Verdict};
use host_store::StoreError;

impl Webhooks {
    /// What the connection makes of `delivery` with the tokens that it accepts now.
    pub async fn judge(&self, calls: &Calls, delivery: Delivery) -> Result<CallResult<Verdict>, StoreError> {
        let connection = calls.connection();
        let admitted = match &calls.plugin().manifest().webhook_token_slot {
            Some(slot) => {
                let known = self.tokens.accepted(&connection.key).await?;
                let mut accepted = connection.accepted_tokens.clone();
                accepted.extend(known.iter().map(|known| AcceptedToken::by_digest(known.digest)));
                Admitted::masked(connection, Checked::against(slot, &accepted, delivery))
            }
            None => Admitted::masked(connection, Checked::without_slot(delivery)),
        };
        Ok(calls.verify(&admitted).await)
    }
}
