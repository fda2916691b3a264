//! The known name that a mistyped one was probably meant to be.

/// Less alike than this, a name is another name and no slip.
const ALIKE: f64 = 0.75;

/// The one of `known` that is most like `name`, if one is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_another_word_finds_none() {
        let known = ["api-key", "domain", "webhook-id"];
        assert_eq!(nearest("api_key", known), Some("api-key"));
        assert_eq!(nearest("webhookid", known), Some("webhook-id"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
