use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{config::Config, connection::CallLimits};

fn authority(name: &str) -> CertificateDer<'static> {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.self_signed(&key).unwrap().der().clone()
}

fn texts() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set(".{0,20}", 0..4)
}

fn time() -> impl Strategy<Value = Duration> {
    (1..=u64::MAX).prop_map(Duration::from_millis)
}

prop_compose! {
    fn policies()(
        hosts in texts(),
        reach in prop_oneof![Just(Reach::Public), Just(Reach::PublicAndLoopback), Just(Reach::Loopback)],
        denied_operations in texts(),
        caps in [1..=usize::MAX, 1..=usize::MAX, 1..=usize::MAX],
        times in [time(), time(), time(), time()],
        patience in any::<u64>(),
    ) -> EgressPolicy {
        let [request_cap, response_cap, declared_response_cap] = caps;
        let [connect, first_byte, between_bytes, total] = times;
        EgressPolicy {
            hosts,
            reach,
            authorities: Vec::new(),
            denied_operations,
            request_cap,
            response_cap,
            declared_response_cap,
            deadlines: Deadlines { connect, first_byte, between_bytes, total },
            limiter_patience: Duration::from_millis(patience),
        }
    }
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    #[test]
    fn a_policy_comes_back_from_json_as_it_was(policy in policies()) {
        let written = serde_json::to_string(&policy).unwrap();
        prop_assert_eq!(serde_json::from_str::<EgressPolicy>(&written).unwrap(), policy);
    }

    #[test]
    fn limits_come_back_from_json_as_they_were(
        sizes in [1..=usize::MAX, 1..=usize::MAX, 1..=usize::MAX],
        counts in [1..=u32::MAX, 1..=u32::MAX, 1..=u32::MAX, 1..=u32::MAX, 1..=u32::MAX],
        times in [1..=u64::MAX, 1..=u64::MAX],
    ) {
        let limits = CallLimits {
            memory_bytes: sizes[0],
            memories: counts[4],
            core_instances: counts[0],
            tables: counts[1],
            table_elements: sizes[1],
            cpu_ms: times[0],
            wall_ms: times[1],
            requests: counts[2],
            log_lines: counts[3],
            log_line_bytes: sizes[2],
            ..CallLimits::default()
        };
        let written = serde_json::to_string(&limits).unwrap();
        prop_assert_eq!(serde_json::from_str::<CallLimits>(&written).unwrap(), limits);
    }
}

#[test]
fn authorities_come_back_from_their_pem_texts_several_in_one_too() {
    let authorities = vec![authority("one.example"), authority("two.example")];
    let policy = EgressPolicy { authorities, ..EgressPolicy::default() };
    let written = serde_json::to_value(&policy).unwrap();
    assert_eq!(serde_json::from_value::<EgressPolicy>(written.clone()).unwrap(), policy);
    let texts: Vec<&str> =
        written["authorities"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert!(texts.concat().lines().all(|line| line.len() <= 64));
    let bundle = json!({ "authorities": [texts.concat()] });
    assert_eq!(serde_json::from_value::<EgressPolicy>(bundle).unwrap(), policy);
}

#[test]
fn the_file_and_json_have_the_same_keys_and_meaning() {
    let toml = "plugins.i.file = \"i\"\ntenants.a = {}\n[connections.n]\ntenant = \"a\"\nplugin = \"i\"\n\
                egress.hosts = [\"127.0.0.1:8080\"]\negress.loopback = true\negress.plain-http = true\n\
                egress.denied-operations = [\"forget\"]\negress.request-cap = 1\negress.response-cap = 2\n\
                egress.declared-response-cap = 3\negress.limiter-patience-ms = 0\n\
                egress.deadlines = { connect-ms = 4, first-byte-ms = 5, between-bytes-ms = 6, total-ms = 7 }\n\
                limits = { cpu-ms = 8, log-lines = 9 }";
    let config = Config::from_toml(toml, Path::new(""), |_| None).unwrap();
    let spec = &config.connections()[0];
    let policy = json!({
        "hosts": ["127.0.0.1:8080"],
        "loopback": true,
        "plain-http": true,
        "authorities": [],
        "denied-operations": ["forget"],
        "request-cap": 1,
        "response-cap": 2,
        "declared-response-cap": 3,
        "limiter-patience-ms": 0,
        "deadlines": { "connect-ms": 4, "first-byte-ms": 5, "between-bytes-ms": 6, "total-ms": 7 },
    });
    assert_eq!(serde_json::to_value(&spec.policy).unwrap(), policy);
    assert_eq!(serde_json::from_value::<EgressPolicy>(policy).unwrap(), spec.policy);
    let limits = json!({ "cpu-ms": 8, "log-lines": 9 });
    assert_eq!(serde_json::from_value::<CallLimits>(limits).unwrap(), spec.limits);
    // Missing keys get their defaults.
    assert_eq!(serde_json::from_str::<EgressPolicy>("{}").unwrap(), EgressPolicy::default());
    assert_eq!(serde_json::from_str::<Deadlines>("{}").unwrap(), Deadlines::default());
    assert_eq!(serde_json::from_str::<CallLimits>("{}").unwrap(), CallLimits::default());
}

#[test]
fn what_is_not_a_policy_is_refused_and_says_why() {
    let refused = |policy| serde_json::from_value::<EgressPolicy>(policy).unwrap_err().to_string();
    for (policy, says) in [
        (json!({ "hots": [] }), "unknown field `hots`"),
        (json!({ "deadlines": { "total": 1 } }), "unknown field `total`"),
        (json!({ "response-cap": 0 }), "expected a whole number above 0"),
        (json!({ "deadlines": { "total-ms": 0 } }), "expected a whole number above 0"),
        (json!({ "plain-http": true }), "plain-http: plain HTTP is only allowed to this machine"),
        (json!({ "authorities": ["none"] }), "no CERTIFICATE section found"),
    ] {
        let told = refused(policy);
        assert!(told.contains(says), "{told}");
    }
    let limits = |limits| serde_json::from_value::<CallLimits>(limits).unwrap_err().to_string();
    assert!(limits(json!({ "requests": 0 })).contains("expected a whole number above 0"));
    assert!(limits(json!({ "requsts": 1 })).contains("unknown field `requsts`"));
}
