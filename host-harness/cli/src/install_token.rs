//! `install-token`: sends the vendor the token that its webhooks must carry.

use clap::Args;
use serde_json::json;

use super::{
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, coloured},
    session::Session,
    token,
};
use host_model::contract::TokenOutcome;

#[derive(Debug, Args)]
pub(super) struct InstallTokenCommand {
    /// The connection's key in the configuration. Its `token-to-install` names the token.
    connection: String,
}

impl InstallTokenCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        if let Some(client) = session.remote()? {
            let outcome = token::rotate(session, &client, &self.connection).await?;
            return Ok(token::rotated(&self.connection, outcome));
        }
        let calls = session.calls(&self.connection).await?;
        if calls.connection().token_to_install.is_none() {
            let key = &self.connection;
            return Err(Failure::of_connection(
                key,
                format!(
                    "there is no token to install\nnext: name one in the configuration, as in\n[connections.{key}]\ntoken-to-install = {{ file = \"path\" }}"
                ),
            ));
        }
        let outcome = session.ask(&calls, calls.install_token()).await?;
        Ok(output(&self.connection, outcome))
    }
}

fn output(connection: &str, outcome: TokenOutcome) -> CommandOutput {
    let exit = Exit::from(outcome);
    let people = match outcome {
        TokenOutcome::Installed => format!(
            "connection {connection}: {}: the vendor has the token\n\
             next: keep the previous token in `webhook-tokens` until deliveries carry the new one",
            coloured("installed", exit)
        ),
        TokenOutcome::Manual => format!(
            "connection {connection}: {}: nothing was sent\nnext: enter the token at the vendor by hand",
            coloured("not installed", exit)
        ),
    };
    CommandOutput { people, json: json!({"connection": connection, "outcome": outcome}), exit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::plain;

    #[test]
    fn an_installed_token_and_one_to_enter_by_hand_are_distinguished() {
        let installed = output("newsletter", TokenOutcome::Installed);
        assert_eq!(
            plain(&installed.people),
            "connection newsletter: installed: the vendor has the token\n\
             next: keep the previous token in `webhook-tokens` until deliveries carry the new one"
        );
        assert_eq!(installed.json, json!({"connection": "newsletter", "outcome": "installed"}));
        let manual = output("newsletter", TokenOutcome::Manual);
        assert_eq!(
            plain(&manual.people),
            "connection newsletter: not installed: nothing was sent\nnext: enter the token at the vendor by hand"
        );
        assert_eq!(manual.exit, Exit::Refused);
    }
}
