//! `reload`: has a service read the connections of its configuration again.

use clap::Args;
use serde_json::Value;

use super::{client::Call, document::text, exit::Exit, failure::Failure, session::Session, shown::Shown};

#[derive(Debug, Args)]
pub(super) struct Reload {
    /// Let connections change what identifies their people, who are keyed anew.
    #[arg(long)]
    agree: bool,
}

impl Reload {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let json =
            session.client()?.ask(Call::post(&["reload"]).with("agree", self.agree.then_some(true))).await?;
        Ok(Shown { people: told(&json), json, exit: Exit::Done })
    }
}

/// What a reload came to.
pub(super) fn told(reloaded: &Value) -> String {
    let mut lines = vec!["reloaded".to_owned()];
    for (word, field) in [
        ("added", "added"),
        ("changed", "changed"),
        ("disabled, since the file no longer names them", "disabled"),
    ] {
        let keys = text(reloaded, field);
        if !keys.is_empty() {
            lines.push(format!("  {word}: {keys}"));
        }
    }
    let problems = reloaded.get("problems").and_then(Value::as_object).into_iter().flatten();
    lines.extend(
        problems
            .map(|(key, problem)| format!("  connection {key}: {}", problem.as_str().unwrap_or_default())),
    );
    lines.join("\n")
}
