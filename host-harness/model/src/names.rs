//! The rules for names in manifests and configurations.

/// Returns whether `name` consists of lower-case letters and digits with single dashes between them.
pub fn is_kebab(name: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('-').all(is_word)
}

/// Maximum length of the name of a tenant, a connection or a plugin, in bytes. Names are part of URLs, file names and
/// log lines.
const MAX_NAME: usize = 64;

/// Returns whether `name` is valid for a tenant, a connection, a plugin or an API key.
pub fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME && is_kebab(name)
}
