//! Checks which files read the value of a secret: the list is short and known, so that anyone looking for a leak knows
//! where to look.

use std::collections::BTreeMap;

use anyhow::Result;
use xtask::components::root;

use super::source::{
    modules::Modules,
    package::{Package, packages},
};

/// The method of `Secret` that returns the value.
const EXPOSE: &str = "expose";

/// The files that may call it outside tests, each with the purpose.
const MAY_EXPOSE: [(&str, &str); 27] = [
    ("host-harness/api/src/testing.rs", "a client for the tests of the crates above"),
    ("host-harness/api/src/types/api_keys.rs", "an API key is shown once, when it is created"),
    ("host-harness/api/src/types/connections.rs", "a client sends a connection's secrets"),
    ("host-harness/api/src/types/tokens.rs", "a webhook token is shown once, when it is issued"),
    ("host-harness/cli/src/api_key.rs", "an API key is shown once, when it is created"),
    ("host-harness/cli/src/client.rs", "the API key in a request to the service"),
    ("host-harness/cli/src/new_master_key.rs", "a master key is shown once, when it is created"),
    ("host-harness/harness/src/config/connection.rs", "the length of a token"),
    ("host-harness/harness/src/connection/redactor.rs", "the spellings that are searched for"),
    (
        "host-harness/harness/src/connection/resolve.rs",
        "the length of a secret, and the vendor account that it identifies",
    ),
    ("host-harness/harness/src/connection/token.rs", "the digest of a webhook token"),
    ("host-harness/harness/src/credential.rs", "the key of an HMAC"),
    ("host-harness/harness/src/egress/credentials.rs", "whether a secret is the one that was refused"),
    ("host-harness/harness/src/egress/fill/secrets.rs", "a request's blanks"),
    ("host-harness/model/src/secret.rs", "comparing"),
    (
        "host-harness/registry/src/authorize.rs",
        "the password in a request to a registry or its token service",
    ),
    ("host-harness/service/src/connections/differences.rs", "whether two secrets differ"),
    ("host-harness/service/src/connections/owned.rs", "what is sealed in the database"),
    ("host-harness/service/src/posts/post.rs", "the key that signs a post"),
    ("host-harness/service/src/testing/inbox.rs", "deliveries for the tests of the crates above"),
    ("host-harness/service/src/tokens/generation.rs", "the digest of a webhook token"),
    ("host-harness/service/src/tokens/refresh.rs", "a webhook token is sealed in the database"),
    ("host-harness/store/src/address.rs", "the password in the URL for PostgreSQL's driver"),
    ("host-harness/store/src/api_keys.rs", "the digest of an API key"),
    ("host-harness/store/src/callbacks.rs", "a receiver's token is sealed in the database"),
    ("host-harness/store/src/captured_secrets.rs", "a rotated secret is sealed in the database"),
    ("host-harness/store/src/seal.rs", "the master key"),
];

pub(super) fn findings() -> Result<Vec<String>> {
    let mut found = BTreeMap::new();
    for package in packages(root())? {
        if package.folder().starts_with(root().join("host-harness")) {
            found.extend(package.exposures()?);
        }
    }
    Ok(judged(&found, &MAY_EXPOSE))
}

/// Returns what is wrong if `found` are the files that call it, each with its first line, and `may` are those that
/// may.
fn judged(found: &BTreeMap<String, usize>, may: &[(&str, &str)]) -> Vec<String> {
    let unlisted = found.iter().filter(|(file, _)| !may.iter().any(|(listed, _)| listed == file));
    let unlisted = unlisted.map(|(file, line)| {
        format!(
            "{file}:{line}: calls `Secret::{EXPOSE}`; expected only in the files of `MAY_EXPOSE` in \
             xtask/src/tidy/secrets.rs: do not read the value, or add this file there with the purpose"
        )
    });
    let needless = may.iter().filter(|(file, _)| !found.contains_key(*file)).map(|(file, reason)| {
        format!("{file}: may call `Secret::{EXPOSE}` ({reason}) but does not: remove it from `MAY_EXPOSE`")
    });
    unlisted.chain(needless).collect()
}

impl Package {
    /// Returns the files that call it outside tests, relative to the repository's root folder, each with the first
    /// line that does.
    fn exposures(&self) -> Result<BTreeMap<String, usize>> {
        let mut found = BTreeMap::new();
        for first in self.roots() {
            for (_, module) in Modules::read(first)?.iter() {
                let calls = module
                    .mentions
                    .iter()
                    .filter(|mention| mention.path.last().is_some_and(|word| word == EXPOSE));
                let Some(line) = calls.map(|mention| mention.line).min() else { continue };
                let file = module.file.strip_prefix(root()).unwrap_or(&module.file).display().to_string();
                // A file can contain several modules.
                found.entry(file).and_modify(|known: &mut usize| *known = line.min(*known)).or_insert(line);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::test_sample::{folder, library};

    /// Returns the files of a library that expose secrets, with the lines.
    fn exposing(files: &[(&str, &str)]) -> Vec<(String, usize)> {
        let folder = folder(files);
        let top = format!("{}/", folder.path().display());
        let found = library(&folder).exposures().unwrap();
        found.into_iter().map(|(file, line)| (file.replace(&top, ""), line)).collect()
    }

    #[test]
    fn a_call_is_found_however_it_is_written() {
        for text in [
            "fn f(s: &Secret) { s.expose(); }",
            "fn f(s: &Secret) { s.clone().expose().len(); }",
            "fn f(s: &Secret) { Secret::expose(s); }",
            "fn f(s: &Secret) { crate::secret::Secret::expose(s); }",
            "fn f(s: Option<&Secret>) { s.map(Secret::expose); }",
            "fn f(s: &Secret) { format!(\"Bearer {}\", s.expose()); }",
            "fn f(s: &Secret) { json!({\"keys\": [{\"key\": s.expose()}]}); }",
            "macro_rules! m { ($s:expr) => { $s.expose() } }",
            "mod inline { fn f(s: &Secret) { s.expose(); } }",
            "#[cfg(any(test, feature = \"testing\"))] fn f(s: &Secret) { s.expose(); }",
        ] {
            assert_eq!(exposing(&[("lib.rs", text)]), [("lib.rs".to_owned(), 1)], "{text}");
        }
    }

    #[test]
    fn the_definition_is_no_call_and_neither_is_a_longer_name() {
        let text = "impl Secret { pub fn expose(&self) -> &str { self.0.expose_secret() } }";
        assert_eq!(exposing(&[("lib.rs", text)]), []);
    }

    #[test]
    fn tests_may_call_it() {
        for text in [
            "#[cfg(test)] mod tests { fn f(s: &Secret) { s.expose(); } }",
            "#[cfg(test)] fn f(s: &Secret) { s.expose(); }",
            "#[test] fn f() { s().expose(); }",
            "#[cfg(all(test, unix))] impl A { fn f(s: &Secret) { format!(\"{}\", s.expose()); } }",
            "fn f() { #[cfg(test)] let _ = s().expose(); }",
        ] {
            assert_eq!(exposing(&[("lib.rs", text)]), [], "{text}");
        }
        let files = [
            ("lib.rs", "#[cfg(test)]\nmod tests;"),
            ("tests.rs", "mod deep;"),
            ("tests/deep.rs", "fn f(s: &Secret) { s.expose(); }"),
        ];
        assert_eq!(exposing(&files), []);
    }

    #[test]
    fn the_first_line_of_each_file_is_reported() {
        let files = [
            (
                "lib.rs",
                "mod a;\nmod inline {\n    fn f() { s().expose(); }\n}\nfn g() { s().expose(); s().expose(); }",
            ),
            ("a.rs", "\nfn f() { s().expose(); }"),
        ];
        assert_eq!(exposing(&files), [("a.rs".to_owned(), 2), ("lib.rs".to_owned(), 3)]);
    }

    #[test]
    fn an_unlisted_file_and_a_needless_listing_are_reported() {
        let found = [("a.rs".to_owned(), 7), ("b.rs".to_owned(), 1)].into();
        assert_eq!(judged(&found, &[("a.rs", "signing"), ("b.rs", "a request")]), [""; 0]);
        assert_eq!(
            judged(&found, &[("b.rs", "a request"), ("c.rs", "comparing")]),
            [
                "a.rs:7: calls `Secret::expose`; expected only in the files of `MAY_EXPOSE` in xtask/src/tidy/secrets.rs: do \
                 not read the value, or add this file there with the purpose",
                "c.rs: may call `Secret::expose` (comparing) but does not: remove it from `MAY_EXPOSE`",
            ]
        );
    }
}
