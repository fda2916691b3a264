//! `install-token`: hands the vendor the token that its webhooks are to carry.

use clap::Args;
use serde_json::json;

use super::{
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, toned},
    token,
};
use host_model::contract::TokenOutcome;

#[derive(Debug, Args)]
pub(super) struct InstallToken {
    /// The connection's key in the configuration, whose `token-to-install` names the token.
    connection: String,
}

impl InstallToken {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
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
        Ok(shown(&self.connection, outcome))
    }
}

fn shown(connection: &str, outcome: TokenOutcome) -> Shown {
    let exit = Exit::from(outcome);
    let people = match outcome {
        TokenOutcome::Installed => format!(
            "connection {connection}: {}: the vendor has the token\n\
             next: keep the token before it among `webhook-tokens` until deliveries carry the new one",
            toned("installed", exit)
        ),
        TokenOutcome::Manual => format!(
            "connection {connection}: {}: nothing was sent\nnext: enter the token at the vendor by hand",
            toned("not installed", exit)
        ),
    };
    Shown { people, json: json!({"connection": connection, "outcome": outcome}), exit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::plain;

    #[test]
    fn an_installed_token_and_one_to_carry_by_hand_are_told_apart() {
        let installed = shown("newsletter", TokenOutcome::Installed);
        assert_eq!(
            plain(&installed.people),
            "connection newsletter: installed: the vendor has the token\n\
             next: keep the token before it among `webhook-tokens` until deliveries carry the new one"
        );
        assert_eq!(installed.json, json!({"connection": "newsletter", "outcome": "installed"}));
        let manual = shown("newsletter", TokenOutcome::Manual);
        assert_eq!(
            plain(&manual.people),
            "connection newsletter: not installed: nothing was sent\nnext: enter the token at the vendor by hand"
        );
        assert_eq!(manual.exit, Exit::Refused);
    }
}
