mod files;
mod sources;
mod trust;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    connection::{Reach, TenantId},
    plugin::Wasi,
};

const WHOLE: &str = r#"
[host]
concurrent-calls = 16
tenant-concurrent-calls = 4
wasm-stack-bytes = 65536
[limits]
requests = 10
cpu-ms = 100
[plugins.iterable]
file = "iterable.wasm"
wasi = "trapped"
max-bytes = 1000000
watch = true
[tenants.acme.limits]
requests = 20
log-lines = 7
[connections.newsletter]
tenant = "acme"
plugin = "iterable"
webhook-url = "https://hooks.example.com/newsletter"
settings = { project-type = "hybrid" }
secrets.api-key = { env = "ITERABLE_API_KEY" }
webhook-tokens = [{ insecure-inline = "t-old-token" }, { env = "TOKEN" }]
token-to-install = { env = "TOKEN" }
[connections.newsletter.egress]
hosts = ["127.0.0.1:8080"]
loopback = true
plain-http = true
denied-operations = ["users-forget"]
request-cap = 1
response-cap = 2
declared-response-cap = 3
limiter-patience-ms = 0
deadlines = { connect-ms = 4, first-byte-ms = 5, between-bytes-ms = 6, total-ms = 7 }
[connections.newsletter.limits]
requests = 30
"#;

fn env(name: &str) -> Option<String> {
    match name {
        "ITERABLE_API_KEY" => Some("k-0123456789".to_owned()),
        "TOKEN" => Some("t-new-token".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn read(text: &str) -> Result<Config, Vec<ConfigProblem>> {
    Config::from_toml(text, Path::new("/etc/connector-host"), env)
}

/// Returns the problems as an operator sees them, without the file's name.
fn wrong(text: &str) -> Vec<String> {
    let problems = read(text).unwrap_err();
    problems.iter().map(|problem| format!("{}: {problem}", problem.line.unwrap())).collect()
}

/// Returns the problems of an otherwise valid connection with these lines, which begin at line 6.
fn wrong_with(lines: &str) -> Vec<String> {
    wrong(&format!(
        "plugins.iterable.file = \"i.wasm\"\n[tenants.acme]\n[connections.newsletter]\ntenant = \"acme\"\n\
         plugin = \"iterable\"\n{lines}"
    ))
}

#[test]
fn every_key_has_its_meaning() {
    let config = read(WHOLE).unwrap();
    let limits = HostLimits { concurrent_calls: 16, tenant_concurrent_calls: 4, wasm_stack_bytes: 65_536 };
    assert_eq!(config.host, limits);
    let plugin = &config.plugins["iterable"];
    assert_eq!(plugin.path().unwrap(), Path::new("/etc/connector-host/iterable.wasm"));
    assert_eq!((plugin.policy.wasi, plugin.policy.max_bytes, plugin.watch), (Wasi::Trapped, 1_000_000, true));
    let [newsletter] = config.connections() else { panic!("{config:?}") };
    assert_eq!(newsletter.tenant, TenantId("acme".into()));
    assert_eq!((newsletter.key.as_str(), newsletter.plugin.as_str()), ("newsletter", "iterable"));
    assert_eq!(newsletter.settings["project-type"], "hybrid");
    assert!(newsletter.secrets["api-key"].matches(b"k-0123456789"));
    assert_eq!(newsletter.webhook_url.as_deref(), Some("https://hooks.example.com/newsletter"));
    assert!(newsletter.accepted_tokens[0].matches(b"t-old-token"));
    assert!(newsletter.accepted_tokens[1].matches(b"t-new-token"));
    assert!(newsletter.token_to_install.as_ref().unwrap().matches(b"t-new-token"));
    let policy = &newsletter.policy;
    assert_eq!(policy.hosts, ["127.0.0.1:8080".to_owned()].into());
    assert_eq!(policy.reach, Reach::Loopback);
    assert_eq!(policy.denied_operations, ["users-forget".to_owned()].into());
    assert_eq!((policy.request_cap, policy.response_cap, policy.declared_response_cap), (1, 2, 3));
    assert_eq!(policy.limiter_patience, Duration::ZERO);
    let ms = Duration::from_millis;
    let deadlines = policy.deadlines;
    assert_eq!((deadlines.connect, deadlines.first_byte), (ms(4), ms(5)));
    assert_eq!((deadlines.between_bytes, deadlines.total), (ms(6), ms(7)));
}

#[test]
fn a_connections_limits_go_before_its_tenants_and_those_before_the_ones_for_all() {
    let config = read(WHOLE).unwrap();
    let limits = &config.connections()[0].limits;
    assert_eq!((limits.requests, limits.log_lines, limits.cpu_ms), (30, 7, 100));
    assert_eq!(limits.wall_ms, crate::connection::CallLimits::default().wall_ms);
}

#[test]
fn nothing_is_a_configuration_with_the_defaults() {
    let config = read("").unwrap();
    assert_eq!(config.host, HostLimits::default());
    assert!(config.plugins.is_empty() && config.connections().is_empty() && config.warnings().is_empty());
}

#[test]
fn a_mistyped_key_is_reported_with_its_line_and_the_key_that_was_meant() {
    assert_eq!(
        wrong("[conections.newsletter]\n"),
        ["1: unknown key `conections`: did you mean `connections`?"]
    );
    assert_eq!(wrong("[host]\n\ncolour = 1\n"), ["3: host: unknown key `colour`"]);
    assert_eq!(
        wrong("[plugins.iterable]\nfile = \"i.wasm\"\nmax_bytes = 7"),
        ["3: plugins.iterable: unknown key `max_bytes`: did you mean `max-bytes`?"]
    );
    assert_eq!(
        wrong_with(
            "setings = { a = \"b\" }\nlimits = { cpu = 1 }\negress = { deadlines = { conect-ms = 1 } }"
        ),
        [
            "6: connections.newsletter: unknown key `setings`: did you mean `settings`?",
            "7: connections.newsletter.limits: unknown key `cpu`: did you mean `cpu-ms`?",
            "8: connections.newsletter.egress.deadlines: unknown key `conect-ms`: did you mean `connect-ms`?",
        ]
    );
    assert_eq!(wrong("[tenants.acme]\nname = \"Acme\""), ["2: tenants.acme: unknown key `name`"]);
}

#[test]
fn what_a_connection_names_must_be_there() {
    assert_eq!(
        wrong(
            "plugins.iterable.file = \"i\"\ntenants.acme = {}\n[connections.n]\ntenant = \"acne\"\nplugin = \"iterabel\""
        ),
        [
            "4: connections.n.tenant: there is no tenant `acne`: did you mean `acme`?",
            "5: connections.n.plugin: there is no plugin `iterabel`: did you mean `iterable`?",
        ]
    );
    assert_eq!(
        wrong("[connections.n]"),
        ["1: connections.n: `tenant` is missing", "1: connections.n: `plugin` is missing"]
    );
    assert_eq!(wrong("[plugins.iterable]"), ["1: plugins.iterable: `file` or `registry` is missing"]);
}

#[test]
fn a_secret_is_named_and_what_is_wrong_with_it_never_shows_it() {
    const HOW: &str = "expected a reference to a secret: { env = \"NAME\" } or { file = \"path\" }; \
                       to keep it in this file anyway, write { insecure-inline = \"…\" }";
    const EITHER: &str = "expected either { env = \"NAME\" } or { file = \"path\" }; \
                          to keep the secret in this file anyway, write { insecure-inline = \"…\" }";
    let key = "6: connections.newsletter.secrets.api-key";
    for (value, sentence) in [
        ("\"k-0123456789\"", format!("{key}: {HOW}")),
        ("{ env = \"MISSING\" }", format!("{key}: the environment variable MISSING is not set")),
        ("{ env = \"EMPTY\" }", format!("{key}: the secret is empty")),
        ("{}", format!("{key}: {EITHER}")),
        ("{ env = \"A\", insecure-inline = \"k-0123456789\" }", format!("{key}: {EITHER}")),
        ("{ insecure-inline = 123456789 }", format!("{key}.insecure-inline: expected a string")),
        (
            "{ insecure_inline = \"k-0123456789\" }",
            format!("{key}: unknown key `insecure_inline`: did you mean `insecure-inline`?"),
        ),
        ("123456789", format!("{key}: expected a table")),
        (
            "{ file = \"missing\" }",
            format!("{key}: cannot read /etc/connector-host/missing: No such file or directory (os error 2)"),
        ),
    ] {
        let told = wrong_with(&format!("secrets.api-key = {value}"));
        assert_eq!(told.first(), Some(&sentence), "{value}");
        assert!(!told.join("").contains("123456789"), "{told:?}");
    }
    assert_eq!(
        wrong_with("secrets = \"k-0123456789\"\nwebhook-tokens = [\"t-0123456789\", { insecure-inline = \"t-1\" }]\n"),
        [
            "6: connections.newsletter.secrets: expected a table".to_owned(),
            format!("7: connections.newsletter.webhook-tokens: {HOW}"),
            "7: connections.newsletter.webhook-tokens: a token of 3 characters cannot be kept out of answers and logs; \
             at least 6 are required"
                .to_owned(),
        ]
    );
}

#[test]
fn a_value_of_the_wrong_type_or_range_is_reported_with_what_is_expected() {
    for (lines, sentence) in [
        ("limits = { cpu-ms = 0 }", "limits.cpu-ms: expected a whole number above 0"),
        ("limits = { requests = -1 }", "limits.requests: expected a whole number above 0"),
        ("limits = { requests = 5000000000 }", "limits: expected at most 4294967295 requests and log lines"),
        ("egress = { response-cap = 0 }", "egress.response-cap: expected a whole number above 0"),
        ("egress = { hosts = \"a\" }", "egress.hosts: expected a list"),
        ("egress = { hosts = [\"a\", 1] }", "egress.hosts[1]: expected a string"),
        (
            "egress = { hosts = [\"b\u{fc}cher.example\"] }",
            "egress.hosts: the host is written with characters outside ASCII: write it as \"xn--bcher-kva.example\"",
        ),
        (
            "egress = { hosts = [\"a/b\"] }",
            "egress.hosts: expected a host name such as api.example.com, found \"a/b\"",
        ),
        ("egress = { loopback = 1 }", "egress.loopback: expected true or false"),
        ("egress = { limiter-patience-ms = \"1 s\" }", "egress.limiter-patience-ms: expected a whole number"),
        ("egress.deadlines = { total-ms = 0 }", "egress.deadlines.total-ms: expected a whole number above 0"),
        (
            "system = \"crm\u{202e}\"",
            "system: contains U+202E as its character 4, which is not allowed: it is invisible or changes how the text \
             is shown",
        ),
        ("settings = { a = 1 }", "settings.a: expected a string"),
        ("webhook-tokens = { env = \"A\" }", "webhook-tokens: expected a list"),
        (
            "webhook-url = \"hooks\"",
            "webhook-url: expected an address in ASCII, such as https://hooks.example.com/newsletter, without a fragment \
             (`#…`)",
        ),
        (
            "webhook-url = \"https://hooks.example.com/a?b=c#d\"",
            "webhook-url: expected an address in ASCII, such as https://hooks.example.com/newsletter, without a fragment \
             (`#…`)",
        ),
        (
            "webhook-url = \"https://b\u{fc}cher.example/\"",
            "webhook-url: expected an address in ASCII, such as https://hooks.example.com/newsletter, without a fragment \
             (`#…`)",
        ),
        (
            "egress = { plain-http = true }",
            "egress.plain-http: plain HTTP is only allowed to this machine: set loopback = true as well, or omit it",
        ),
    ] {
        let told = wrong_with(lines);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].ends_with(&format!(": connections.newsletter.{sentence}")), "{told:?}");
    }
    assert_eq!(
        wrong("[plugins.iterable]\nfile = \"i\"\nwasi = \"trap\""),
        ["3: plugins.iterable.wasi: expected `refused` or `trapped`"]
    );
    assert_eq!(
        wrong("host.concurrent-calls = 0"),
        ["1: host.concurrent-calls: expected a whole number above 0"]
    );
    assert_eq!(wrong("connections = 1"), ["1: connections: expected a table"]);
}

#[test]
fn a_key_that_is_no_word_is_refused() {
    const WORD: &str =
        "expected lower-case words and digits with single dashes between them, such as `acme-eu`";
    assert_eq!(wrong("[tenants.\"Acme Ltd\"]"), [format!("1: tenants.Acme Ltd: {WORD}")]);
    assert_eq!(wrong("[plugins.a_b]\nfile = \"i\""), [format!("1: plugins.a_b: {WORD}")]);
    let told = wrong(
        "plugins.i.file = \"i\"\ntenants.a = {}\n[connections.\"a/b\"]\ntenant = \"a\"\nplugin = \"i\"",
    );
    assert_eq!(told, [format!("3: connections.a/b: {WORD}")]);
}

#[test]
fn invalid_toml_is_reported_by_line_number_without_the_line_itself() {
    let told = wrong("[connections.newsletter]\nsecrets.api-key = k-0123456789\n");
    assert!(told[0].starts_with("2: not TOML: "), "{told:?}");
    assert!(!told.join("").contains("0123456789"), "{told:?}");
    let told = wrong("[tenants.acme]\n[tenants.acme]\n");
    assert!(told[0].starts_with("2: not TOML: duplicate key"), "{told:?}");
}

#[test]
fn an_error_names_the_file_and_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("connector-host.toml");
    std::fs::write(&file, "[hots]\n[tenants]\nAcme = {}\n").unwrap();
    let shown = file.display();
    assert_eq!(
        Config::read(&file).unwrap_err().to_string(),
        format!(
            "the configuration cannot be used:\n  {shown}:1: unknown key `hots`: did you mean `host`?\n  \
             {shown}:3: tenants.Acme: expected lower-case words and digits with single dashes between them, such as \
             `acme-eu`"
        )
    );
    let gone = folder.path().join("gone.toml");
    assert_eq!(
        Config::read(&gone).unwrap_err().to_string(),
        format!("cannot read the configuration {}: No such file or directory (os error 2)", gone.display())
    );
}

#[test]
fn a_configuration_built_in_code_keeps_the_same_rules() {
    let spec = read(WHOLE).unwrap().connections()[0].clone();
    let config = Config::default();
    let unknown = config.clone().with_connection(spec.clone()).unwrap_err();
    assert_eq!(unknown.to_string(), "connections.newsletter.plugin: there is no plugin `iterable`");
    let config = config.with_plugin("iterable", PluginSource::file("iterable.wasm")).unwrap();
    let config = config.with_connection(spec.clone()).unwrap();
    let twice = config.clone().with_connection(spec).unwrap_err();
    assert_eq!(twice.to_string(), "connections.newsletter: another connection has this key");
    let mut foreign = config.connections()[0].clone();
    (foreign.key, foreign.tenant) = ("shop".to_owned(), TenantId("Acme".to_owned()));
    assert_eq!(
        config.with_connection(foreign).unwrap_err().to_string(),
        "connections.shop.tenant: `Acme` cannot be the name of a tenant: expected lower-case words and digits with \
         single dashes between them, such as `acme-eu`"
    );
    let named = Config::default().with_plugin("Iterable", PluginSource::file("i")).unwrap_err();
    assert_eq!(named.wrong, ConfigProblemKind::BadName);
}

#[test]
fn one_connection_alone_needs_its_own_plugin_and_watches_nothing() {
    let text = format!("{WHOLE}\n[plugins.other]\nfile = \"other.wasm\"\n");
    let config = read(&text).unwrap();
    let alone = config.clone().only("newsletter").unwrap();
    assert_eq!(alone.plugins.keys().collect::<Vec<_>>(), ["iterable"]);
    assert!(!alone.plugins["iterable"].watch);
    assert_eq!(
        config.only("newslettr").unwrap_err().to_string(),
        "no connection `newslettr` is configured: did you mean `newsletter`?"
    );
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _read_or_refused = read(&text);
    }

    #[test]
    fn no_change_of_a_good_file_panics(at in 0..WHOLE.len(), cut in 0..40_usize, put in "[\\[\\]={}\".0-9a-z\n]{0,6}") {
        let end = (at + cut).min(WHOLE.len());
        let text = format!("{}{put}{}", &WHOLE[..at], &WHOLE[end..]);
        let _read_or_refused = read(&text);
    }
}

#[test]
fn each_limit_of_compiling_is_what_the_file_says_or_the_default() {
    let usual = CompileLimits::default();
    assert_eq!(read("").unwrap().compile, usual);
    assert_eq!(
        read("compile = { memory-bytes = 1, wall-seconds = 2 }").unwrap().compile,
        CompileLimits { memory_bytes: 1, wall_seconds: 2, ..usual }
    );
    let zero = read("compile.cpu-seconds = 0").unwrap_err();
    assert_eq!(zero[0].to_string(), "compile.cpu-seconds: expected a whole number above 0");
    let unknown = read("compile.cpu-second = 1").unwrap_err();
    assert_eq!(unknown[0].to_string(), "compile: unknown key `cpu-second`: did you mean `cpu-seconds`?");
}
