//! `new-master-key`: a key under which a service's database is sealed.

use clap::Args;
use serde_json::json;

use super::{exit::Exit, failure::Failure, shown::Shown};
use host_model::secret::Secret;

#[derive(Debug, Args)]
pub(super) struct NewMasterKey {}

impl NewMasterKey {
    #[expect(clippy::unused_self, reason = "every command runs by itself")]
    pub(super) fn run(self) -> Result<Shown, Failure> {
        let key = Secret::random("").map_err(Failure::misused)?;
        let people = key.expose().to_owned();
        Ok(Shown { json: json!({"master-key": people}), people, exit: Exit::Done })
    }
}
