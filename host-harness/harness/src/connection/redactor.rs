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
    /// `None` if it could not be built, so that nothing may be shown.
    automaton: Option<AhoCorasick>,
    /// What is masked around each match, by its pattern.
    edges: Vec<Edges>,
    whole_words: bool,
}

/// An encoding of a secret that is searched for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    text: String,
    edges: Edges,
}

/// The number of characters of base64 before and after a match that also depend on the secret.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Edges {
    before: usize,
    after: usize,
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
        self.0.iter().fold(bytes, |bytes, search| search.masked(&bytes).unwrap_or(bytes))
    }

    /// Masks all matches in `text`.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, search| match search.masked(text.as_bytes()) {
            // Only whole characters are masked, so the rest is still UTF-8.
            Some(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
            None => text,
        })
    }
}

impl Search {
    fn of(forms: impl Iterator<Item = Form>, matching: Matching) -> Option<Arc<Self>> {
        let mut forms: Vec<Form> = forms.collect();
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return None;
        }
        #[cfg(any(test, feature = "measure"))]
        AUTOMATA_BUILT.set(AUTOMATA_BUILT.get() + 1);
        // Building a DFA follows each state's failure chain, which is quadratic for repeated letters; this kind is
        // linear. It fails only above two billion states.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(matching.any_case)
            .build(forms.iter().map(|form| &form.text));
        let edges = forms.iter().map(|form| form.edges).collect();
        Some(Arc::new(Self { automaton: automaton.ok(), edges, whole_words: matching.whole_words }))
    }

    /// Returns `text` with all matches masked, or `None` if there are none.
    fn masked(&self, text: &[u8]) -> Option<Vec<u8>> {
        let Some(automaton) = &self.automaton else { return Some(MASK.into()) };
        let mut masked = Vec::new();
        let mut done = 0;
        for found in automaton.find_iter(text).filter(|found| self.counts(text, found)) {
            let edges = self.edges.get(found.pattern().as_usize()).copied().unwrap_or_default();
            let (before, after) = (text.get(done..found.start()), text.get(found.end()..));
            let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
            let before = before.unwrap_or_default().iter().rev().take(edges.before).take_while(is_base64);
            let after = after.unwrap_or_default().iter().take(edges.after).take_while(is_base64);
            let (start, end) = (found.start() - before.count(), found.end() + after.count());
            if end > done {
                masked.extend_from_slice(text.get(done..start.max(done)).unwrap_or_default());
                masked.extend_from_slice(MASK.as_bytes());
                done = end;
            }
        }
        let rest = text.get(done..).filter(|_| done > 0)?;
        masked.extend_from_slice(rest);
        Some(masked)
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
fn forms(secret: &str) -> Vec<Form> {
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
    let whole = forms.into_iter().map(|text| Form { text, edges: Edges::default() });
    whole.chain(base64_pieces(secret)).filter(|form| !form.text.is_empty()).collect()
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
/// The characters of a group at either edge also depend on the neighbouring bytes, so they are not part of the form, but
/// of its edges.
fn base64_pieces(secret: &str) -> Vec<Form> {
    let mut pieces = Vec::new();
    for before in 0..3_usize {
        let mut text = vec![0; before];
        text.extend_from_slice(secret.as_bytes());
        let whole_groups = text.len() / 3 * 4;
        let own = before.div_ceil(3) * 4..whole_groups;
        let group = |is_shared: usize| if is_shared == 0 { 0 } else { 4 };
        let edges = Edges { before: group(before), after: group(text.len() % 3) };
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            let piece = encoded.get(own.clone()).filter(|piece| piece.len() >= MIN_PIECE);
            pieces.extend(piece.map(|piece| Form { text: piece.to_owned(), edges }));
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
    fn the_edges_of_a_secret_in_base64_are_masked_with_it() {
        let found = redactor("track-key-1");
        let header = format!("Basic {}", STANDARD.encode("site-1:track-key-1"));
        assert_eq!(found.text(&header), "Basic c2l0ZS0x[redacted]", "what is left is `site-1`");
        let bytes = found.bytes(format!("{{\"echo\": \"{header}\"}}").into_bytes());
        assert_eq!(bytes, b"{\"echo\": \"Basic c2l0ZS0x[redacted]\"}");
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
                kinds.extend(searches.iter().map(|search| search.automaton.as_ref().unwrap().kind()));
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

        /// Otherwise, the first and last bytes of a secret could be read from the groups of three that it shares.
        #[test]
        fn the_base64_that_is_left_around_a_secret_does_not_depend_on_it(secret in "[a-zA-Z0-9]{16,48}", other in "[a-zA-Z0-9]{16,48}", before in "[a-z:]{0,9}", after in "[a-z:]{0,9}") {
            prop_assume!(secret.len() % 3 == other.len() % 3);
            let left = |secret: &str| redactor(secret).text(&STANDARD.encode(format!("{before}{secret}{after}"))).into_owned();
            prop_assert_eq!(left(&secret), left(&other));
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
