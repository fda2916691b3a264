//! Which features of the workspace's packages a build turns on that is not for tests. Cargo's metadata cannot tell: what
//! dev-dependencies ask for is among the features there.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata::{Dependency, Metadata, Package};

/// What is on by the defaults of all packages, and by the normal dependencies of the host's.
pub(super) struct PlainBuild<'a> {
    metadata: &'a Metadata,
    /// Each by its package and its name, with what asked for it.
    features: BTreeMap<(&'a str, &'a str), (&'a Package, Asked<'a>)>,
    /// Optional dependencies that are on, by package and name.
    optional: BTreeSet<(&'a str, &'a str)>,
}

/// What asks for a feature.
#[derive(Clone)]
pub(super) struct Asked<'a> {
    /// Whose manifest does.
    pub(super) package: &'a Package,
    /// What in it, such as `` `default` ``.
    pub(super) by: String,
}

impl<'a> PlainBuild<'a> {
    pub(super) fn of(metadata: &'a Metadata) -> Self {
        let mut build = Self { metadata, features: BTreeMap::new(), optional: BTreeSet::new() };
        for package in metadata.members() {
            build.turn_on(package, "default", &Asked { package, by: "`default`".to_owned() });
        }
        for package in metadata.members().filter(|package| package.is_of_host()) {
            for dependency in package.normal().filter(|dependency| !dependency.optional) {
                build.depend(package, dependency);
            }
        }
        build
    }

    /// Each feature with its package and what asked for it first.
    pub(super) fn features(&self) -> impl Iterator<Item = (&'a Package, &'a str, &Asked<'a>)> {
        self.features.iter().map(|((_, feature), (package, asked))| (*package, *feature, asked))
    }

    /// The packages on which one depends in this build.
    pub(super) fn dependencies(&self, package: &'a Package) -> impl Iterator<Item = &'a Package> {
        let is_own = self.metadata.members().any(|member| member.id == package.id);
        self.metadata.normal(package).filter(move |other| !is_own || self.has(package, &other.name))
    }

    fn has(&self, package: &Package, name: &str) -> bool {
        let mut known = package.normal().filter(|dependency| dependency.name == name);
        known.any(|dependency| {
            !dependency.optional || self.optional.contains(&(package.name.as_str(), dependency.key()))
        })
    }

    fn turn_on(&mut self, package: &'a Package, feature: &str, asked: &Asked<'a>) {
        let Some((feature, turned_on)) = package.features.get_key_value(feature) else { return };
        let key = (package.name.as_str(), feature.as_str());
        if self.features.contains_key(&key) {
            return;
        }
        self.features.insert(key, (package, asked.clone()));
        for word in turned_on {
            if let Some(optional) = word.strip_prefix("dep:") {
                self.turn_on_dependency(package, optional);
            } else if let Some((dependency, of_it)) = word.split_once('/') {
                let needed = dependency.strip_suffix('?').unwrap_or(dependency);
                if needed == dependency {
                    self.turn_on_dependency(package, needed);
                }
                if let Some(other) = self.named(package, needed) {
                    self.turn_on(other, of_it, asked);
                }
            } else {
                self.turn_on(package, word, asked);
            }
        }
    }

    fn turn_on_dependency(&mut self, package: &'a Package, key: &str) {
        let found = package.normal().find(|dependency| dependency.optional && dependency.key() == key);
        if let Some(dependency) = found
            && self.optional.insert((package.name.as_str(), dependency.key()))
        {
            self.depend(package, dependency);
        }
    }

    /// Turns on what `dependency` asks for, if it is one of the workspace's packages.
    fn depend(&mut self, package: &'a Package, dependency: &'a Dependency) {
        let Some(other) = self.metadata.member(&dependency.name) else { return };
        let asked = Asked { package, by: format!("its dependency on {}", dependency.name) };
        for feature in &dependency.features {
            self.turn_on(other, feature, &asked);
        }
    }

    /// The workspace's package that the manifest of another calls so.
    fn named(&self, package: &'a Package, key: &str) -> Option<&'a Package> {
        let dependency = package.normal().find(|dependency| dependency.key() == key)?;
        self.metadata.member(&dependency.name)
    }
}
