//! What a crate of the host must not have among its dependencies, although cargo would let it.

mod features;
mod metadata;
mod reach;
#[cfg(test)]
mod tests;

use anyhow::Result;

use self::{features::PlainBuild, metadata::Metadata, reach::way};

/// What a package has no normal dependency on, directly or by way of others.
struct Border {
    package: &'static str,
    never: &'static [&'static str],
    reason: &'static str,
}

const BORDERS: [Border; 4] = [
    Border {
        package: "host-model",
        never: &["tokio", "reqwest", "sqlx", "axum", "wasmtime"],
        reason: "it is pure, without I/O and runtime",
    },
    Border {
        package: "host-harness",
        never: &["sqlx", "axum", "clap", "utoipa"],
        reason: "programs embed it without a database, an HTTP server or a command line",
    },
    Border {
        package: "host-store",
        never: &["wasmtime", "axum", "clap", "utoipa"],
        reason: "it stores, and runs nothing",
    },
    Border {
        package: "host-service",
        never: &["axum", "utoipa", "clap"],
        reason: "HTTP is host-api's, the command line host-cli's",
    },
];

/// What one of the host's packages alone depends on directly, if any of them does.
const OWNERS: [(&str, &str); 1] = [("clap", "host-cli")];

/// What a package does not depend on directly, and who does that for it.
const BY_ANOTHER: [(&str, &str, &str); 3] = [
    ("host-service", "sqlx", "host-store"),
    ("host-api", "sqlx", "host-store"),
    ("host-cli", "sqlx", "host-store"),
];

/// Features that only tests turn on.
const FOR_TESTS: [&str; 2] = ["test-clock", "testing"];

pub(super) fn findings() -> Result<Vec<String>> {
    Ok(judged(&metadata::read()?))
}

fn judged(metadata: &Metadata) -> Vec<String> {
    let build = PlainBuild::of(metadata);
    let borders = BORDERS.iter().flat_map(|border| crossings(metadata, &build, border));
    let owners = OWNERS.iter().flat_map(|(dependency, owner)| beside_owner(metadata, dependency, owner));
    let by_another = BY_ANOTHER
        .iter()
        .filter_map(|(package, dependency, another)| direct(metadata, package, dependency, another));
    borders.chain(owners).chain(by_another).chain(for_tests(&build)).collect()
}

fn crossings<'a>(metadata: &'a Metadata, build: &PlainBuild<'a>, border: &Border) -> Vec<String> {
    let Some(package) = metadata.member(border.package) else { return vec![unknown(border.package)] };
    let ways = border.never.iter().filter_map(|never| Some((never, way(build, package, never)?)));
    ways.map(|(never, way)| {
        format!(
            "{}: {} reaches {never} by {}; expected no normal dependency on it, directly or by way of others: {}",
            package.manifest(),
            package.name,
            way.join(" -> "),
            border.reason
        )
    })
    .collect()
}

fn direct(metadata: &Metadata, package: &str, dependency: &str, another: &str) -> Option<String> {
    let Some(package) = metadata.member(package) else { return Some(unknown(package)) };
    package.depends_on(dependency).then(|| {
        format!(
            "{}: {} depends on {dependency}; expected no direct dependency on it: {another} has it",
            package.manifest(),
            package.name
        )
    })
}

fn beside_owner(metadata: &Metadata, dependency: &str, owner: &str) -> Vec<String> {
    let others = metadata.members().filter(|package| package.is_of_host() && package.name != owner);
    let others = others.filter(|package| package.depends_on(dependency));
    let found = others.map(|package| {
        format!(
            "{}: {} depends on {dependency}; expected a direct dependency on it in {owner} alone",
            package.manifest(),
            package.name
        )
    });
    found.chain(metadata.member(owner).is_none().then(|| unknown(owner))).collect()
}

fn for_tests<'a>(build: &'a PlainBuild<'_>) -> impl Iterator<Item = String> + 'a {
    let found = build.features().filter(|(_, feature, _)| FOR_TESTS.contains(feature));
    found.map(|(package, feature, asked)| {
        format!(
            "{}: {} turns on the feature {feature} of {}; expected only dev-dependencies to ask for it",
            asked.package.manifest(),
            asked.by,
            package.name
        )
    })
}

fn unknown(package: &str) -> String {
    format!(
        "xtask/src/tidy/borders.rs: the workspace has no package {package}; expected those that borders are about"
    )
}
