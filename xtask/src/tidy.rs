//! Checks that neither the compiler nor clippy makes: undocumented items of the contract, long files, unwanted words,
//! layers that use what they must not, files that import each other in a circle, secrets that are read outside the
//! listed files, dependencies that a crate must not have, unsafe code.

mod borders;
mod circles;
mod contract;
mod files;
mod habits;
mod layers;
mod secrets;
mod source;
mod tests_named;
mod unsafety;

use anyhow::Result;

/// Returns a line for each finding.
pub(crate) fn findings() -> Result<Vec<String>> {
    let findings = [
        borders::findings()?,
        circles::findings()?,
        contract::findings()?,
        files::findings()?,
        habits::findings()?,
        layers::findings()?,
        secrets::findings()?,
        tests_named::findings()?,
        unsafety::findings()?,
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
