//! The features of the workspace's packages that a build without tests turns on. Cargo's metadata does not show this:
//! its features include those that dev-dependencies request.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata::{Dependency, DependencyMetadata, GraphPackage};

/// What is on through the defaults of all packages, and through the normal dependencies of the host's packages.
pub(super) struct PlainBuild<'a> {
    metadata: &'a DependencyMetadata,
    /// The features by package and name, each with what requested it.
    features: BTreeMap<(&'a str, &'a str), (&'a GraphPackage, FeatureRequest<'a>)>,
    /// The optional dependencies that are on, by package and name.
    optional: BTreeSet<(&'a str, &'a str)>,
}

/// What requests a feature.
#[derive(Clone)]
pub(super) struct FeatureRequest<'a> {
    /// The package whose manifest requests it.
    pub(super) package: &'a GraphPackage,
    /// The part of the manifest, such as `` `default` ``.
    pub(super) by: String,
}

impl<'a> PlainBuild<'a> {
    pub(super) fn of(metadata: &'a DependencyMetadata) -> Self {
        let mut build = Self { metadata, features: BTreeMap::new(), optional: BTreeSet::new() };
        for package in metadata.members() {
            build.turn_on(package, "default", &FeatureRequest { package, by: "`default`".to_owned() });
        }
        for package in metadata.members().filter(|package| package.is_of_host()) {
            for dependency in package.normal().filter(|dependency| !dependency.optional) {
                build.turn_on_for(package, dependency);
            }
        }
        build
    }

    /// Returns each feature with its package and what requested it first.
    pub(super) fn features(&self) -> impl Iterator<Item = (&'a GraphPackage, &'a str, &FeatureRequest<'a>)> {
        self.features.iter().map(|((_, feature), (package, asked))| (*package, *feature, asked))
    }

    /// Returns the packages on which a package depends in this build.
    pub(super) fn dependencies(&self, package: &'a GraphPackage) -> impl Iterator<Item = &'a GraphPackage> {
        let is_own = self.metadata.members().any(|member| member.id == package.id);
        self.metadata.normal(package).filter(move |other| !is_own || self.has(package, &other.name))
    }

    fn has(&self, package: &GraphPackage, name: &str) -> bool {
        let mut known = package.normal().filter(|dependency| dependency.name == name);
        known.any(|dependency| {
            !dependency.optional || self.optional.contains(&(package.name.as_str(), dependency.key()))
        })
    }

    fn turn_on(&mut self, package: &'a GraphPackage, feature: &str, asked: &FeatureRequest<'a>) {
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

    fn turn_on_dependency(&mut self, package: &'a GraphPackage, key: &str) {
        let found = package.normal().find(|dependency| dependency.optional && dependency.key() == key);
        if let Some(dependency) = found
            && self.optional.insert((package.name.as_str(), dependency.key()))
        {
            self.turn_on_for(package, dependency);
        }
    }

    /// Turns on what `dependency` requests, if it is one of the workspace's packages.
    fn turn_on_for(&mut self, package: &'a GraphPackage, dependency: &'a Dependency) {
        let Some(other) = self.metadata.member(&dependency.name) else { return };
        let asked = FeatureRequest { package, by: format!("its dependency on {}", dependency.name) };
        for feature in &dependency.features {
            self.turn_on(other, feature, &asked);
        }
    }

    /// Returns the workspace's package with this name in the manifest of another.
    fn named(&self, package: &'a GraphPackage, key: &str) -> Option<&'a GraphPackage> {
        let dependency = package.normal().find(|dependency| dependency.key() == key)?;
        self.metadata.member(&dependency.name)
    }
}
