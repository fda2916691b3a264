//! The path of a request from permission to response, with each step in its own module.

use super::{Egress, caller::Sender, credentials::renewable, permit};
use host_model::{
    contract::http::{HttpError, Request, Response},
    secret::Secrets,
};

impl Egress {
    /// Sends `request` for `caller`, and returns the part of the response that a guest may see.
    pub async fn send(&self, caller: &Sender<'_>, request: Request) -> Result<Response, HttpError> {
        let declared = permit::permitted(caller, &request)?;
        let secrets = self.secrets(caller, declared, &Secrets::new()).await?;
        let mut answer = self.carry(caller, declared, &secrets, &request).await?;
        let refused = renewable(caller, declared, secrets);
        if answer.status == 401 && !refused.is_empty() {
            // The vendor has seen the operation once, whatever happens to the second attempt.
            let seen = |error| HttpError { request_sent: true, ..error };
            let renewed = self.secrets(caller, declared, &refused).await.map_err(seen)?;
            answer = self.carry(caller, declared, &renewed, &request).await.map_err(seen)?;
        }
        self.redacted(caller, declared, answer).await
    }
}
