//! How things are called in manifests and configurations.

/// Whether `name` is made of lower-case letters and digits, with single dashes between them.
pub fn is_kebab(name: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('-').all(is_word)
}

/// The longest name of a tenant, a connection or a plugin, in bytes: it is part of addresses, file names and log lines.
const MAX_NAME: usize = 64;

/// Whether `name` may be that of a tenant, a connection, a plugin or an API key.
pub fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME && is_kebab(name)
}
