//! The bundle beside a component's file, and what it says. Nothing is verified, since no key is configured here.

use std::path::{Path, PathBuf};

use host_harness::plugin::Release;
use host_model::digest::Digest;
use host_trust::{BundleClaims, ClaimedContent, Refusal, Statement, bundle_file};
use serde_json::{Value, json};

use crate::{failure::Failure, words::timestamp};

/// A component's file with what is beside it.
pub(super) struct ComponentFile {
    pub(super) component: Vec<u8>,
    /// What the bundle beside it says; `None` if there is none.
    pub(super) bundle: Option<BundleBeside>,
}

/// A bundle beside a component's file.
pub(super) struct BundleBeside {
    file: PathBuf,
    /// The digest of the component.
    found: Digest,
    said: Result<BundleClaims, Refusal>,
}

impl ComponentFile {
    /// Returns `component`, which was read from `file`, with what the bundle beside it says.
    pub(super) async fn of(file: &Path, component: Vec<u8>) -> Result<Self, Failure> {
        let beside = bundle_file(file);
        let read = Release::with_bundle_beside(file, component).await;
        let Release { component, bundle } =
            read.map_err(|error| Failure::misused(format!("cannot read {}: {error}", beside.display())))?;
        let found = Digest::of(&component);
        let bundle = bundle.map(|text| BundleBeside { file: beside, found, said: BundleClaims::read(&text) });
        Ok(Self { component, bundle })
    }
}

impl BundleBeside {
    /// Returns lines for people.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.file.display().to_string()];
        match &self.said {
            Err(refusal) => lines.push(format!("cannot be used: the component {refusal}")),
            Ok(BundleClaims { key, content }) => {
                match content {
                    ClaimedContent::Statement(statement) => lines.extend(stated(statement)),
                    ClaimedContent::Component(_) => {
                        lines.push("signs a component, without a statement about it".to_owned());
                    }
                }
                lines.push(self.about());
                let key = key.as_deref().map_or_else(|| "no key".to_owned(), |key| format!("the key {key}"));
                lines.push(format!("names {key}; none of this is verified here"));
            }
        }
        lines
    }

    fn about(&self) -> String {
        match self.said.as_ref().ok().and_then(BundleClaims::digest) {
            Some(digest) if digest == self.found => "is about this component".to_owned(),
            Some(digest) => format!("is about another component, {digest}"),
            None => "does not say which component it is about".to_owned(),
        }
    }

    /// Returns the member `bundle` of the document.
    pub(super) fn json(&self) -> Value {
        let claims = self.said.as_ref().ok();
        let statement = claims.and_then(|claims| match &claims.content {
            ClaimedContent::Statement(statement) => Some(statement_json(statement)),
            ClaimedContent::Component(_) => None,
        });
        let digest = claims.and_then(BundleClaims::digest);
        json!({
            "file": self.file,
            "statement": statement,
            "digest": digest.map(|digest| digest.to_string()),
            "is_about_component": digest.map(|digest| digest == self.found),
            "key": claims.and_then(|claims| claims.key.clone()),
            "problem": self.said.as_ref().err().map(|refusal| json!({
                "reason": refusal.code(), "detail": format!("the component {refusal}"),
            })),
        })
    }
}

fn stated(statement: &Statement) -> [String; 2] {
    let Statement { plugin, version, revision, not_after, contract, conformance, .. } = statement;
    [
        format!(
            "states plugin {plugin}, release {version}, revision {revision}, until {}",
            timestamp(*not_after)
        ),
        format!("states contract {contract}, proof {}, seed {}", conformance.result, conformance.seed),
    ]
}

fn statement_json(statement: &Statement) -> Value {
    let Statement { plugin, version, revision, not_after, contract, manifest, conformance, .. } = statement;
    json!({
        "plugin": plugin,
        "version": version,
        "revision": revision,
        "not_after": timestamp(*not_after),
        "contract": contract,
        "manifest": manifest.to_string(),
        "conformance": conformance,
    })
}
