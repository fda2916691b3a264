//! Secrets given by reference, never as an argument: every user of the machine can see arguments.

use std::path::Path;

use host_model::secret::Secret;

/// A reference to a secret. It does not print, since it may be the secret itself, typed by mistake.
#[derive(Clone)]
pub(super) struct SecretReference(String);

impl From<String> for SecretReference {
    fn from(typed: String) -> Self {
        Self(typed)
    }
}

impl std::fmt::Debug for SecretReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reference")
    }
}

impl SecretReference {
    /// The name that the secret is for, and the secret.
    pub(super) fn read(&self) -> Result<(String, Secret), String> {
        let wanted =
            || "expected NAME=file:PATH or NAME=env:VARIABLE; the secret itself is never an argument";
        let (name, place) = self.0.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wanted)?;
        let secret = match place.split_once(':') {
            Some(("file", path)) => from_file(Path::new(path))?,
            Some(("env", variable)) => from_variable(variable)?,
            _ => return Err(wanted().to_owned()),
        };
        Ok((name.to_owned(), secret))
    }
}

/// Reads the secret from that file, without the newline that editors add at the end.
pub(super) fn from_file(path: &Path) -> Result<Secret, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Secret::new(text.trim_end_matches(['\r', '\n'])).ok_or_else(|| format!("{} is empty", path.display()))
}

/// Reads the secret from that environment variable.
#[expect(clippy::disallowed_methods, reason = "the operator named it")]
pub(super) fn from_variable(name: &str) -> Result<Secret, String> {
    let value = std::env::var(name).ok().and_then(Secret::new);
    value.ok_or_else(|| format!("the variable {name} is not set or empty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_a_file_or_a_variable_and_no_refusal_shows_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "k-123\r\n").unwrap();
        let (name, secret) = SecretReference(format!("api-key=file:{}", file.display())).read().unwrap();
        assert_eq!((name.as_str(), secret.expose()), ("api-key", "k-123"));
        assert!(SecretReference("home=env:PATH".into()).read().is_ok());
        std::fs::write(&file, "\n").unwrap();
        for typed in ["api-key=k-123", "api-key", "=file:k-123", "k-123", "api-key=inline:k-123"] {
            let told = SecretReference(typed.into()).read().unwrap_err();
            assert!(told.starts_with("expected NAME=file:PATH") && !told.contains("123"), "{typed}: {told}");
            assert_eq!(format!("{:?}", SecretReference(typed.into())), "Reference");
        }
        assert!(
            SecretReference(format!("a=file:{}", file.display()))
                .read()
                .unwrap_err()
                .ends_with("key is empty")
        );
        assert_eq!(
            SecretReference("a=env:NOT_A_VARIABLE_AT_ALL".into()).read().unwrap_err(),
            "the variable NOT_A_VARIABLE_AT_ALL is not set or empty"
        );
    }
}
