mod registries;
mod releases;

use std::path::Path;

use super::{forward::ForwardForm, *};

/// Reads a service with these lines and this value of the Fides variable.
fn read(lines: &str, in_fides: Option<&str>) -> Result<ServiceConfig, Vec<String>> {
    let text = format!("[service]\nmaster-key = {{ env = \"KEY\" }}\n{lines}");
    let env = |name: &str| match name {
        "KEY" => Some("a".repeat(64)),
        "PASSWORD" => Some("hunter2".to_owned()),
        FIDES_LIFETIME => in_fides.map(str::to_owned),
        _ => None,
    };
    ConfigFile::from_toml(&text, Path::new(""), env)
        .map(|settings| settings.service.unwrap())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_token_lasts_as_the_file_says_or_else_as_fides_variable_says_or_else_ninety_days() {
    let lifetime = |lines, in_fides| read(lines, in_fides).unwrap().token_lifetime;
    assert_eq!(lifetime("", None), DAY * 90);
    assert_eq!(lifetime("", Some(" 43200 ")), DAY * 30);
    assert_eq!(lifetime("token-lifetime-minutes = 28800", Some("43200")), DAY * 20);
    assert_eq!(read("", None).unwrap().token_window, DAY * 7);
}

#[test]
fn a_lifetime_that_is_not_a_number_is_reported_with_the_variables_name() {
    for text in ["ninety days", "", "0", "-1", "1.5"] {
        assert_eq!(
            read("", Some(text)).unwrap_err(),
            [
                "service: the environment variable FIDES__SECURITY__CONSENT_WEBHOOK_ACCESS_TOKEN_EXPIRE_MINUTES \
                 must be a whole number of minutes above 0"
            ],
            "{text:?}"
        );
    }
}

#[test]
fn a_window_is_at_least_a_day_and_a_token_outlasts_it_by_another() {
    assert_eq!(
        read("token-window-days = 0", None).unwrap_err(),
        ["service.token-window-days: expected a whole number above 0"]
    );
    assert_eq!(read("token-window-days = 1\ntoken-lifetime-minutes = 2880", None).unwrap().token_window, DAY);
    for (lines, in_fides) in [
        ("token-window-days = 1\ntoken-lifetime-minutes = 2879", None),
        ("token-window-days = 1", Some("2879")),
    ] {
        assert_eq!(
            read(lines, in_fides).unwrap_err(),
            [
                "service.token-lifetime-minutes: webhook tokens must last at least a day longer than token-window-days, \
                 so that each has a successor in time: found 2879 minutes, expected at least 2880"
            ]
        );
    }
}

#[test]
fn requests_are_kept_for_good_unless_the_file_says_for_how_long_and_not_less_than_they_can_be_replayed() {
    assert_eq!(read("", None).unwrap().keep_requests, None);
    assert_eq!(read("keep-requests-days = 31", None).unwrap().keep_requests, Some(DAY * 31));
    assert_eq!(
        read("keep-requests-days = 30", None).unwrap_err(),
        [
            "service.keep-requests-days: found 30 days, expected at least 31: a failed request can be replayed for 30 days"
        ]
    );
}

#[test]
fn a_service_is_reached_from_its_own_machine_alone_unless_the_operator_says_otherwise() {
    let usual = read("", None).unwrap();
    assert_eq!(usual.listen.to_string(), "127.0.0.1:7400");
    assert_eq!(usual.webhook_listen, None);
    let opened = read("listen = '0.0.0.0:7400'\nwebhook-listen = '0.0.0.0:7401'", None).unwrap();
    assert_eq!(opened.listen.to_string(), "0.0.0.0:7400");
    assert_eq!(opened.webhook_listen.unwrap().to_string(), "0.0.0.0:7401");
}

#[test]
fn anyone_approves_unless_the_file_asks_for_a_second_person() {
    for lines in ["", "two-people = false"] {
        assert_eq!(read(lines, None).unwrap().approvers, Approvers::Anyone, "{lines}");
    }
    assert_eq!(read("two-people = true", None).unwrap().approvers, Approvers::SecondPerson);
    let wrong = read("two-people = 2", None).unwrap_err();
    assert_eq!(wrong, ["service.two-people: expected true or false"]);
}

#[test]
fn the_page_is_on_unless_the_file_turns_it_off_and_a_wrong_proxy_is_named() {
    assert_eq!(read("", None).unwrap().page, Some(PageConfig::default()));
    assert_eq!(read("page.enabled = false", None).unwrap().page, None);
    let set = "page = { proxies = ['192.0.2.7', '::1'], idle-minutes = 5, lifetime-hours = 1 }";
    let page = read(set, None).unwrap().page.unwrap();
    assert_eq!(page.proxies.len(), 2);
    assert_eq!((page.idle, page.lifetime), (Duration::from_mins(5), Duration::from_hours(1)));
    let wrong = read("page.proxies = ['proxy.example.com']", None).unwrap_err();
    assert!(wrong[0].starts_with("service.page.proxies"), "{wrong:?}");
    assert!(read("page.idle-minutes = 0", None).is_err());
    assert!(read("page.colour = 'red'", None).is_err());
}

#[test]
fn each_bound_of_callers_is_what_the_file_says_or_the_default() {
    assert_eq!(read("", None).unwrap().edge, EdgeConfig::default());
    assert_eq!(read("", None).unwrap().stop_grace, Duration::from_secs(30));
    let lines = "header-timeout-seconds = 1\nbody-timeout-seconds = 2\nmax-header-bytes = 8192\nmax-connections = 4\n\
                 max-webhook-connections = 5\nstop-grace-seconds = 6";
    let written = read(lines, None).unwrap();
    let expected = EdgeConfig {
        header_timeout: Duration::from_secs(1),
        body_timeout: Duration::from_secs(2),
        max_header_bytes: 8_192,
        max_connections: 4,
        max_webhook_connections: 5,
    };
    assert_eq!((written.edge, written.stop_grace), (expected, Duration::from_secs(6)));
}

#[test]
fn a_bound_that_nothing_can_keep_is_refused() {
    for key in [
        "header-timeout-seconds",
        "body-timeout-seconds",
        "max-connections",
        "max-webhook-connections",
        "stop-grace-seconds",
    ] {
        let expected = format!("service.{key}: expected a whole number above 0");
        assert_eq!(read(&format!("{key} = 0"), None).unwrap_err(), [expected]);
    }
    assert_eq!(
        read("max-header-bytes = 8191", None).unwrap_err(),
        ["service.max-header-bytes: expected at least 8192 bytes"]
    );
    assert_eq!(
        read("max-header-bytes = 1048577", None).unwrap_err(),
        ["service.max-header-bytes: expected at most 1048576 bytes"]
    );
    assert_eq!(read("max-header-bytes = 1048576", None).unwrap().edge.max_header_bytes, 1 << 20);
}

#[test]
fn an_address_to_listen_on_is_a_host_or_a_name_with_a_port() {
    let read = |lines| read(lines, None);
    let named = read("listen = 'localhost:8080'\nwebhook-listen = '[::1]:0'").unwrap();
    assert_eq!(named.listen.to_string(), "localhost:8080");
    assert_eq!(named.webhook_listen.unwrap().to_string(), "[::1]:0");
    assert_eq!(
        read("listen = 'http://localhost:8080'\nwebhook-listen = '8081'").unwrap_err(),
        [
            "service.listen: found `http://localhost:8080`, expected a host and a port, such as \"127.0.0.1:7400\", \
             \"localhost:7400\" or \"[::1]:7400\"",
            "service.webhook-listen: found `8081`, expected a host and a port, such as \"127.0.0.1:7400\", \
             \"localhost:7400\" or \"[::1]:7400\"",
        ]
    );
    assert_eq!(read("listen = 7400").unwrap_err(), ["service.listen: expected a string"]);
    assert_eq!(
        read("lisen = 'localhost:8080'").unwrap_err(),
        ["service: unknown key `lisen`: did you mean `listen`?"]
    );
}

#[test]
fn consent_events_are_posted_signed_or_to_fides_by_its_own_calls() {
    let read = |lines: &str| {
        let text = format!(
            "service.master-key = {{ env = 'MASTER' }}\nplugins.iterable.file = 'i.wasm'\n[tenants.acme.forward]\n{lines}"
        );
        let env = |name: &str| match name {
            "MASTER" => Some("ab".repeat(32)),
            "SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
            _ => None,
        };
        let read = ConfigFile::from_toml(&text, Path::new("."), env);
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let form = |lines: &str| read(lines).map(|file| file.forwards["acme"].form.clone());
    let signed = "url = 'https://p.example.com/e?of=acme'\nsecret = { env = 'SECRET' }";
    assert!(matches!(form(signed), Ok(ForwardForm::Standard(_))));
    assert!(matches!(form(&format!("form = 'standard'\n{signed}")), Ok(ForwardForm::Standard(_))));
    assert!(matches!(form("form = 'fides'\nurl = 'https://fides.example.com'"), Ok(ForwardForm::Fides)));
    for (lines, why) in [
        ("url = 'https://p.example.com/e'", "`secret` is missing"),
        (
            "form = 'slack'\nurl = 'https://p.example.com'",
            "found `slack`, expected \"standard\" or \"fides\"",
        ),
        ("form = 'fides'\nurl = 'https://fides.example.com/?a=b'", "without a query"),
        (
            "form = 'fides'\nurl = 'https://fides.example.com'\nsecret = { env = 'SECRET' }",
            "Fides checks no signature",
        ),
        ("form = 'fides'\nurl = 'http://fides.example.com'", "tenants.acme.forward.url"),
    ] {
        let refused = form(lines).unwrap_err();
        assert!(refused.contains(why), "{lines}: {refused}");
    }
}

#[test]
fn a_public_url_has_nothing_after_its_path_and_an_address_to_post_to_no_fragment() {
    let read = |lines: &str| read(lines, None);
    let public = |url: &str| read(&format!("public-url = '{url}'")).map(|config| config.public_url.unwrap());
    assert_eq!(public("https://hooks.example.com/").unwrap(), "https://hooks.example.com");
    assert_eq!(public("https://example.com/privacy").unwrap(), "https://example.com/privacy");
    for (url, found) in [
        ("https://hooks.example.com?a=b", "a query (`?…`)"),
        ("https://hooks.example.com/?", "a query (`?…`)"),
        ("https://hooks.example.com/#top", "a fragment (`#…`)"),
        ("https://hooks.example.com/path?#", "a query (`?…`)"),
        ("https://user:secret@hooks.example.com", "a user or a password (`…@`)"),
        ("https://user@hooks.example.com", "a user or a password (`…@`)"),
    ] {
        let expected = format!(
            "service.public-url: found {found}, expected an address without one, such as https://privacy.example.com: \
             webhook addresses begin with it and go on with a path"
        );
        assert_eq!(public(url).unwrap_err(), [expected], "{url}");
    }
    let alarm = |url: &str| read(&format!("alarm-url = '{url}'"));
    assert_eq!(
        alarm("https://alarms.example.com/a?token=b").unwrap().alarm_url.unwrap(),
        "https://alarms.example.com/a?token=b"
    );
    assert_eq!(
        alarm("https://alarms.example.com/a#b").unwrap_err(),
        ["service.alarm-url: found a fragment (`#…`), which is never sent: remove it"]
    );
}

#[test]
fn compiled_code_is_beside_the_database_unless_the_file_says_otherwise() {
    let read = |lines| read(lines, None).unwrap().compiled_cache;
    assert_eq!(read(""), Path::new("connector-host.db.compiled"));
    assert_eq!(read("database = 'data/a.db'"), Path::new("data/a.db.compiled"));
    assert_eq!(read("compiled-cache = 'code'"), Path::new("code"));
}

#[test]
fn the_url_of_a_server_names_the_database_and_its_files_are_beside_the_configuration() {
    let read = |lines| read(lines, None).unwrap();
    let file = read("");
    assert_eq!(file.database.to_string(), "connector-host.db");
    assert_eq!(file.erasure_ledger, Path::new("connector-host.db.erasures"));
    let server = read(
        "database = 'postgres://app@db.example.com/privacy?sslrootcert=/etc/ca.pem'\n\
         database-password = { env = 'PASSWORD' }",
    );
    assert!(!format!("{server:?}").contains("hunter2"), "{server:?}");
    assert_eq!(server.database.to_string(), "postgres://app@db.example.com/privacy");
    assert_eq!(server.erasure_ledger, Path::new("connector-host.erasures"));
    assert_eq!(server.compiled_cache, Path::new("connector-host.compiled"));
    assert_eq!(server.listen_database.unwrap().to_string(), "postgres://app@db.example.com/privacy");
    let pooled = read("database = 'postgres://app@pool/privacy'\nlisten-url = 'postgres://app@db/privacy'");
    assert_eq!(pooled.listen_database.unwrap().to_string(), "postgres://app@db/privacy");
    assert_eq!(read("erasure-ledger = 'kept/erasures'").erasure_ledger, Path::new("kept/erasures"));
}

#[test]
fn a_password_stands_apart_from_the_url_and_a_file_has_none() {
    let refused = |lines: &str| read(lines, None).unwrap_err();
    assert_eq!(
        refused("database = 'postgres://app:hunter2@db.example.com/privacy'"),
        [format!("service.database: {}", host_store::WrongDatabaseUrl::Password)]
    );
    assert_eq!(
        refused("database = 'a.db'\ndatabase-password = { env = 'PASSWORD' }"),
        [format!("service.database-password: {}", WrongSetting::OfServerOnly)]
    );
}
