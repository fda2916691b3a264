//! Tests a connection: one check for the key and one for each capability. Nothing changes at Iterable.

mod endpoint;

use std::collections::BTreeSet;

use crate::{
    error::{Error, ErrorKind},
    http::Vendor,
    iterable::{
        client::{Client, TOO_LARGE},
        forgotten,
        model::{Listing, Row},
        request::plain,
    },
    manifest::{self, Operation},
    operations,
    settings::{ProjectType, Settings},
};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It works.
    Passed,
    /// It does not work: the detail says why.
    Failed,
    /// Not set up, so not tried.
    Untried,
}

/// The result of trying one thing that a connection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `connector`, `api-key`, `consent`, `erasure` or `webhook`.
    pub name: &'static str,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// For an operator.
    pub detail: String,
}

/// Tries what each capability needs. The first check reports the version of the connector.
pub fn test_connection(settings: &Settings, vendor: &mut dyn Vendor) -> Vec<Check> {
    let mut client = Client::new(vendor);
    let channels =
        client.read::<Listing>(&operations::LIST_CHANNELS).map(|channels| channels.rows.read.len());
    let message_types = client.read::<Listing>(&operations::LIST_MESSAGE_TYPES);
    let forgotten = forgotten(&mut client, settings.project_type);
    let webhooks = client.read::<Listing>(&operations::LIST_WEBHOOKS).map(|webhooks| webhooks.rows.read);
    let version = format!("version {}", manifest::version());
    vec![
        Check { name: "connector", outcome: CheckOutcome::Passed, detail: version },
        check("api-key", key(settings, &channels, &[forgotten.as_ref().err(), webhooks.as_ref().err()])),
        check("consent", consent(channels, message_types)),
        check("erasure", forgotten.map_err(|error| error.message)),
        match settings.webhook_id {
            Some(id) => check("webhook", webhook(settings, id, webhooks)),
            None => Check {
                name: "webhook",
                outcome: CheckOutcome::Untried,
                detail: format!(
                    "setting `webhook-id` is empty: the webhook's token is rotated by hand{}",
                    webhooks.map_or_else(|error| format!("; {}", error.message), |webhooks| found(&webhooks))
                ),
            },
        },
    ]
}

fn check(name: &'static str, result: Result<String, String>) -> Check {
    match result {
        Ok(detail) => Check { name, outcome: CheckOutcome::Passed, detail },
        Err(detail) => Check { name, outcome: CheckOutcome::Failed, detail },
    }
}

/// Any valid key may read channels, but only a key of the right kind may read the list of forgotten users and webhooks.
fn key(
    settings: &Settings,
    weak: &Result<usize, Error>,
    strong: &[Option<&Error>],
) -> Result<String, String> {
    let is_unauthorized = |error: &&Error| error.kind == ErrorKind::Unauthorized;
    match weak {
        Err(error) if is_unauthorized(&error) => Err(format!(
            "{}: it may be wrong or disabled, or belong to a different data centre than `{}`",
            error.message, settings.domain
        )),
        Err(error) => Err(error.message.clone()),
        Ok(_) => match strong.iter().flatten().copied().find(is_unauthorized) {
            Some(error) => Err(format!(
                "{}, although it may read channels: a server-side key of type Standard, without JWT, is required",
                error.message
            )),
            None => Ok("Iterable accepts the key".to_owned()),
        },
    }
}

fn consent(channels: Result<usize, Error>, message_types: Result<Listing, Error>) -> Result<String, String> {
    let channels = channels.map_err(|error| error.message)?;
    let message_types = message_types.map_err(|error| error.message)?.rows.read.len();
    Ok(format!("{channels} channels and {message_types} message types"))
}

/// Reads the lists that prove erasures in a project of this type. A list over its size limit counts as readable.
fn forgotten(client: &mut Client, project: ProjectType) -> Result<String, Error> {
    let lists: &[&'static Operation] = match project {
        ProjectType::Email => &[&operations::LIST_FORGOTTEN_EMAILS],
        ProjectType::UserId => &[&operations::LIST_FORGOTTEN_USER_IDS],
        ProjectType::Hybrid => &[&operations::LIST_FORGOTTEN_USER_IDS, &operations::LIST_FORGOTTEN_EMAILS],
    };
    let mut detail = "the list of forgotten users can be read";
    for operation in lists {
        match client.raw(plain(operation)) {
            Err(error) if error.code == TOO_LARGE => {
                detail = "the list of forgotten users can be read but exceeds its size limit: erasures are no longer proven";
            }
            Err(error) => return Err(error),
            Ok(response) if forgotten::listed(&response.body, &BTreeSet::new()).is_none() => {
                return Err(client.unreadable(operation, &response));
            }
            Ok(_) => {}
        }
    }
    Ok(detail.to_owned())
}

fn webhook(settings: &Settings, id: i64, webhooks: Result<Vec<Row>, Error>) -> Result<String, String> {
    let webhooks = webhooks.map_err(|error| error.message)?;
    let Some(webhook) = webhooks.iter().find(|webhook| webhook.id == Some(id)) else {
        return Err(format!(
            "this project has no webhook {id}: see setting `webhook-id`{}",
            found(&webhooks)
        ));
    };
    match webhook.enabled {
        Some(true) => {}
        Some(false) => return Err(format!("webhook {id} is not enabled")),
        None => return Err(format!("Iterable does not say whether webhook {id} is enabled")),
    }
    if webhook.auth_type.as_deref() != Some("OAuth2") {
        return Err(format!("webhook {id} is not set to OAuth2"));
    }
    match &settings.webhook_url {
        Some(url) if !webhook.endpoint.as_deref().is_some_and(|found| endpoint::is_same(found, url)) => {
            Err(format!("webhook {id} does not point at {url}"))
        }
        Some(_) => Ok(format!("webhook {id} is enabled, set to OAuth2 and points here")),
        None => Ok(format!(
            "webhook {id} is enabled and set to OAuth2; its address was not compared because `webhook-url` is not set"
        )),
    }
}

/// Lists the project's webhooks, for an operator who is looking for the right one. Shows only the host of each address:
/// the rest may contain secrets.
fn found(webhooks: &[Row]) -> String {
    let one = |webhook: &Row| {
        let host = webhook.endpoint.as_ref().and_then(|address| address.split("://").nth(1));
        let host = host.and_then(|rest| rest.split(['/', '?', '#']).next());
        let host = host.and_then(|host| host.rsplit('@').next());
        let state = match webhook.enabled {
            Some(true) => "enabled",
            Some(false) => "not enabled",
            None => "state unknown",
        };
        let id = webhook.id.map_or_else(|| "a webhook without a number".to_owned(), |id| id.to_string());
        let auth_type = webhook.auth_type.as_deref().unwrap_or("no authentication type");
        format!("{id} ({state}, {auth_type}, at {})", host.unwrap_or("an unknown address"))
    };
    if webhooks.is_empty() {
        return "; this project has no webhooks".to_owned();
    }
    let all: Vec<_> = webhooks.iter().take(MAX_WEBHOOKS_SHOWN).map(one).collect();
    let more = webhooks.len().saturating_sub(MAX_WEBHOOKS_SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("; this project has {}{more}", all.join(", "))
}

/// The maximum number of webhooks that a detail lists.
const MAX_WEBHOOKS_SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::SendErrorKind,
        testing::{Script, settings},
    };

    const CHANNELS: &str =
        r#"{"channels":[{"id":1,"name":"M","channelType":"Marketing","messageMedium":"Email"}]}"#;
    const TYPES: &str =
        r#"{"messageTypes":[{"id":2,"name":"N","channelId":1},{"id":3,"name":"O","channelId":1}]}"#;
    const HASHES: &str = r#"{"hashedEmails":[]}"#;
    const BAD_KEY: &str = r#"{"msg":"Invalid API key","code":"BadApiKey","params":{"ip":"192.0.2.1"}}"#;

    fn hook(auth: &str, enabled: bool, endpoint: &str) -> String {
        let hook = serde_json::json!({"id": 42, "authType": auth, "enabled": enabled, "endpoint": endpoint,
            "blastSendEnabled": true, "triggeredSendEnabled": true});
        serde_json::json!({ "webhooks": [hook] }).to_string()
    }

    fn script(webhooks: &str) -> Script {
        Script::of("connector")
            .answers("list-channels", 200, CHANNELS)
            .answers("list-message-types", 200, TYPES)
            .answers("list-forgotten-emails", 200, HASHES)
            .answers("list-webhooks", 200, webhooks)
    }

    fn outcomes(checks: &[Check]) -> Vec<(&str, CheckOutcome)> {
        checks.iter().map(|check| (check.name, check.outcome)).collect()
    }

    fn detail<'a>(checks: &'a [Check], name: &str) -> &'a str {
        &checks.iter().find(|check| check.name == name).unwrap().detail
    }

    #[test]
    fn a_connection_that_works_passes_and_reports_which_build_answered() {
        let settings = settings(&[("webhook-id", "42"), ("webhook-url", "https://example.com/w")]);
        let checks = test_connection(&settings, &mut script(&hook("OAuth2", true, "https://example.com/w")));
        let names = ["connector", "api-key", "consent", "erasure", "webhook"];
        assert_eq!(outcomes(&checks), names.map(|name| (name, CheckOutcome::Passed)));
        assert_eq!(detail(&checks, "connector"), format!("version {}", manifest::version()));
        assert_eq!(detail(&checks, "consent"), "1 channels and 2 message types");
    }

    #[test]
    fn without_a_webhook_id_the_webhook_is_untried() {
        let checks = test_connection(&settings(&[]), &mut script(r#"{"webhooks":[]}"#));
        assert_eq!(outcomes(&checks)[4], ("webhook", CheckOutcome::Untried));
        assert_eq!(
            detail(&checks, "webhook"),
            "setting `webhook-id` is empty: the webhook's token is rotated by hand; this project has no webhooks"
        );
    }

    #[test]
    fn the_projects_webhooks_are_shown_to_who_looks_for_the_right_one_without_what_their_addresses_hold() {
        let hooks = hook("OAuth2", false, "https://key@hooks.example.com/w?token=t-0123456789");
        let checks = test_connection(&settings(&[]), &mut script(&hooks));
        assert_eq!(
            detail(&checks, "webhook"),
            "setting `webhook-id` is empty: the webhook's token is rotated by hand; \
             this project has 42 (not enabled, OAuth2, at hooks.example.com)"
        );
    }

    #[test]
    fn a_webhook_is_said_to_point_here_only_if_its_address_was_compared() {
        for (url, detail_wanted) in [
            ("https://example.com/w", "webhook 42 is enabled, set to OAuth2 and points here"),
            (
                "",
                "webhook 42 is enabled and set to OAuth2; its address was not compared because `webhook-url` is not set",
            ),
        ] {
            let settings = settings(&[("webhook-id", "42"), ("webhook-url", url)]);
            let checks =
                test_connection(&settings, &mut script(&hook("OAuth2", true, "https://example.com/w")));
            assert_eq!(
                (outcomes(&checks)[4].1, detail(&checks, "webhook")),
                (CheckOutcome::Passed, detail_wanted)
            );
        }
    }

    #[test]
    fn a_webhook_whose_address_has_merge_tags_in_its_query_points_here() {
        let settings = settings(&[("webhook-id", "42"), ("webhook-url", "https://example.com/w")]);
        let hooks = hook("OAuth2", true, "https://example.com/w?campaign={{campaignId}}");
        let checks = test_connection(&settings, &mut script(&hooks));
        assert_eq!(detail(&checks, "webhook"), "webhook 42 is enabled, set to OAuth2 and points here");
    }

    #[test]
    fn a_refused_key_may_belong_to_the_other_data_centre() {
        let mut script = Script::of("connector")
            .answers("list-channels", 401, BAD_KEY)
            .answers("list-message-types", 401, BAD_KEY)
            .answers("list-forgotten-emails", 401, BAD_KEY)
            .answers("list-webhooks", 401, BAD_KEY);
        let checks = test_connection(&settings(&[("domain", "api.eu.iterable.com")]), &mut script);
        assert_eq!(
            detail(&checks, "api-key"),
            "Iterable refused the key or its rights for `list-channels` (status 401, code BadApiKey): it may be wrong \
             or disabled, or belong to a different data centre than `api.eu.iterable.com`"
        );
        assert!(outcomes(&checks)[1..4].iter().all(|(_, outcome)| *outcome == CheckOutcome::Failed));
    }

    #[test]
    fn a_key_of_the_wrong_kind_is_distinguished_from_a_wrong_key() {
        let mut script = Script::of("connector")
            .answers("list-channels", 200, CHANNELS)
            .answers("list-message-types", 200, TYPES)
            .answers("list-forgotten-emails", 401, BAD_KEY)
            .answers("list-webhooks", 401, BAD_KEY);
        let checks = test_connection(&settings(&[]), &mut script);
        assert_eq!(
            outcomes(&checks)[1..4],
            [
                ("api-key", CheckOutcome::Failed),
                ("consent", CheckOutcome::Passed),
                ("erasure", CheckOutcome::Failed),
            ]
        );
        assert!(
            detail(&checks, "api-key")
                .ends_with("a server-side key of type Standard, without JWT, is required")
        );
    }

    #[test]
    fn each_project_type_reads_its_own_lists_and_one_too_long_is_readable() {
        for (project, lists) in [
            ("email", &["list-forgotten-emails"][..]),
            ("user-id", &["list-forgotten-user-ids"]),
            ("hybrid", &["list-forgotten-user-ids", "list-forgotten-emails"]),
        ] {
            let mut script = Script::of("connector").answers("list-channels", 200, CHANNELS).answers(
                "list-message-types",
                503,
                "",
            );
            for list in lists {
                script = script.fails(list, SendErrorKind::TooLarge, true);
            }
            let mut script = script.answers("list-webhooks", 200, r#"{"webhooks":[]}"#);
            let checks = test_connection(&settings(&[("project-type", project)]), &mut script);
            script.done();
            assert_eq!(outcomes(&checks)[3], ("erasure", CheckOutcome::Passed), "{project}");
            assert_eq!(outcomes(&checks)[2], ("consent", CheckOutcome::Failed));
            assert_eq!(
                detail(&checks, "consent"),
                "Iterable failed to process `list-message-types` (status 503)"
            );
        }
    }

    #[test]
    fn a_webhook_that_would_not_reach_us_fails_with_the_reason() {
        let settings = settings(&[("webhook-id", "42"), ("webhook-url", "https://example.com/w")]);
        for (webhooks, reason) in [
            (
                r#"{"webhooks":[]}"#.to_owned(),
                "this project has no webhook 42: see setting `webhook-id`; this project has no webhooks",
            ),
            (hook("OAuth2", false, "https://example.com/w"), "webhook 42 is not enabled"),
            (hook("Basic", true, "https://example.com/w"), "webhook 42 is not set to OAuth2"),
            (
                hook("OAuth2", true, "https://example.com/x"),
                "webhook 42 does not point at https://example.com/w",
            ),
        ] {
            let checks = test_connection(&settings, &mut script(&webhooks));
            assert_eq!((outcomes(&checks)[4].1, detail(&checks, "webhook")), (CheckOutcome::Failed, reason));
        }
    }

    #[test]
    fn rows_that_cannot_be_read_fail_no_check() {
        let mut script = Script::of("connector")
            .answers("list-channels", 200, r#"{"channels":[{"id":1},{"name":7},null]}"#)
            .answers("list-message-types", 200, r#"{"messageTypes":[{"id":"2","name":null}]}"#)
            .answers("list-forgotten-emails", 200, r#"{"hashedEmails":[null]}"#)
            .answers(
                "list-webhooks",
                200,
                r#"{"webhooks":[null,{"id":7},{"id":"42","authType":"OAuth2","enabled":"true","endpoint":null}]}"#,
            );
        let checks = test_connection(&settings(&[("webhook-id", "42")]), &mut script);
        assert!(checks.iter().all(|check| check.outcome == CheckOutcome::Passed), "{checks:?}");
    }

    #[test]
    fn a_webhook_whose_state_is_not_given_is_not_called_disabled() {
        let mut script = script(r#"{"webhooks":[{"id":42}]}"#);
        let checks = test_connection(&settings(&[("webhook-id", "42")]), &mut script);
        assert_eq!(detail(&checks, "webhook"), "Iterable does not say whether webhook 42 is enabled");
    }
}
