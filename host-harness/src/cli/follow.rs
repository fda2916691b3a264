//! A request given to a service, and followed to its end.

use std::time::Duration;

use clap::Args;
use http::HeaderValue;
use serde_json::Value;

use super::{
    Failure, Shown,
    client::{Call, Client},
    document::{text, time},
    request,
    session::Session,
};

/// Between two looks at a request.
const PAUSE: Duration = Duration::from_secs(1);
/// As the API calls the ends of a request.
const ENDED: [&str; 4] = ["done", "failed", "skipped", "expired"];

/// How a request is given to a service.
#[derive(Debug, Args)]
pub(super) struct Submitting {
    /// With --server: wait until the request has ended, and show how.
    #[arg(long)]
    wait: bool,
    /// With --server: send the request under this key, under which it is the same one when it is sent again.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Submitting {
    /// Without a service, there is nothing to wait for.
    pub(super) fn alone(&self) -> Result<(), Failure> {
        if self.wait || self.idempotency_key.is_some() {
            return Err(Failure::misused(
                "--wait and --idempotency-key are for a service: name it with --server",
            ));
        }
        Ok(())
    }

    /// Gives the service the request at `path`, and follows it where that is asked for.
    pub(super) async fn submit(
        self,
        session: &Session,
        client: &Client,
        path: &[&str],
        body: &Value,
    ) -> Result<Shown, Failure> {
        let key = self.idempotency_key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let header = HeaderValue::try_from(&key)
            .map_err(|_| Failure::misused("--idempotency-key: visible ASCII characters are wanted"))?;
        let call = Call::post(path).header("idempotency-key", header).json(body);
        let taken = client.ask(call).await.map_err(|failure| match failure {
            Failure::Unanswered(cause) => Failure::Unanswered(format!(
                "{cause}\nnext: run it again with --idempotency-key {key}: that is the same request"
            )),
            other => other,
        })?;
        let id = text(&taken, "id");
        if self.wait {
            let document = to_the_end(session, client, &id).await?;
            return Ok(request::shown(session.console.width, document));
        }
        let again = if super::document::is(&taken, "was_sent_before") { ", as it was before" } else { "" };
        let exit = request::exit(&taken);
        let state = super::shown::toned(&text(&taken, "state"), exit);
        let people = format!(
            "request {id}: {state}: the service has it{again}\nnext: see it with `connector-host request show {id}`"
        );
        Ok(Shown { people, json: taken, exit })
    }
}

/// The request once it has ended; tells whoever watches how it goes.
async fn to_the_end(session: &Session, client: &Client, id: &str) -> Result<Value, Failure> {
    let mut told = String::new();
    loop {
        let document = client.ask(Call::get(&["requests", id])).await?;
        if ENDED.contains(&text(&document, "state").as_str()) {
            return Ok(document);
        }
        let now = progress(&document);
        if session.console.is_watched && now != told {
            session.console.complain(&format!("request {id}: {now}"));
            told = now;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where a request stands, when it goes on, and why not now.
fn progress(document: &Value) -> String {
    let forecast = document.get("forecast").unwrap_or(&Value::Null);
    let mut parts = vec![text(document, "state")];
    let mut say = |word: &str, what: String| {
        if !what.is_empty() {
            parts.push(format!("{word}{what}"));
        }
    };
    say("to run at ", time(forecast, "runs_at"));
    say("held back by ", text(forecast, "held_back_by"));
    say("", text(document, "reason"));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn progress_says_when_and_why_not_now() {
        let document = json!({"state": "waiting", "reason": "the vendor is failing",
            "forecast": {"runs_at": 1_700_000_000_000_i64, "held_back_by": null}});
        assert_eq!(progress(&document), "waiting; to run at 2023-11-14T22:13:20Z; the vendor is failing");
        assert_eq!(progress(&json!({"state": "running", "forecast": {}})), "running");
    }
}
