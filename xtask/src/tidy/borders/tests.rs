use serde_json::{Value, json};
use xtask::components::root;

use super::*;

/// Returns a package with these dependencies and features.
fn package(name: &str, dependencies: &[Value], features: &Value) -> Value {
    let manifest = root().join(name).join("Cargo.toml");
    json!({
        "id": name, "name": name, "manifest_path": manifest, "dependencies": dependencies, "features": features
    })
}

/// Returns a dependency on `name` with the fields of `more`.
fn on(name: &str, more: &Value) -> Value {
    let mut dependency = json!({"name": name, "kind": null, "optional": false, "features": []});
    let fields = dependency.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    dependency
}

fn normally(name: &str) -> Value {
    on(name, &json!({}))
}

fn optional(name: &str) -> Value {
    on(name, &json!({"optional": true}))
}

fn name(value: &Value) -> String {
    value["name"].as_str().unwrap().to_owned()
}

/// Returns the findings in a workspace of `packages` and the host's other packages, which depend on nothing. Like
/// cargo, it resolves every dependency, even one that is only on for tests.
fn found(mut packages: Vec<Value>) -> Vec<String> {
    for usual in [
        "host-exchange",
        "host-model",
        "host-harness",
        "host-trust",
        "host-registry",
        "host-store",
        "host-service",
        "host-api",
        "host-page",
        "host-cli",
    ] {
        if !packages.iter().any(|package| name(package) == usual) {
            packages.push(package(usual, &[], &json!({})));
        }
    }
    found_in(packages)
}

fn found_in(mut packages: Vec<Value>) -> Vec<String> {
    let is_own = |name: &String| ["host-", "iterable-", "xtask"].iter().any(|own| name.starts_with(own));
    let members: Vec<_> = packages.iter().map(name).filter(is_own).collect();
    let mut nodes = Vec::new();
    let mut next = 0;
    while let Some(of) = packages.get(next).cloned() {
        let links: Vec<_> = of["dependencies"].as_array().unwrap().clone();
        for link in &links {
            if !packages.iter().any(|package| name(package) == name(link)) {
                packages.push(package(&name(link), &[], &json!({})));
            }
        }
        let links =
            links.iter().map(|link| json!({"pkg": link["name"], "dep_kinds": [{"kind": link["kind"]}]}));
        nodes.push(json!({"id": of["id"], "deps": links.collect::<Vec<_>>()}));
        next += 1;
    }
    let metadata = json!({"packages": packages, "workspace_members": members, "resolve": {"nodes": nodes}});
    judged(&serde_json::from_value(metadata).unwrap())
}

#[test]
fn the_host_may_depend_on_itself_and_on_what_no_border_names() {
    let none = json!({});
    let packages = vec![
        package("host-cli", &["host-api", "clap", "reqwest"].map(normally), &none),
        package("host-api", &["host-service", "axum", "utoipa"].map(normally), &none),
        package("host-service", &["host-harness", "host-store", "tokio"].map(normally), &none),
        package("host-harness", &["host-model", "wasmtime", "reqwest"].map(normally), &none),
        package("host-store", &["host-model", "sqlx"].map(normally), &none),
        package("host-model", &["serde"].map(normally), &none),
        package("iterable-stand-in", &["clap", "tokio"].map(normally), &none),
    ];
    assert_eq!(found(packages), [""; 0]);
}

#[test]
fn what_a_border_names_is_found_by_way_of_others_with_the_shortest_way() {
    let none = json!({});
    let packages = vec![
        package("host-harness", &["long", "helper"].map(normally), &none),
        package("long", &["longer"].map(normally), &none),
        package("longer", &["helper"].map(normally), &none),
        package("helper", &["axum"].map(normally), &none),
    ];
    assert_eq!(
        found(packages),
        [
            "host-harness/Cargo.toml: host-harness reaches axum by host-harness -> helper -> axum; expected no normal \
          dependency on it, directly or through others: programs embed it without a database, an HTTP server or a \
          command line"
        ]
    );
}

#[test]
fn every_border_is_watched() {
    for border in &BORDERS {
        for never in border.never {
            let found = found(vec![
                package(border.package, &[normally("helper")], &json!({})),
                package("helper", &[normally(never)], &json!({})),
            ]);
            let way = format!("{0} reaches {never} by {0} -> helper -> {never}; ", border.package);
            assert!(found.len() == 1 && found[0].contains(&way), "{found:?}");
        }
    }
}

#[test]
fn what_only_tests_and_build_scripts_need_crosses_no_border() {
    for kind in ["dev", "build"] {
        let needs = |name| on(name, &json!({"kind": kind}));
        let packages = vec![
            package("host-model", &["tokio", "helper"].map(needs), &json!({})),
            package("host-service", &["sqlx", "clap"].map(needs), &json!({})),
            package("host-store", &[normally("helper")], &json!({})),
            package("helper", &[needs("axum")], &json!({})),
        ];
        assert_eq!(found(packages), [""; 0], "{kind}");
    }
}

/// Returns the service with an optional dependency on something that needs clap, which its feature `extra` turns on.
fn with_extra(name: &'static str, features: &Value) -> Vec<Value> {
    vec![
        package("host-service", &[optional("xtask")], features),
        package("xtask", &[normally("clap")], &json!({})),
        package(name, &[on("host-service", &json!({"kind": "dev", "features": ["extra"]}))], &json!({})),
    ]
}

#[test]
fn an_optional_dependency_counts_if_a_build_without_tests_turns_it_on() {
    let is_crossed =
        |packages| found(packages).iter().any(|found| found.contains("host-service reaches clap"));
    // As `host-api` requests it in its dev-dependencies.
    assert!(!is_crossed(with_extra("host-api", &json!({"extra": ["dep:xtask"]}))));
    for features in [
        json!({"default": ["dep:xtask"]}),
        json!({"default": ["extra"], "extra": ["dep:xtask"]}),
        json!({"default": ["xtask"], "xtask": ["dep:xtask"]}),
        json!({"default": ["xtask/more"], "xtask": ["dep:xtask"]}),
    ] {
        assert!(is_crossed(with_extra("host-api", &features)), "{features}");
    }
    // Requested only if the dependency is on.
    assert!(!is_crossed(with_extra("host-api", &json!({"default": ["xtask?/more"]}))));
    let mut asked = with_extra("host-api", &json!({"extra": ["dep:xtask"]}));
    asked.push(package("host-cli", &[on("host-service", &json!({"features": ["extra"]}))], &json!({})));
    assert!(is_crossed(asked));
}

#[test]
fn the_command_line_is_one_packages() {
    let packages = vec![
        package("host-cli", &[normally("clap")], &json!({})),
        package("host-api", &[normally("clap")], &json!({})),
    ];
    assert_eq!(
        found(packages),
        [
            "host-api/Cargo.toml: host-api depends on clap; expected a direct dependency on it only in host-cli"
        ]
    );
}

#[test]
fn the_service_has_sql_by_way_of_the_store_alone() {
    let service = |needs| package("host-service", &[normally(needs)], &json!({}));
    let store = package("host-store", &[normally("sqlx")], &json!({}));
    assert_eq!(found(vec![service("host-store"), store]), [""; 0]);
    assert_eq!(
        found(vec![service("sqlx")]),
        [
            "host-service/Cargo.toml: host-service depends on sqlx; expected no direct dependency on it: host-store has it"
        ]
    );
}

#[test]
fn a_feature_for_tests_that_a_default_or_a_normal_dependency_turns_on_is_found() {
    let store = || package("host-store", &[], &json!({"testing": [], "test-clock": []}));
    let service = |needs: Value, features: Value| vec![store(), package("host-service", &[needs], &features)];
    let told = "turns on the feature testing of host-store; expected only dev-dependencies to ask for it";
    let by_default = format!("host-service/Cargo.toml: `default` {told}");
    let renamed = on("host-store", &json!({"rename": "store"}));
    for (needs, features) in [
        (normally("host-store"), json!({"default": ["host-store/testing"]})),
        (normally("host-store"), json!({"default": ["all"], "all": ["host-store?/testing"]})),
        (renamed, json!({"default": ["store/testing"]})),
    ] {
        assert_eq!(found(service(needs, features)), [by_default.as_str()]);
    }
    let asking = on("host-store", &json!({"features": ["testing"]}));
    let asked = format!("host-service/Cargo.toml: its dependency on host-store {told}");
    assert_eq!(found(service(asking, json!({}))), [asked]);
    let own = package("host-store", &[], &json!({"default": ["test-clock"], "test-clock": []}));
    assert_eq!(
        found(vec![own]),
        [
            "host-store/Cargo.toml: `default` turns on the feature test-clock of host-store; expected only dev-dependencies to \
          ask for it"
        ]
    );
    // Features of tests, and one that nothing turns on.
    let in_tests = on("host-store", &json!({"kind": "dev", "features": ["testing"]}));
    assert_eq!(found(service(in_tests, json!({"testing": ["host-store/testing"]}))), [""; 0]);
}

#[test]
fn a_border_about_a_package_that_is_gone_is_found() {
    let found = found_in(vec![package("elsewhere", &[], &json!({}))]);
    assert_eq!(found.len(), BORDERS.len() + OWNERS.len() + BY_ANOTHER.len(), "{found:?}");
    assert_eq!(
        found[0],
        "xtask/src/tidy/borders.rs: the workspace has no package host-exchange; expected those that borders are about"
    );
}
