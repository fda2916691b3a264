//! A connection's settings: the values that the operator filled in, validated once and typed from then on.

use crate::{error::Error, manifest::setting::SettingSpec};

/// The setting that holds Iterable's host name.
pub const DOMAIN: &str = "domain";
const API_KEY: &str = "api-key";
/// The setting that says by which identifiers the Iterable project identifies people.
pub const PROJECT_TYPE: &str = "project-type";
const SUBSCRIPTIONS_API: &str = "subscriptions-api";
const WEBHOOK_ID: &str = "webhook-id";
const WEBHOOK_URL: &str = "webhook-url";

const US: &str = "api.iterable.com";
const EU: &str = "api.eu.iterable.com";

/// The settings, in the order in which a form shows them.
pub static SPECS: &[SettingSpec] = &[
    SettingSpec {
        name: DOMAIN,
        label: "Domain",
        description: "Host name of Iterable's API: api.iterable.com, or api.eu.iterable.com for projects in the European \
                      data centre. A key works only in its own data centre.",
        required: true,
        secret: false,
        default: Some(US),
        options: &[US, EU],
    },
    SettingSpec {
        name: API_KEY,
        label: "API key",
        description: "A server-side key of type Standard, without JWT. Weaker keys can neither erase nor read subscriptions.",
        required: true,
        secret: true,
        default: None,
        options: &[],
    },
    SettingSpec {
        name: PROJECT_TYPE,
        label: "Project type",
        description: "How the Iterable project identifies people: by email, by user-id, or by either (hybrid).",
        required: true,
        secret: false,
        default: Some("email"),
        options: &["email", "user-id", "hybrid"],
    },
    SettingSpec {
        name: SUBSCRIPTIONS_API,
        label: "Subscriptions API",
        description: "Whether the project has Iterable's Subscriptions API, which changes one subscription at a time. auto \
                      tries it and falls back to replacing whole lists, at the cost of one extra request each time.",
        required: true,
        secret: false,
        default: Some("auto"),
        options: &["auto", "on", "off"],
    },
    SettingSpec {
        name: WEBHOOK_ID,
        label: "Webhook ID",
        description: "Number of the system webhook whose token is renewed automatically. If empty or none, its token \
                      is rotated by hand.",
        required: false,
        secret: false,
        default: None,
        options: &[],
    },
];

/// How a project identifies people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectType {
    /// By email alone.
    Email,
    /// By user-id alone.
    UserId,
    /// By user-id or email.
    Hybrid,
}

/// Whether the project has the Subscriptions API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionsApi {
    /// Unknown: try it, and fall back to replacing whole lists.
    Auto,
    /// The project has it.
    On,
    /// The project does not have it.
    Off,
}

/// Validated settings, as returned by [`Settings::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Iterable's host name, used only in messages: the host addresses the requests.
    pub domain: String,
    /// By which identifiers the project identifies people.
    pub project_type: ProjectType,
    /// How subscriptions are written.
    pub subscriptions_api: SubscriptionsApi,
    /// The webhook whose token is renewed.
    pub webhook_id: Option<i64>,
    /// The address to which this connection's webhooks should be sent.
    pub webhook_url: Option<String>,
}

impl Settings {
    /// Reads name and value pairs. An absent or empty setting takes its default. Secrets are never passed in.
    ///
    /// Errors have the kind `invalid-settings` and name the setting, the value found and the values expected.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, Error> {
        let get = |name: &str| {
            let value = pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim());
            value.filter(|value| !value.is_empty())
        };
        Ok(Self {
            domain: get(DOMAIN).unwrap_or(US).to_owned(),
            project_type: project_type(get(PROJECT_TYPE).unwrap_or("email"))?,
            subscriptions_api: subscriptions_api(get(SUBSCRIPTIONS_API).unwrap_or("auto"))?,
            webhook_id: get(WEBHOOK_ID).map_or(Ok(None), webhook_id)?,
            webhook_url: get(WEBHOOK_URL).map(str::to_owned),
        })
    }
}

fn project_type(value: &str) -> Result<ProjectType, Error> {
    match value {
        "email" => Ok(ProjectType::Email),
        "user-id" => Ok(ProjectType::UserId),
        "hybrid" => Ok(ProjectType::Hybrid),
        found => Err(wrong(PROJECT_TYPE, found, "`email`, `user-id` or `hybrid`")),
    }
}

fn subscriptions_api(value: &str) -> Result<SubscriptionsApi, Error> {
    match value {
        "auto" => Ok(SubscriptionsApi::Auto),
        "on" => Ok(SubscriptionsApi::On),
        "off" => Ok(SubscriptionsApi::Off),
        found => Err(wrong(SUBSCRIPTIONS_API, found, "`auto`, `on` or `off`")),
    }
}

fn webhook_id(value: &str) -> Result<Option<i64>, Error> {
    if value.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let id = value.parse().ok().filter(|id: &i64| *id > 0);
    let id = id.ok_or_else(|| wrong(WEBHOOK_ID, value, "the webhook's number or `none`"))?;
    Ok(Some(id))
}

/// The error for a project whose Subscriptions API is `on` by its settings but off at Iterable.
pub(crate) fn subscriptions_api_is_off() -> Error {
    let message = "setting `subscriptions-api` is `on`, but Iterable answers that this project does not have the \
                   Subscriptions API: set it to `auto` or `off`, or ask Iterable to enable the API";
    Error::invalid_setting(SUBSCRIPTIONS_API, message.to_owned())
}

fn wrong(name: &str, found: &str, wanted: &str) -> Error {
    Error::invalid_setting(name, format!("setting `{name}` is `{found}`, expected {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Error> {
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::read(&pairs)
    }

    #[test]
    fn nothing_filled_in_gives_the_defaults_that_the_form_shows() {
        let defaults: Vec<_> = SPECS.iter().filter_map(|spec| Some((spec.name, spec.default?))).collect();
        assert_eq!(read(&[]).unwrap(), read(&defaults).unwrap());
        assert_eq!(read(&[]).unwrap().domain, "api.iterable.com");
        assert_eq!(read(&[]).unwrap().project_type, ProjectType::Email);
        assert_eq!(read(&[]).unwrap().subscriptions_api, SubscriptionsApi::Auto);
    }

    #[test]
    fn every_option_offered_is_understood() {
        for spec in SPECS {
            for option in spec.options {
                assert!(read(&[(spec.name, option)]).is_ok(), "{} = {option}", spec.name);
            }
        }
    }

    #[test]
    fn none_and_empty_mean_that_no_webhook_is_set() {
        for unset in ["", "  ", "none", "None"] {
            assert_eq!(read(&[("webhook-id", unset)]).unwrap().webhook_id, None, "{unset:?}");
        }
        assert_eq!(read(&[("webhook-id", " 42 ")]).unwrap().webhook_id, Some(42));
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_was_found_and_what_is_expected() {
        for (name, value, message) in [
            (
                "project-type",
                "phone",
                "setting `project-type` is `phone`, expected `email`, `user-id` or `hybrid`",
            ),
            (
                "subscriptions-api",
                "yes",
                "setting `subscriptions-api` is `yes`, expected `auto`, `on` or `off`",
            ),
            ("webhook-id", "7x", "setting `webhook-id` is `7x`, expected the webhook's number or `none`"),
            ("webhook-id", "-7", "setting `webhook-id` is `-7`, expected the webhook's number or `none`"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!((error.kind, error.code.as_str()), (ErrorKind::InvalidSettings, name));
            assert_eq!(error.message, message);
        }
    }
}
