//! What is typed to make or change a connection, as the API takes it.

use std::fmt::Debug;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::{failure::Failure, reference::Reference};

/// What can be said of any connection.
#[derive(Debug, Args)]
struct Said {
    /// An open setting of the plugin, as NAME=VALUE. May be given several times.
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// A secret setting of the plugin by where it is, as NAME=file:PATH or NAME=env:VARIABLE. May be given several times.
    #[arg(long = "secret", value_name = "NAME=PLACE")]
    secrets: Vec<Reference>,
    /// The system that it belongs to, for data uses.
    #[arg(long)]
    system: Option<String>,
    /// What it carries out: erasure, consent, or both with a comma.
    #[arg(long, value_delimiter = ',', value_name = "ACTION")]
    actions: Option<Vec<String>>,
    /// Let it work.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Keep it, and let it do nothing.
    #[arg(long)]
    disable: bool,
    /// The address for its webhooks, where it is not this service's own.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    #[command(flatten)]
    egress: Egress,
}

/// Where its requests may go.
#[derive(Debug, Args)]
struct Egress {
    /// A host beside the plugin's own that its requests may go to. May be given several times; names them all.
    #[arg(long = "allow-host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Let its requests go to this machine.
    #[arg(long)]
    loopback: bool,
    /// Let them go there without TLS.
    #[arg(long)]
    plain_http: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What to call it: unique across tenants.
    connection: String,
    /// Whose it is.
    #[arg(long)]
    tenant: String,
    /// The plugin that carries it.
    #[arg(long)]
    plugin: String,
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Its key.
    pub(super) connection: String,
    /// Another plugin that carries it.
    #[arg(long)]
    plugin: Option<String>,
    #[command(flatten)]
    said: Said,
    /// A setting to remove. May be given several times.
    #[arg(long, value_name = "NAME")]
    remove_setting: Vec<String>,
    /// A secret to remove. May be given several times.
    #[arg(long, value_name = "NAME")]
    remove_secret: Vec<String>,
    /// Let it change what identifies people at the connection, who are keyed anew.
    #[arg(long)]
    pub(super) agree: bool,
}

impl Create {
    pub(super) fn body(&self) -> Result<Value, Failure> {
        let mut body = self.said.body()?;
        body.extend([
            ("key".to_owned(), json!(self.connection)),
            ("tenant".to_owned(), json!(self.tenant)),
            ("plugin".to_owned(), json!(self.plugin)),
        ]);
        Ok(body.into())
    }
}

impl Change {
    /// A merge patch.
    pub(super) fn body(&self) -> Result<Value, Failure> {
        let mut body = self.said.body()?;
        if let Some(plugin) = &self.plugin {
            body.insert("plugin".to_owned(), json!(plugin));
        }
        for (member, names) in [("settings", &self.remove_setting), ("secrets", &self.remove_secret)] {
            for name in names {
                inside(&mut body, member, name, Value::Null);
            }
        }
        if body.is_empty() {
            return Err(Failure::misused(
                "nothing is to be changed\nnext: `connector-host connection change --help` shows what can be",
            ));
        }
        Ok(body.into())
    }
}

impl Said {
    /// Only what was typed is in it.
    fn body(&self) -> Result<Map<String, Value>, Failure> {
        let mut body = Map::new();
        for pair in &self.settings {
            let wrong =
                || Failure::misused("--setting: expected NAME=VALUE, such as domain=api.iterable.com");
            let (name, value) =
                pair.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
            inside(&mut body, "settings", name, json!(value));
        }
        for secret in &self.secrets {
            let read = secret.read();
            let (name, secret) = read.map_err(|wrong| Failure::misused(format!("--secret: {wrong}")))?;
            inside(&mut body, "secrets", &name, json!(secret.expose()));
        }
        let typed = [
            ("system", self.system.as_ref().map(|system| json!(system))),
            ("actions", self.actions.as_ref().map(|actions| json!(actions))),
            ("enabled", (self.enable || self.disable).then(|| json!(self.enable))),
            ("webhook-url", self.webhook_url.as_ref().map(|url| json!(url))),
        ];
        body.extend(typed.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))));
        let egress = [
            ("hosts", (!self.egress.hosts.is_empty()).then(|| json!(self.egress.hosts))),
            ("loopback", self.egress.loopback.then_some(Value::Bool(true))),
            ("plain-http", self.egress.plain_http.then_some(Value::Bool(true))),
        ];
        for (name, value) in egress {
            if let Some(value) = value {
                inside(&mut body, "egress", name, value);
            }
        }
        Ok(body)
    }
}

/// Sets `name` inside the object `member`.
fn inside(body: &mut Map<String, Value>, member: &str, name: &str, value: Value) {
    let object = body.entry(member).or_insert_with(|| json!({}));
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        change: Change,
    }

    fn body(typed: &[&str]) -> Result<Value, String> {
        let line = Line::try_parse_from([&["program", "newsletter"], typed].concat()).unwrap();
        line.change.body().map_err(|failure| failure.people())
    }

    #[test]
    fn only_what_was_typed_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "k-0123456789\n").unwrap();
        let secret = format!("api-key=file:{}", file.display());
        let typed = [
            "--setting",
            "a=b=c",
            "--remove-setting",
            "d",
            "--secret",
            &secret,
            "--actions",
            "erasure,consent",
        ];
        assert_eq!(
            body(&typed),
            Ok(json!({
                "settings": {"a": "b=c", "d": null}, "secrets": {"api-key": "k-0123456789"},
                "actions": ["erasure", "consent"],
            }))
        );
        assert_eq!(
            body(&["--disable", "--loopback"]),
            Ok(json!({"enabled": false, "egress": {"loopback": true}}))
        );
        assert_eq!(body(&["--enable"]), Ok(json!({"enabled": true})));
        assert!(body(&[]).unwrap_err().starts_with("error: nothing is to be changed"));
    }

    #[test]
    fn a_secret_in_the_clear_is_refused_and_not_shown() {
        let told = body(&["--secret", "api-key=k-0123456789"]).unwrap_err();
        assert!(told.contains("never an argument") && !told.contains("k-01"), "{told}");
    }
}
