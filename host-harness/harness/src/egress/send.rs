//! The path of a request from permission to response, with each step in its own module.

use super::{
    Egress, caller::Sender, credentials::renewable, declaration::DeclaredOperation, permit,
    transport::VendorResponse,
};
use host_model::{
    contract::http::{HttpError, Request, Response},
    secret::Secrets,
};

impl Egress {
    /// Sends `request` for `caller`, and returns the part of the response that a guest may see.
    pub async fn send(&self, caller: &Sender<'_>, request: Request) -> Result<Response, HttpError> {
        let declared = permit::permitted(caller, &request)?;
        let (secrets, mut answer) = self.send_with(caller, declared, &Secrets::new(), &request).await?;
        let refused = renewable(caller, declared, secrets);
        if answer.status == 401 && !refused.is_empty() {
            let sent = self.send_with(caller, declared, &refused, &request).await;
            // The vendor has seen the operation once, whatever happens to the second attempt.
            (_, answer) = sent.map_err(|error| HttpError { request_sent: true, ..error })?;
        }
        self.redacted(caller, declared, answer).await
    }
    /// Sends `request` once, with secrets that are not `refused`. Returns the secrets, too.
    async fn send_with(
        &self,
        caller: &Sender<'_>,
        declared: &DeclaredOperation,
        refused: &Secrets,
        request: &Request,
    ) -> Result<(Secrets, VendorResponse), HttpError> {
        if self.shelf(caller).is_some() && !declared.captures.is_empty() {
            return self.fetch_for_guest(caller, declared, refused, request).await;
        }
        let secrets = self.secrets(caller, declared, refused).await?;
        let answer = self.carry(caller, declared, &secrets, request).await?;
        Ok((secrets, answer))
    }
}
