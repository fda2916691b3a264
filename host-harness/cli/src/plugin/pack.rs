//! `plugin pack`: puts conformance cases into a component.
//! Tested in `src/tests/prove.rs`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{component_file::read, exit::Exit, failure::Failure, output::CommandOutput};
use host_harness::conformance::{Cases, texts_of_folder};
use host_model::{case_section, digest::Digest};

#[derive(Debug, Args)]
pub(crate) struct PackCommand {
    /// The component's file.
    component: PathBuf,
    /// The folder of its cases: a folder for each, with a file `case.toml`. They replace those that it has.
    #[arg(long, value_name = "DIR")]
    cases: PathBuf,
    /// The file to write [default: the component's own].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl PackCommand {
    pub(crate) fn run(self) -> Result<CommandOutput, Failure> {
        let component = read(&self.component)?;
        let texts = texts_of_folder(&self.cases).map_err(Failure::misused)?;
        Cases::read(&texts).map_err(Failure::misused)?;
        let packed = case_section::pack(&component, &texts)
            .map_err(|error| Failure::misused(format!("{}: {error}", self.component.display())))?;
        let output = self.output.unwrap_or(self.component);
        let digest = Digest::of(&packed).to_string();
        std::fs::write(&output, &packed)
            .map_err(|error| Failure::misused(format!("cannot write {}: {error}", output.display())))?;
        let count = texts.len();
        let noun = if count == 1 { "case" } else { "cases" };
        Ok(CommandOutput {
            people: format!("{}: {count} {noun} packed\n  {digest}", output.display()),
            json: json!({"file": output, "cases": count, "digest": digest}),
            exit: Exit::Done,
        })
    }
}
