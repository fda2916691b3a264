//! Finds a connection's secrets and a person's identifiers in text that must not contain them, such as responses,
//! errors and log lines, in every common encoding.

use std::{borrow::Cow, fmt, sync::Arc};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Match, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use host_model::secret::Secret;

/// The replacement for a secret.
const MASK: &str = "[redacted]";

/// Minimum length of a piece of base64; shorter pieces would match ordinary text.
const MIN_PIECE: usize = 8;

/// Minimum length for a person's identifier to be found inside words. Shorter ones occur in ordinary words, and are
/// only found as separate words.
const MIN_NAME_INSIDE_WORD: usize = 6;

/// Searches for sets of secrets and identifiers, each in a single pass.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Vec<Arc<Search>>);

struct Search {
    automaton: AhoCorasick,
    whole_words: bool,
}

/// What counts as a match.
#[derive(Clone, Copy)]
struct Matching {
    /// ASCII case does not matter.
    any_case: bool,
    /// A match inside a word does not count.
    whole_words: bool,
}

impl Matching {
    const EXACT: Self = Self { any_case: false, whole_words: false };
    const ANY_CASE: Self = Self { any_case: true, ..Self::EXACT };
}

impl Redactor {
    /// Creates a redactor that finds `secrets`, both verbatim and in base64, hex, percent-encoding and JSON.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        Self(
            Search::of(secrets.into_iter().flat_map(|secret| forms(secret.expose())), Matching::EXACT)
                .into_iter()
                .collect(),
        )
    }

    /// Creates a redactor that finds people's identifiers in the same encodings, ignoring ASCII case.
    pub(crate) fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().map(str::trim);
        let (long, short): (Vec<_>, Vec<_>) = names.partition(|name| name.len() >= MIN_NAME_INSIDE_WORD);
        let search = |names: Vec<&str>, matching| Search::of(names.into_iter().flat_map(forms), matching);
        let whole_words = Matching { whole_words: true, ..Matching::ANY_CASE };
        Self(search(long, Matching::ANY_CASE).into_iter().chain(search(short, whole_words)).collect())
    }

    /// Returns a redactor that also finds what `other` finds. Searches that both have are run once.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let is_new = |search: &&Arc<Search>| !self.0.iter().any(|own| Arc::ptr_eq(own, search));
        Self(self.0.iter().chain(other.0.iter().filter(is_new)).cloned().collect())
    }

    /// Returns the number of searches that run over a text.
    #[cfg(test)]
    pub(crate) fn searches(&self) -> usize {
        self.0.len()
    }

    /// Masks all matches in `bytes`. Returns the same buffer if there are none.
    pub(crate) fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.0.iter().fold(bytes, |bytes, search| {
            if !search.automaton.is_match(&bytes) {
                return bytes;
            }
            let mut masked = Vec::with_capacity(bytes.len());
            search.automaton.replace_all_with_bytes(&bytes, &mut masked, |found, text, masked| {
                masked.extend_from_slice(if search.counts(&bytes, found) { MASK.as_bytes() } else { text });
                true
            });
            masked
        })
    }

    /// Masks all matches in `text`.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, search| {
            if !search.automaton.is_match(&*text) {
                return text;
            }
            let mut masked = String::with_capacity(text.len());
            search.automaton.replace_all_with(&text, &mut masked, |found, own, masked| {
                masked.push_str(if search.counts(text.as_bytes(), found) { MASK } else { own });
                true
            });
            Cow::Owned(masked)
        })
    }
}

impl Search {
    fn of(forms: impl Iterator<Item = String>, matching: Matching) -> Option<Arc<Self>> {
        let mut forms: Vec<String> = forms.collect();
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return None;
        }
        #[cfg(any(test, feature = "measure"))]
        AUTOMATA_BUILT.set(AUTOMATA_BUILT.get() + 1);
        // Building a DFA follows each state's failure chain, which is quadratic for repeated letters; this kind is
        // linear. It fails only above two billion states. In that case nothing may be shown at all, which an empty
        // pattern achieves.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(matching.any_case)
            .build(&forms)
            .or_else(|_| AhoCorasick::new([""]));
        automaton.ok().map(|automaton| Arc::new(Self { automaton, whole_words: matching.whole_words }))
    }

    /// Returns whether the match in `text` counts.
    fn counts(&self, text: &[u8], found: &Match) -> bool {
        let is_in_word =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
        let before = found.start().checked_sub(1).and_then(|before| text.get(before));
        !(self.whole_words && (is_in_word(before) || is_in_word(text.get(found.end()))))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// The set that is percent-encoded in URLs: all except RFC 3986's unreserved characters.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns every common encoding of `secret`.
fn forms(secret: &str) -> Vec<String> {
    let hex = hex::encode(secret);
    let mut forms = vec![secret.to_owned(), hex.to_ascii_uppercase(), hex];
    for encoded in [
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(secret, UNRESERVED).to_string(),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ] {
        forms.extend([lower_hex(&encoded), encoded]);
    }
    let in_json = serde_json::Value::from(secret).to_string();
    let in_json = in_json.trim_matches('"');
    // PHP escapes a slash with a backslash, and .NET writes a plus as its code point.
    forms.extend(
        [("/", "\\/"), ("+", "\\u002B"), ("+", "\\u002b")]
            .map(|(sign, written)| in_json.replace(sign, written)),
    );
    forms.push(in_json.to_owned());
    forms.extend(base64_pieces(secret));
    forms.retain(|form| !form.is_empty());
    forms
}

/// Converts the digits after each `%` to lower case, as some encoders write them.
fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower = lower + "%" + &digits.to_ascii_lowercase() + rest;
    }
    lower
}

/// Returns the base64 forms of `secret` within a longer text: preceded by zero, one or two bytes of a group of three.
/// The characters at either edge also depend on the neighbouring bytes and are left out.
fn base64_pieces(secret: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    for before in 0..3_usize {
        let mut text = vec![0; before];
        text.extend_from_slice(secret.as_bytes());
        let whole_groups = text.len() / 3 * 4;
        let own = before.div_ceil(3) * 4..whole_groups;
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            pieces
                .extend(encoded.get(own.clone()).filter(|piece| piece.len() >= MIN_PIECE).map(str::to_owned));
        }
    }
    pieces
}

#[cfg(any(test, feature = "measure"))]
thread_local! {
    /// The number of automata that this thread has built.
    pub static AUTOMATA_BUILT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn redactor(secret: &str) -> Redactor {
        Redactor::of([&Secret::new(secret).unwrap()])
    }

    #[test]
    fn a_secret_is_found_in_every_usual_spelling() {
        let secret = "k3y/with+\"odd\" signs";
        let found = redactor(secret);
        for spelling in [
            secret.to_owned(),
            "k3y%2Fwith%2B%22odd%22%20signs".to_owned(),
            "k3y%2fwith%2b%22odd%22%20signs".to_owned(),
            "k3y%2Fwith%2B%22odd%22+signs".to_owned(),
            r#"k3y\/with+\"odd\" signs"#.to_owned(),
            r#"k3y/with\u002B\"odd\" signs"#.to_owned(),
            serde_json::to_string(secret).unwrap(),
            hex::encode(secret),
            hex::encode_upper(secret),
        ] {
            let shown = found.text(&spelling);
            assert!(shown.contains(MASK) && !shown.contains("k3y"), "{spelling} -> {shown}");
        }
    }

    #[test]
    fn a_secret_is_found_as_the_host_itself_writes_it() {
        let found = redactor("my-secret.x~y_z/+");
        for written in ["my-secret.x~y_z%2F%2B", "my-secret.x%7Ey_z%2F%2B", "my%2Dsecret%2Ex%7Ey%5Fz%2F%2B"] {
            assert_eq!(found.text(written), MASK, "{written}");
        }
    }

    #[test]
    fn innocent_text_is_handed_on_as_it_is() {
        let found = redactor("0123456789abcdef");
        assert!(matches!(found.text("0123456789abcde"), Cow::Borrowed(_)));
        assert_eq!(Redactor::of([]).bytes(b"anything".to_vec()), b"anything");
    }

    #[test]
    fn a_persons_names_are_found_in_capitals_or_not_and_short_ones_as_words_alone() {
        let found = Redactor::of_names(["Ada+Mail@Example.com", "u-7", " "]);
        for (text, shown) in [
            ("no user ADA+mail@example.com here", "no user [redacted] here"),
            ("/users/ada%2bmail%40example.com", "/users/[redacted]"),
            ("{\"id\":\"U-7\"} of u-7.", "{\"id\":\"[redacted]\"} of [redacted]."),
            ("menu-7 and u-77 stay", "menu-7 and u-77 stay"),
        ] {
            assert_eq!(found.text(text), shown);
            assert_eq!(found.bytes(text.as_bytes().to_vec()), shown.as_bytes());
        }
    }

    #[test]
    fn building_is_linear_in_a_repeated_letter() {
        let bytes = |length: usize| {
            let letters = "a".repeat(length);
            let mut kinds = Vec::new();
            let counted = allocation_counter::measure(|| {
                let Redactor(searches) = Redactor::of_names([letters.as_str()]);
                kinds.extend(searches.iter().map(|search| search.automaton.kind()));
            });
            assert_eq!(kinds, [AhoCorasickKind::ContiguousNFA]);
            counted.bytes_total
        };
        let each = |length| bytes(length) / length as u64;
        let few = each(10);
        for length in [100, 1_000, 10_000] {
            assert!(each(length) <= 2 * few, "{} bytes for each letter of {length}, not {few}", each(length));
        }
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn a_secret_is_found_in_base64_wherever_it_stands(secret in "[a-zA-Z0-9]{16,48}", before in "[a-z:]{0,9}", after in "[a-z:]{0,9}") {
            let found = redactor(&secret);
            for encoded in [STANDARD.encode(format!("{before}{secret}{after}")), URL_SAFE_NO_PAD.encode(format!("{before}{secret}{after}"))] {
                prop_assert!(found.text(&encoded).contains(MASK), "{}", encoded);
            }
        }

        #[test]
        fn no_text_keeps_a_secret(secret in "[a-zA-Z0-9/+=]{8,40}", before in ".{0,40}", after in ".{0,40}") {
            let text = format!("{before}{secret}{after}");
            let found = redactor(&secret);
            prop_assert!(!found.text(&text).contains(&secret));
            prop_assert!(!String::from_utf8_lossy(&found.bytes(text.into_bytes())).contains(&secret));
        }
    }
}
