//! Signs a component as a release of a plugin, and writes the bundle beside it:
//!
//! ```sh
//! openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out release.key
//! cargo run -p host-trust --example sign_release -- release.key newsletter.wasm newsletter 7
//! ```

use std::{env, error::Error, fs, path::Path};

use host_model::{contract::ContractVersion, digest::Digest};
use host_trust::{ConformanceResult, ConformanceRun, ReleaseKey, Revision, Statement, bundle_file};
use jiff::Timestamp;
use zeroize::Zeroizing;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: [String; 4] = env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "expected a key, a component, the name of the plugin and a revision")?;
    let [key, component, plugin, revision] = arguments;
    let key = ReleaseKey::from_pem(&Zeroizing::new(fs::read(key)?))?;
    let statement = Statement {
        plugin,
        digest: Digest::of(&fs::read(&component)?),
        version: "1.4.0".to_owned(),
        revision: Revision::try_from(revision.parse::<u64>()?)?,
        not_after: "2027-06-30T12:00:00Z".parse::<Timestamp>()?.as_millisecond(),
        contract: ContractVersion::V0_2_0,
        manifest: Digest::of(b"the manifest"),
        conformance: ConformanceRun { result: ConformanceResult::Passed, seed: 7 },
    };
    fs::write(bundle_file(Path::new(&component)), key.sign(&statement)?)?;
    Ok(())
}
