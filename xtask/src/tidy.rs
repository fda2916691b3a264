//! What neither compiler nor clippy sees: undocumented items of the contract, long files, words that do not belong,
//! layers that know what they should not, files that import each other in a circle, secrets that are read anywhere,
//! dependencies that a crate must not have.

mod borders;
mod circles;
mod contract;
mod files;
mod layers;
mod secrets;
mod source;
mod tests_named;

use anyhow::Result;

/// A line for each thing that is not as it should be.
pub(crate) fn findings() -> Result<Vec<String>> {
    let findings = [
        borders::findings()?,
        circles::findings()?,
        contract::findings()?,
        files::findings()?,
        layers::findings()?,
        secrets::findings()?,
        tests_named::findings()?,
    ];
    Ok(findings.concat())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_is_tidy() {
        assert_eq!(super::findings().unwrap(), Vec::<String>::new());
    }
}
