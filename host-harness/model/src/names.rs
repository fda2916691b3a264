//! How things are called in manifests and configurations.

/// Whether `name` is made of lower-case letters and digits, with single dashes between them.
pub fn is_kebab(name: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('-').all(is_word)
}
