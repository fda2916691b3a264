//! A version that is sent to a service: its component, its bundle and its settings.
//! Tested in `src/tests/sign.rs`.

use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use clap::Args;
use host_api::types::given_settings::{ComponentWithSettings, GivenSettings};
use host_trust::bundle_file;

use crate::{client::ApiCall, component_file, failure::Failure};

/// Where the bundle with the signature is.
#[derive(Debug, Args)]
pub(crate) struct BundleOption {
    /// The bundle with its signature [default: the component's file with .sigstore.json appended, if it is there].
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

impl BundleOption {
    /// Returns the file that is read if it is there, or if it was named.
    pub(super) fn file(&self, component: &Path) -> PathBuf {
        self.bundle.clone().unwrap_or_else(|| bundle_file(component))
    }

    pub(super) fn read(&self, component: &Path) -> Result<Option<String>, Failure> {
        let file = self.file(component);
        if self.bundle.is_none() && !file.exists() {
            return Ok(None);
        }
        let wrong = |why: String| Failure::misused(format!("{}: {why}", file.display()));
        let text = String::from_utf8(component_file::read(&file)?);
        text.map(Some).map_err(|_| wrong("expected a bundle, which is JSON in UTF-8".to_owned()))
    }

    /// Adds the component in `file` to `call`: as it is, or together with its bundle or settings.
    pub(super) fn add_to(
        &self,
        call: ApiCall,
        file: &Path,
        given: Option<GivenSettings>,
    ) -> Result<ApiCall, Failure> {
        let (component, bundle) = (component_file::read(file)?, self.read(file)?);
        if bundle.is_none() && given.is_none() {
            return Ok(call.body("application/wasm", component));
        }
        let (component, given) = (BASE64.encode(component), given.unwrap_or_default());
        Ok(call.json(&ComponentWithSettings { component, bundle, given }))
    }
}
