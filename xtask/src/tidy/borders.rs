//! Dependencies that a crate of the host must not have, although cargo would allow them.

mod features;
mod metadata;
mod reach;
#[cfg(test)]
mod tests;

use anyhow::Result;

use self::{features::PlainBuild, metadata::DependencyMetadata, reach::way};

/// Packages on which a package must have no normal dependency, directly or through others.
struct Border {
    package: &'static str,
    never: &'static [&'static str],
    reason: &'static str,
}

const BORDERS: [Border; 7] = [
    Border {
        package: "host-exchange",
        never: &["wasmtime", "host-model"],
        reason: "it is checked by itself, in seconds",
    },
    Border {
        package: "host-model",
        never: &["tokio", "reqwest", "sqlx", "axum", "wasmtime"],
        reason: "it is pure, without I/O or a runtime",
    },
    Border {
        package: "host-harness",
        never: &["sqlx", "axum", "clap", "utoipa"],
        reason: "programs embed it without a database, an HTTP server or a command line",
    },
    Border {
        package: "host-trust",
        never: &["tokio", "reqwest", "sqlx", "axum", "wasmtime"],
        reason: "it decides from its arguments alone, without I/O or a clock",
    },
    Border {
        package: "host-registry",
        never: &["sqlx", "axum", "clap", "utoipa"],
        reason: "it carries bytes, and stores nothing",
    },
    Border {
        package: "host-store",
        never: &["wasmtime", "axum", "clap", "utoipa"],
        reason: "it stores data and runs nothing",
    },
    Border {
        package: "host-service",
        never: &["axum", "utoipa", "clap"],
        reason: "host-api owns HTTP, and host-cli the command line",
    },
];

/// Direct dependencies that only one of the host's packages may have.
const OWNERS: [(&str, &str); 1] = [("clap", "host-cli")];

/// Direct dependencies that a package must not have, with the package that has them instead.
const BY_ANOTHER: [(&str, &str, &str); 4] = [
    ("host-service", "sqlx", "host-store"),
    ("host-api", "sqlx", "host-store"),
    ("host-page", "sqlx", "host-store"),
    ("host-cli", "sqlx", "host-store"),
];

/// Features that only tests turn on.
const FOR_TESTS: [&str; 2] = ["test-clock", "testing"];

pub(super) fn findings() -> Result<Vec<String>> {
    Ok(judged(&metadata::read()?))
}

fn judged(metadata: &DependencyMetadata) -> Vec<String> {
    let build = PlainBuild::of(metadata);
    let borders = BORDERS.iter().flat_map(|border| crossings(metadata, &build, border));
    let owners = OWNERS.iter().flat_map(|(dependency, owner)| beside_owner(metadata, dependency, owner));
    let by_another = BY_ANOTHER
        .iter()
        .filter_map(|(package, dependency, another)| direct(metadata, package, dependency, another));
    borders.chain(owners).chain(by_another).chain(for_tests(&build)).collect()
}

fn crossings<'a>(metadata: &'a DependencyMetadata, build: &PlainBuild<'a>, border: &Border) -> Vec<String> {
    let Some(package) = metadata.member(border.package) else { return vec![unknown(border.package)] };
    let ways = border.never.iter().filter_map(|never| Some((never, way(build, package, never)?)));
    ways.map(|(never, way)| {
        format!(
            "{}: {} reaches {never} by {}; expected no normal dependency on it, directly or through others: {}",
            package.manifest(),
            package.name,
            way.join(" -> "),
            border.reason
        )
    })
    .collect()
}

fn direct(metadata: &DependencyMetadata, package: &str, dependency: &str, another: &str) -> Option<String> {
    let Some(package) = metadata.member(package) else { return Some(unknown(package)) };
    package.depends_on(dependency).then(|| {
        format!(
            "{}: {} depends on {dependency}; expected no direct dependency on it: {another} has it",
            package.manifest(),
            package.name
        )
    })
}

fn beside_owner(metadata: &DependencyMetadata, dependency: &str, owner: &str) -> Vec<String> {
    let others = metadata.members().filter(|package| package.is_of_host() && package.name != owner);
    let others = others.filter(|package| package.depends_on(dependency));
    let found = others.map(|package| {
        format!(
            "{}: {} depends on {dependency}; expected a direct dependency on it only in {owner}",
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
