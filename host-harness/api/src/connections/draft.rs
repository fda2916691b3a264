//! Converts a new or changed connection from the API's form to the service's.

use std::collections::BTreeSet;

use host_harness::connection::{CallLimits, ConnectionSpec, EgressPolicy, NoPolicy, check_host, is_address};
use host_model::{
    duties::{self, Duties},
    text::{self, MAX_ID},
    unread::Unread,
};
use host_service::connections::owned::OwnedConnection;
use host_store::connections::ConnectionStatus;

use crate::{
    problem::{Problem, ProblemKind, kinds},
    types::{
        connections::{ConnectionPatch, Duty, NewConnection, SecretText},
        egress::EgressPatch,
        limits::LimitsPatch,
    },
};

fn duties_of(actions: BTreeSet<Duty>) -> BTreeSet<duties::Duty> {
    actions.into_iter().map(Into::into).collect()
}

/// `new`, owned by the API.
pub(super) fn owned(new: NewConnection) -> Result<OwnedConnection, Problem> {
    let default = Duties::default();
    let spec = ConnectionSpec {
        settings: new.settings,
        secrets: new.secrets.into_iter().map(|(name, SecretText(secret))| (name, secret)).collect(),
        webhook_url: new.webhook_url.map(checked_url).transpose()?,
        policy: new
            .egress
            .map_or_else(|| Ok(EgressPolicy::default()), |patch| policy(&patch, EgressPolicy::default()))?,
        limits: new
            .limits
            .map_or_else(|| Ok(CallLimits::default()), |patch| limits(&patch, CallLimits::default()))?,
        ..ConnectionSpec::new(new.tenant, new.key, new.plugin)
    };
    let duties = Duties {
        enabled: new.enabled.unwrap_or(default.enabled),
        actions: new.actions.map_or(default.actions, duties_of),
        system: new.system.map(checked_system).transpose()?,
    };
    Ok(OwnedConnection { spec, duties, file: None, left_file: false, standing: ConnectionStatus::default() })
}

/// `before` with `patch` applied.
pub(super) fn changed(patch: ConnectionPatch, before: &OwnedConnection) -> Result<OwnedConnection, Problem> {
    let mut after = before.clone();
    let spec = &mut after.spec;
    if let Some(plugin) = patch.plugin {
        spec.plugin = plugin;
    }
    if let Some(url) = patch.webhook_url {
        spec.webhook_url = url.map(checked_url).transpose()?;
    }
    for (name, value) in patch.settings {
        match value {
            Some(value) => spec.settings.insert(name, value),
            None => spec.settings.remove(&name),
        };
    }
    for (name, secret) in patch.secrets {
        match secret {
            Some(SecretText(secret)) => spec.secrets.insert(name, secret),
            None => spec.secrets.remove(&name),
        };
    }
    // Members that are not patched stay as they are stored, byte by byte.
    if let Some(patch) = patch.egress {
        spec.policy = policy(&patch, spec.policy.clone())?;
    }
    if let Some(patch) = patch.limits {
        spec.limits = limits(&patch, spec.limits.clone())?;
    }
    let duties = &mut after.duties;
    duties.enabled = patch.enabled.unwrap_or(duties.enabled);
    if let Some(actions) = patch.actions {
        duties.actions = duties_of(actions);
    }
    if let Some(system) = patch.system {
        duties.system = system.map(checked_system).transpose()?;
    }
    Ok(after)
}

fn policy(EgressPatch(patch): &EgressPatch, before: EgressPolicy) -> Result<EgressPolicy, Problem> {
    let known = before.hosts.clone();
    let egress = patch.on(&before.into()).map_err(|unread| unreadable("egress", unread))?;
    let policy = EgressPolicy::try_from(egress).map_err(|error| match error {
        NoPolicy::PlainHttp(why) => unsuited("egress.plain_http", &why.to_string()),
        NoPolicy::Authorities(why) => unsuited(
            "egress.authorities",
            &format!("expected certificates of authorities (PEM, X.509): {why}"),
        ),
    })?;
    // What an earlier version accepted does not hinder other changes.
    match policy.hosts.difference(&known).find_map(|host| check_host(host).err()) {
        Some(wrong) => Err(unsuited("egress.hosts", &wrong.to_string())),
        None => Ok(policy),
    }
}

fn limits(LimitsPatch(patch): &LimitsPatch, before: CallLimits) -> Result<CallLimits, Problem> {
    let limits = patch.on(&before.into()).map_err(|unread| unreadable("limits", unread))?;
    Ok(limits.into())
}

fn checked_url(url: String) -> Result<String, Problem> {
    if is_address(&url) {
        return Ok(url);
    }
    Err(unsuited(
        "webhook_url",
        "expected a URL in ASCII, such as https://hooks.example.com/newsletter, without a fragment (`#…`)",
    ))
}

fn checked_system(key: String) -> Result<String, Problem> {
    match text::check_name(&key, MAX_ID) {
        Ok(()) => Ok(key),
        Err(why) => Err(about(kinds::UNFIT_TEXT, "system", why.to_string())),
    }
}

/// The problem of a patch of `member` that cannot be read.
fn unreadable(member: &str, Unread { place, found, expected }: Unread) -> Problem {
    let field = if place.is_empty() { member.to_owned() } else { format!("{member}.{place}") };
    let message = Unread { place: String::new(), found, expected }.to_string();
    about(kinds::BAD_BODY, &field, message)
}

fn unsuited(field: &str, why: &str) -> Problem {
    about(kinds::UNSUITED, field, why.to_owned())
}

fn about(kind: ProblemKind, field: &str, message: String) -> Problem {
    Problem::of(kind, format!("{field}: {message}")).about_fields([(field.to_owned(), message)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owned() -> OwnedConnection {
        let new = json!({"key": "newsletter", "tenant": "acme", "plugin": "iterable", "settings": {"a": "1", "b": "2"},
            "secrets": {"api-key": "k-0123456789"}, "egress": {"hosts": ["h"], "denied-operations": ["x"]}});
        super::owned(serde_json::from_value(new).unwrap()).unwrap()
    }

    #[test]
    fn what_a_patch_leaves_out_stays_and_null_removes() {
        let patch = json!({"enabled": false, "system": "crm", "settings": {"a": null, "c": "3"},
            "secrets": {"token": "t-0123456789"}, "egress": {"hosts": null, "request-cap": 17}});
        let after = changed(serde_json::from_value(patch).unwrap(), &owned()).unwrap();
        assert_eq!(after.spec.settings, [("b".into(), "2".into()), ("c".into(), "3".into())].into());
        assert_eq!(after.spec.secrets.keys().collect::<Vec<_>>(), ["api-key", "token"]);
        assert!(after.spec.policy.hosts.is_empty());
        assert_eq!(after.spec.policy.denied_operations, ["x".to_owned()].into());
        assert_eq!(after.spec.policy.request_cap, 17);
        assert_eq!((after.duties.enabled, after.duties.system.as_deref()), (false, Some("crm")));
        assert_eq!(after.duties.actions, owned().duties.actions);

        let patch = json!({"system": null, "secrets": {"token": null}, "egress": null});
        let again = changed(serde_json::from_value(patch).unwrap(), &after).unwrap();
        assert_eq!(again.duties.system, None);
        assert_eq!(again.spec.secrets.keys().collect::<Vec<_>>(), ["api-key"]);
        assert_eq!(again.spec.policy, EgressPolicy::default());
    }

    #[test]
    fn a_webhook_address_has_no_fragment() {
        assert!(checked_url("https://hooks.example.com/a?b=c".to_owned()).is_ok());
        for url in ["hooks.example.com", "ftp://hooks.example.com", "https://hooks.example.com/a#b"] {
            assert!(checked_url(url.to_owned()).is_err(), "{url}");
        }
    }

    #[test]
    fn a_host_is_written_in_ascii_unless_it_was_accepted_before() {
        let mut before = owned();
        before.spec.policy.hosts.insert("b\u{fc}cher.example".into());
        let patched = |hosts: &[&str]| {
            let patch = json!({"egress": {"hosts": hosts}});
            changed(serde_json::from_value(patch).unwrap(), &before)
        };
        assert!(patched(&["b\u{fc}cher.example", "api.example.com:8443"]).is_ok());
        for (host, why) in [
            (
                "\u{430}pi.example.com",
                "the host is written with characters outside ASCII: write it as \"xn--pi-6kc.example.com\"",
            ),
            (
                "https://api.example.com",
                "expected a host name such as api.example.com, found \"https://api.example.com\"",
            ),
        ] {
            let problem = format!("{:?}", patched(&[host]).unwrap_err());
            assert!(problem.contains(&format!("detail: {:?}", format!("egress.hosts: {why}"))), "{problem}");
        }
    }

    #[test]
    fn no_error_shows_a_secret_and_key_and_tenant_cannot_be_patched() {
        for (patch, told) in [
            (json!({"secrets": {"api-key": 12_345_678}}), "a secret must be a non-empty string"),
            (json!({"secrets": {"api-key": {"v": "k-12345678"}}}), "a secret must be a non-empty string"),
            (json!({"secrets": {"api-key": ""}}), "a secret must not be empty"),
            (json!({"key": "other"}), "unknown field `key`"),
            (json!({"tenant": "other"}), "unknown field `tenant`"),
        ] {
            let error = serde_json::from_value::<ConnectionPatch>(patch).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("12345678"), "{error}");
        }
    }
}
