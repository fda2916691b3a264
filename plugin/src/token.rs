//! Installs the webhook token that the host has ready at Iterable. The connector never sees it.

use crate::{
    error::{Error, ErrorKind},
    http::Vendor,
    iterable::{client::Client, request},
    settings::Settings,
};

/// The result of installing the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallOutcome {
    /// Iterable has the token, and may take a while to use it everywhere.
    Installed,
    /// No webhook is set up: the operator rotates tokens by hand. Nothing was sent.
    Manual,
}

/// Installs the token at the webhook of the settings. Iterable changes only the given fields and keeps all others.
pub fn install(settings: &Settings, vendor: &mut dyn Vendor) -> Result<InstallOutcome, Error> {
    let Some(webhook) = settings.webhook_id else { return Ok(InstallOutcome::Manual) };
    let mut client = Client::new(vendor);
    let request = request::install_webhook_token(webhook);
    let operation = request.operation;
    match client.write(request)? {
        Ok(_) => Ok(InstallOutcome::Installed),
        Err(refusal) => {
            let advice = match refusal.kind {
                ErrorKind::Rejected => {
                    format!("is {webhook} a webhook of this project? See setting `webhook-id`")
                }
                _ => String::new(),
            };
            Err(client.fail(operation, refusal, &advice))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        http::SendErrorKind,
        testing::{Script, settings},
    };

    const INSTALLED: &str = r#"{"id":42,"authType":"OAuth2","blastSendEnabled":true,"enabled":true,
        "endpoint":"https://example.com/w","triggeredSendEnabled":true}"#;

    #[test]
    fn only_the_number_is_sent_and_the_host_adds_the_token() {
        let mut script = Script::of("webhook-token").answers("install-webhook-token", 200, INSTALLED);
        assert_eq!(install(&settings(&[("webhook-id", "42")]), &mut script), Ok(InstallOutcome::Installed));
        assert_eq!(script.bodies(), [json!({"id": 42})]);
        script.done();
    }

    #[test]
    fn without_a_webhook_nothing_is_sent() {
        let mut script = Script::of("webhook-token");
        assert_eq!(install(&settings(&[("webhook-id", "none")]), &mut script), Ok(InstallOutcome::Manual));
        assert!(script.sent.is_empty());
    }

    #[test]
    fn a_refusal_points_at_the_setting() {
        let refusal = r#"{"msg":"No such webhook","code":"BadParams"}"#;
        let mut script = Script::of("webhook-token").answers("install-webhook-token", 400, refusal);
        let error = install(&settings(&[("webhook-id", "42")]), &mut script).unwrap_err();
        assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Rejected, false));
        assert_eq!(
            error.message,
            "Iterable refused `install-webhook-token` (status 400, code BadParams): is 42 a webhook of this project? \
             See setting `webhook-id`"
        );
    }

    #[test]
    fn an_unanswered_token_may_have_been_installed() {
        let mut script =
            Script::of("webhook-token").fails("install-webhook-token", SendErrorKind::TimedOut, true);
        let error = install(&settings(&[("webhook-id", "42")]), &mut script).unwrap_err();
        assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Unavailable, true));
    }
}
