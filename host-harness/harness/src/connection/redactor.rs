//! Finds a connection's secrets and a person's names where they must not be: in answers, errors and log lines, in every
//! usual spelling.

use std::{borrow::Cow, fmt, sync::Arc};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Match, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use host_model::secret::Secret;

/// What stands where a secret stood.
const MASK: &str = "[redacted]";

/// A shorter piece of base64 would be found in innocent text.
const SHORTEST_PIECE: usize = 8;

/// A shorter name of a person is part of innocent words, and is found where it is a word of its own.
const SHORTEST_INSIDE: usize = 6;

/// Searches for sets of secrets and names, each in one pass.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Vec<Arc<Search>>);

struct Search {
    automaton: AhoCorasick,
    whole_words: bool,
}

impl Redactor {
    /// One that finds `secrets`, as they are and in base64, hex, percent-encoding and JSON.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        Self(
            Search::of(secrets.into_iter().flat_map(|secret| forms(secret.expose())), false, false)
                .into_iter()
                .collect(),
        )
    }

    /// One that finds `names` of people, in the same spellings, in capitals or not.
    pub(crate) fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().map(str::trim);
        let (long, short): (Vec<_>, Vec<_>) = names.partition(|name| name.len() >= SHORTEST_INSIDE);
        let search =
            |names: Vec<&str>, whole_words| Search::of(names.into_iter().flat_map(forms), true, whole_words);
        Self(search(long, false).into_iter().chain(search(short, true)).collect())
    }

    /// One that also finds what `other` finds. A search that both have is made once.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let is_new = |search: &&Arc<Search>| !self.0.iter().any(|own| Arc::ptr_eq(own, search));
        Self(self.0.iter().chain(other.0.iter().filter(is_new)).cloned().collect())
    }

    /// How many searches go over a text, one after another.
    #[cfg(test)]
    pub(crate) fn searches(&self) -> usize {
        self.0.len()
    }

    /// `bytes` without what is searched for; the same buffer where there is none in it.
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

    /// `text` without what is searched for.
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
    fn of(forms: impl Iterator<Item = String>, any_case: bool, whole_words: bool) -> Option<Arc<Self>> {
        let mut forms: Vec<String> = forms.collect();
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return None;
        }
        #[cfg(any(test, feature = "measure"))]
        BUILT.set(BUILT.get() + 1);
        // A DFA is built by following each state's chain of failures, which is quadratic in a repeated letter; this kind is
        // linear. It fails only past two billion states; then nothing may be shown at all, which an empty pattern does.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(any_case)
            .build(&forms)
            .or_else(|_| AhoCorasick::new([""]));
        automaton.ok().map(|automaton| Arc::new(Self { automaton, whole_words }))
    }

    /// Whether what was found in `text` is what is searched for.
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

/// What addresses are written with: RFC 3986's unreserved characters stay.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Every usual spelling of `secret`.
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
    // PHP writes a slash with a backslash, .NET a plus as its number.
    forms.extend(
        [("/", "\\/"), ("+", "\\u002B"), ("+", "\\u002b")]
            .map(|(sign, written)| in_json.replace(sign, written)),
    );
    forms.push(in_json.to_owned());
    forms.extend(base64_pieces(secret));
    forms.retain(|form| !form.is_empty());
    forms
}

/// The digits behind each `%` in lower case, as some write them.
fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower = lower + "%" + &digits.to_ascii_lowercase() + rest;
    }
    lower
}

/// What base64 makes of `secret` wherever it stands in a longer text: after nothing, one or two bytes of a group of three.
/// The characters at either edge also depend on the neighbours, and are left out.
fn base64_pieces(secret: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    for before in 0..3_usize {
        let mut text = vec![0; before];
        text.extend_from_slice(secret.as_bytes());
        let whole_groups = text.len() / 3 * 4;
        let own = before.div_ceil(3) * 4..whole_groups;
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            pieces.extend(
                encoded.get(own.clone()).filter(|piece| piece.len() >= SHORTEST_PIECE).map(str::to_owned),
            );
        }
    }
    pieces
}

#[cfg(any(test, feature = "measure"))]
thread_local! {
    /// How many automata this thread has built.
    pub static BUILT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
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
