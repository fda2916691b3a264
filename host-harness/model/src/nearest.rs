//! Finds the known name that a mistyped one was probably meant to be.

/// The minimum similarity for a name to count as a misspelling.
const MIN_SIMILARITY: f64 = 0.75;

/// Maximum length of a compared name, in bytes. No known name is longer, and a comparison takes time proportional to
/// the product of both lengths.
const MAX_COMPARED: usize = 64;

/// Maximum number of letters that are missing, added, wrong or swapped in a misspelled name.
const MAX_SLIPS: usize = 2;

/// Returns the name in `known` that is most similar to `name`, or `None` if none is similar enough.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_compared = |name: &&str| name.len() <= MAX_COMPARED;
    let name = Some(name).filter(is_compared)?;
    known
        .into_iter()
        .filter(is_compared)
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness >= MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// Returns the name in `known` that `name` is probably a misspelling of: the same one in another case or with
/// underscores, or one that differs in at most two letters and a third of its letters.
pub fn misspelled<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = folded(name);
    known
        .into_iter()
        .filter(|known| known.len().abs_diff(folded.len()) <= MAX_SLIPS && known.len() <= MAX_COMPARED)
        .map(|known| (strsim::osa_distance(&folded, known), known))
        .filter(|(slips, known)| *slips <= MAX_SLIPS && slips * 3 <= known.len())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, known)| known)
}

fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Returns the end of a sentence about an unknown name, such as ``: did you mean `domain`?``; empty if no known name is
/// similar.
pub fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |known| format!(": did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use super::{misspelled, nearest};

    #[test]
    fn a_misspelled_name_differs_by_its_style_or_by_two_letters_at_most() {
        let known = ["api-key", "domain", "id"];
        for slip in ["api_key", "API_KEY", "Api-Key", "apiKey", "api-kye", "api-keys", "ap-ky", "domian"] {
            let meant = if slip.starts_with('d') { "domain" } else { "api-key" };
            assert_eq!(misspelled(slip, known), Some(meant), "{slip}");
        }
        for other in ["email", "user-id", "ip", "x", "api", "app-token", "", "domain-name"] {
            assert_eq!(misspelled(other, known), None, "{other}");
        }
    }

    #[test]
    fn a_slip_finds_its_word_and_another_word_finds_none() {
        let known = ["api-key", "domain", "webhook-id"];
        assert_eq!(nearest("api_key", known), Some("api-key"));
        assert_eq!(nearest("webhookid", known), Some("webhook-id"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn a_name_that_is_too_long_is_compared_with_nothing() {
        let long = "a".repeat(1_000_000);
        let counted = allocation_counter::measure(|| {
            assert_eq!(nearest(&long, ["a", "aaa"]), None);
            assert_eq!(nearest("aaa", [long.as_str()]), None);
        });
        // A comparison allocates a flag for each letter.
        assert_eq!(counted.bytes_total, 0);
    }
}
