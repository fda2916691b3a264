//! The options that create or change a connection, converted to the bodies of the API.

use std::{collections::BTreeMap, fmt::Debug};

use clap::{Args, ValueEnum};
use host_api::types::connections::{self, ConnectionPatch, NewConnection, SecretText};
use serde_json::json;

use super::bounds::BoundsArgs;
use crate::{failure::Failure, reference::SecretReference};

/// The options that creating and changing a connection share.
#[derive(Debug, Args)]
struct ConnectionDraftArgs {
    /// A setting of the plugin that is not secret, as NAME=VALUE. May be given several times.
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// A secret setting of the plugin, by reference: NAME=file:PATH or NAME=env:VARIABLE. May be given several times.
    #[arg(long = "secret", value_name = "NAME=REFERENCE")]
    secrets: Vec<SecretReference>,
    /// The system that the connection belongs to, which declares its data uses.
    #[arg(long)]
    system: Option<String>,
    /// The actions that it carries out: erasure, consent, or both separated by a comma.
    #[arg(long, value_delimiter = ',', value_name = "ACTION")]
    actions: Option<Vec<DutyArg>>,
    /// Enable the connection.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Disable the connection without deleting it.
    #[arg(long)]
    disable: bool,
    /// The URL for its webhooks, if it differs from the service's own.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    #[command(flatten)]
    bounds: BoundsArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DutyArg {
    Erasure,
    Consent,
}

impl From<DutyArg> for connections::Duty {
    fn from(duty: DutyArg) -> Self {
        match duty {
            DutyArg::Erasure => Self::Erasure,
            DutyArg::Consent => Self::Consent,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateConnectionArgs {
    /// The key of the new connection, unique across tenants.
    connection: String,
    /// The tenant that it belongs to.
    #[arg(long)]
    tenant: String,
    /// The plugin that it uses.
    #[arg(long)]
    plugin: String,
    #[command(flatten)]
    draft: ConnectionDraftArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeConnectionArgs {
    /// The connection's key.
    pub(super) connection: String,
    /// Use another plugin.
    #[arg(long)]
    plugin: Option<String>,
    #[command(flatten)]
    draft: ConnectionDraftArgs,
    /// A setting to remove. May be given several times.
    #[arg(long, value_name = "NAME")]
    remove_setting: Vec<String>,
    /// A secret to remove. May be given several times.
    #[arg(long, value_name = "NAME")]
    remove_secret: Vec<String>,
    /// Reset to the default: system, webhook-url, egress, limits, or one member of the last two, such as `egress.hosts`
    /// or `limits.cpu-ms`. May be given several times.
    #[arg(long, value_name = "NAME")]
    reset: Vec<String>,
    /// Approve a change to what identifies people at the connection. The people are rekeyed.
    #[arg(long)]
    pub(super) agree: bool,
}

impl CreateConnectionArgs {
    pub(super) fn body(&self) -> Result<NewConnection, Failure> {
        let draft = &self.draft;
        Ok(NewConnection {
            key: self.connection.clone(),
            tenant: self.tenant.clone(),
            plugin: self.plugin.clone(),
            enabled: draft.enabled(),
            actions: draft.actions(),
            system: draft.system.clone(),
            settings: draft.settings()?,
            secrets: draft.secrets()?,
            webhook_url: draft.webhook_url.clone(),
            egress: draft.bounds.egress(&[])?,
            limits: draft.bounds.limits(&[])?,
        })
    }
}

impl ChangeConnectionArgs {
    /// Contains only the options that were given.
    pub(super) fn body(&self) -> Result<ConnectionPatch, Failure> {
        let (draft, reset) = (&self.draft, ResetArgs::of(&self.reset)?);
        let mut settings: BTreeMap<_, _> =
            draft.settings()?.into_iter().map(|(name, value)| (name, Some(value))).collect();
        settings.extend(self.remove_setting.iter().map(|name| (name.clone(), None)));
        let mut secrets: BTreeMap<_, _> =
            draft.secrets()?.into_iter().map(|(name, secret)| (name, Some(secret))).collect();
        secrets.extend(self.remove_secret.iter().map(|name| (name.clone(), None)));
        let patch = ConnectionPatch {
            plugin: self.plugin.clone(),
            enabled: draft.enabled(),
            actions: draft.actions(),
            system: set_or_reset("system", draft.system.as_ref(), reset.system)?,
            settings,
            secrets,
            webhook_url: set_or_reset("webhook-url", draft.webhook_url.as_ref(), reset.webhook_url)?,
            egress: draft.bounds.egress(&reset.egress)?,
            limits: draft.bounds.limits(&reset.limits)?,
        };
        if json!(patch) == json!({}) {
            return Err(Failure::misused(
                "nothing to change\nnext: see the options with `connector-host connection change --help`",
            ));
        }
        Ok(patch)
    }
}

#[expect(clippy::option_option, reason = "left out, removed and set are three different cases")]
fn set_or_reset(name: &str, typed: Option<&String>, reset: Reset) -> Result<Option<Option<String>>, Failure> {
    match (typed, reset) {
        (Some(_), Reset::Yes) => Err(Failure::misused(format!("{name} is set and reset: choose one"))),
        (None, Reset::Yes) => Ok(Some(None)),
        (typed, Reset::No) => Ok(typed.cloned().map(Some)),
    }
}

/// Whether `--reset` names a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reset {
    #[default]
    No,
    Yes,
}

/// The names given to `--reset`; members of `egress` and `limits` are without their prefix.
#[derive(Default)]
struct ResetArgs<'a> {
    system: Reset,
    webhook_url: Reset,
    egress: Vec<&'a str>,
    limits: Vec<&'a str>,
}

impl<'a> ResetArgs<'a> {
    fn of(names: &'a [String]) -> Result<Self, Failure> {
        let mut resets = Self::default();
        for name in names {
            match name.split_once('.') {
                None if name == "system" => resets.system = Reset::Yes,
                None if name == "webhook-url" => resets.webhook_url = Reset::Yes,
                None if name == "egress" => resets.egress.push(""),
                None if name == "limits" => resets.limits.push(""),
                Some(("egress", member)) if !member.is_empty() => resets.egress.push(member),
                Some(("limits", member)) if !member.is_empty() => resets.limits.push(member),
                _ => {
                    return Err(Failure::misused(format!(
                        "--reset {name}: expected system, webhook-url, egress, limits, or a member such as limits.cpu-ms"
                    )));
                }
            }
        }
        Ok(resets)
    }
}

impl ConnectionDraftArgs {
    fn enabled(&self) -> Option<bool> {
        (self.enable || self.disable).then_some(self.enable)
    }

    fn actions(&self) -> Option<std::collections::BTreeSet<connections::Duty>> {
        self.actions.as_ref().map(|actions| actions.iter().map(|duty| (*duty).into()).collect())
    }

    fn settings(&self) -> Result<BTreeMap<String, String>, Failure> {
        let pairs = self.settings.iter().map(|pair| {
            let (name, value) =
                pair.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                    Failure::misused("--setting: expected NAME=VALUE, such as domain=api.iterable.com")
                })?;
            Ok((name.to_owned(), value.to_owned()))
        });
        pairs.collect()
    }

    fn secrets(&self) -> Result<BTreeMap<String, SecretText>, Failure> {
        let read = self.secrets.iter().map(|reference| {
            let read = reference.read().map_err(|wrong| Failure::misused(format!("--secret: {wrong}")))?;
            Ok((read.0, read.1.into()))
        });
        read.collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;

    #[derive(Parser)]
    struct Changed {
        #[command(flatten)]
        change: ChangeConnectionArgs,
    }

    #[derive(Parser)]
    struct Created {
        #[command(flatten)]
        create: CreateConnectionArgs,
    }

    fn body(typed: &[&str]) -> Result<Value, String> {
        let line = Changed::try_parse_from([&["program", "newsletter"], typed].concat())
            .map_err(|error| error.to_string())?;
        line.change.body().map(|patch| json!(patch)).map_err(|failure| failure.people())
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
        assert!(body(&[]).unwrap_err().starts_with("error: nothing to change"));
    }

    #[test]
    fn bounds_are_set_and_reset_by_the_names_of_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let pem = folder.path().join("ca.pem");
        std::fs::write(&pem, "-----BEGIN CERTIFICATE-----").unwrap();
        let typed = [
            "--limit",
            "cpu-ms=500",
            "--egress",
            "deadlines.total-ms=30000",
            "--deny-operation",
            "users-forget",
            "--authority",
            pem.to_str().unwrap(),
            "--reset",
            "limits.wall-ms",
            "--reset",
            "egress.hosts",
            "--reset",
            "system",
        ];
        assert_eq!(
            body(&typed),
            Ok(json!({
                "limits": {"cpu_ms": 500, "wall_ms": null}, "system": null,
                "egress": {
                    "deadlines": {"total_ms": 30_000}, "denied_operations": ["users-forget"], "hosts": null,
                    "authorities": ["-----BEGIN CERTIFICATE-----"],
                },
            }))
        );
        assert_eq!(
            body(&["--reset", "egress", "--reset", "limits"]),
            Ok(json!({"egress": null, "limits": null}))
        );
        for (typed, wrong) in [
            (vec!["--limit", "cpu-sm=500"], "error: limits: cpu_sm: unknown field `cpu_sm`"),
            (
                vec!["--limit", "cpu-ms=0"],
                "error: limits: cpu_ms: invalid value: integer, expected a whole number above 0",
            ),
            (
                vec!["--egress", "deadlines.totl-ms=5"],
                "error: egress: deadlines.totl_ms: unknown field `totl_ms`",
            ),
            (vec!["--reset", "limits.cpu-sm"], "error: limits: cpu_sm: unknown field `cpu_sm`"),
            (
                vec!["--reset", "settings"],
                "error: --reset settings: expected system, webhook-url, egress, limits",
            ),
            (vec!["--reset", "egress."], "error: --reset egress.: expected system"),
            (
                vec!["--reset", "egress", "--deny-operation", "forget"],
                "error: egress is set twice, or set and reset",
            ),
            (
                vec!["--reset", "egress.hosts", "--allow-host", "h"],
                "error: egress.hosts is set twice, or set and reset",
            ),
            (vec!["--egress", "hosts.x=1", "--allow-host", "h"], "error: egress.hosts is set twice"),
            (vec!["--limit", "cpu-ms=1", "--limit", "cpu_ms=2"], "error: limits.cpu_ms is set twice"),
            (vec!["--system", "crm", "--reset", "system"], "error: system is set and reset: choose one"),
        ] {
            let told = body(&typed).unwrap_err();
            assert!(told.starts_with(wrong), "{typed:?}: {told}");
        }
        assert!(body(&["--limit", "cpu-ms=x"]).unwrap_err().contains("expected NAME=NUMBER"));
    }

    #[test]
    fn a_new_connection_has_only_the_bounds_that_were_typed() {
        let typed =
            ["program", "newsletter", "--tenant", "acme", "--plugin", "iterable", "--limit", "cpu-ms=500"];
        let new = json!(Created::try_parse_from(typed).unwrap().create.body().unwrap());
        assert_eq!((&new["limits"], &new["egress"]), (&json!({"cpu_ms": 500}), &Value::Null));
    }

    #[test]
    fn a_secret_in_the_clear_is_refused_and_not_shown() {
        let told = body(&["--secret", "api-key=k-0123456789"]).unwrap_err();
        assert!(told.contains("never an argument") && !told.contains("k-01"), "{told}");
    }
}
