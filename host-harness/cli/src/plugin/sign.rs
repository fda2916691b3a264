//! `plugin sign`: proves a component's file, and signs it as a release.
//! Tested in `src/tests/sign.rs`.

use std::path::PathBuf;

use clap::Args;
use host_harness::conformance::ProofResult;
use host_trust::{ConformanceResult, ConformanceRun, ReleaseKey, Revision, Statement, bundle_file};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    prove::exit,
    proving::{ProofOptions, ProvenComponent},
};
use crate::{component_file::read, exit::Exit, failure::Failure, output::CommandOutput, session::Session};

#[derive(Debug, Args)]
pub(crate) struct SignCommand {
    /// The component's file.
    component: PathBuf,
    /// The private key: P-256, as PKCS #8 in PEM without a password.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The name of the plugin, as the host's configuration has it.
    #[arg(long)]
    name: String,
    /// The number of the release, greater than that of each release before.
    #[arg(long, value_name = "NUMBER", value_parser = revision)]
    revision: Revision,
    /// The last moment at which a host may admit the release, such as `2027-06-30T00:00:00Z`.
    #[arg(long, value_name = "TIME")]
    not_after: jiff::Timestamp,
    /// The release's own version [default: that of its manifest].
    #[arg(long = "release", value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    proof: ProofOptions,
}

fn revision(typed: &str) -> Result<Revision, String> {
    let number: u64 = typed.parse().map_err(|_| format!("expected a number from 1 to {}", Revision::MAX))?;
    Revision::try_from(number).map_err(|error| error.to_string())
}

impl SignCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let Self { component, key: key_file, name, revision, not_after, version, proof } = self;
        let pem = Zeroizing::new(read(&key_file)?);
        let key = ReleaseKey::from_pem(&pem)
            .map_err(|error| Failure::misused(format!("{} {error}", key_file.display())))?;
        let ProvenComponent { plugin, proof } = proof.prove(session, &component, read(&component)?).await?;
        let result = match proof.result {
            ProofResult::Passed => ConformanceResult::Passed,
            ProofResult::Incomplete => ConformanceResult::Incomplete,
            ProofResult::Failed => return Ok(not_signed(&component)),
        };
        let statement = Statement {
            plugin: name,
            digest: plugin.digest(),
            version: version.unwrap_or_else(|| plugin.manifest().version.clone()),
            revision,
            not_after: not_after.as_millisecond(),
            contract: plugin.contract(),
            manifest: plugin.manifest().digest(),
            conformance: ConformanceRun { result, seed: proof.seed },
        };
        let bundle = key.sign(&statement).map_err(Failure::misused)?;
        let output = bundle_file(&component);
        std::fs::write(&output, bundle)
            .map_err(|error| Failure::misused(format!("cannot write {}: {error}", output.display())))?;
        let Statement { plugin, digest, version, .. } = &statement;
        let fingerprint = key.public().fingerprint().to_string();
        let people = format!(
            "{}: plugin {plugin}, release {version}, revision {revision}, until {not_after}\n  component {digest}\n  key       \
             {fingerprint}\n  proof     {result}, seed {}",
            output.display(),
            proof.seed,
        );
        let json = json!({
            "bundle": output, "plugin": plugin, "digest": digest.to_string(), "version": version,
            "revision": revision, "not-after": not_after, "contract": statement.contract,
            "manifest": statement.manifest.to_string(), "conformance": statement.conformance, "key": fingerprint,
        });
        Ok(CommandOutput { people, json, exit: exit(proof.result) })
    }
}

fn not_signed(component: &std::path::Path) -> CommandOutput {
    let file = component.display();
    let people = format!(
        "{file}: not signed, since its proof failed\nnext: `plugin prove {file}` shows what was found"
    );
    CommandOutput { people, json: json!({"bundle": null}), exit: Exit::Refused }
}
