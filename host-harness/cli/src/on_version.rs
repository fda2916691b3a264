//! The option of commands whose call can be made on a version that does not serve the connection.

use clap::Args;

use super::{client::ApiCall, failure::Failure};

/// Which version of the plugin a single call is made on.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct OnVersionOption {
    /// With --server: make the call on this version of the plugin, which must have been approved or have served. Requires
    /// the scope plugins:read too, or plugins:write for `confirm` [default: the version that serves the connection].
    #[arg(long = "plugin-version", value_name = "DIGEST")]
    version: Option<String>,
}

impl OnVersionOption {
    pub(super) fn add_to(&self, call: ApiCall) -> ApiCall {
        call.with("version", self.version.as_ref())
    }

    /// Refuses the option if there is no service, which has the versions.
    pub(super) fn check_absent(&self) -> Result<(), Failure> {
        match self.version {
            Some(_) => Err(Failure::misused("--plugin-version requires a service: name one with --server")),
            None => Ok(()),
        }
    }
}
