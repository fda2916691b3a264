//! `credentials`: checks with secrets that never leave the host.
//! Tested in `tests/all/egress/credentials.rs`.

use crate::{bindings::contract::credentials, credential, sandbox::state::CallState};
use host_model::contract::Interface;

impl credentials::Host for CallState {
    fn accepts_webhook_token(&mut self, presented: String) -> wasmtime::Result<bool> {
        self.handed.count(presented.len())?;
        let access = self.access("credentials.accepts-webhook-token")?;
        Ok(access.accepted_placeholder.as_deref().is_some_and(|placeholder| placeholder == presented))
    }

    fn accepts_hmac(
        &mut self,
        hash: credentials::Hash,
        secret: String,
        form: credentials::KeyForm,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        self.handed.count(secret.len() + message.len() + signature.len())?;
        let access = self.access("credentials.accepts-hmac")?;
        // Only for deliveries: elsewhere it could be used to guess a secret.
        if access.interface != Interface::WebhookVerify {
            return Ok(false);
        }
        let Some(secret) = access.connection.secrets.get(&secret) else { return Ok(false) };
        let form = match form {
            credentials::KeyForm::Text => credential::KeyForm::Text,
            credentials::KeyForm::Hex => credential::KeyForm::Hex,
            credentials::KeyForm::Base64 => credential::KeyForm::Base64,
        };
        let hash = match hash {
            credentials::Hash::Sha1 => credential::Hash::Sha1,
            credentials::Hash::Sha256 => credential::Hash::Sha256,
            credentials::Hash::Sha512 => credential::Hash::Sha512,
        };
        Ok(credential::accepts_hmac(hash, secret, form, &message, &signature))
    }
}
