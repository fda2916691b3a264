//! Reads the list of forgotten users in one pass, without copying it: it may contain hundreds of thousands of hashes.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    lenient::{Element, Lenient, Scalar},
    model::without_mark,
};

/// SHA-256 of a lower-cased, trimmed identifier.
pub(crate) type Hash = [u8; 32];

/// Returns those of the `wanted` hashes that are on the list. `None` if the answer has no such list or is truncated.
pub(crate) fn listed(body: &[u8], wanted: &BTreeSet<Hash>) -> Option<BTreeSet<Hash>> {
    let mut found = BTreeSet::new();
    let mut parser = serde_json::Deserializer::from_slice(without_mark(body));
    let search = ForgottenAnswer { wanted, found: &mut found };
    let lists = parser.deserialize_map(search).ok()?;
    parser.end().ok()?;
    (lists > 0).then_some(found)
}

/// Searches the lists of an answer, and counts them.
struct ForgottenAnswer<'a> {
    wanted: &'a BTreeSet<Hash>,
    found: &'a mut BTreeSet<Hash>,
}

impl<'de> Visitor<'de> for ForgottenAnswer<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of hashes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<usize, A::Error> {
        let mut lists = 0;
        while let Some(key) = entries.next_key::<String>()? {
            if key == "hashedEmails" || key == "hashedUserIds" {
                entries.next_value_seed(Hashes { wanted: self.wanted, found: self.found })?;
                lists += 1;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(lists)
    }
}

struct Hashes<'a> {
    wanted: &'a BTreeSet<Hash>,
    found: &'a mut BTreeSet<Hash>,
}

impl<'de> DeserializeSeed<'de> for Hashes<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Hashes<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of hashes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(Element(Entry(hash))) = items.next_element()? {
            if let Some(hash) = hash.filter(|hash| self.wanted.contains(hash)) {
                self.found.insert(hash);
            }
        }
        Ok(())
    }
}

/// One hash, in hex of either case. An entry of another form matches no one.
struct Entry(Option<Hash>);

impl Lenient<'_> for Entry {
    fn scalar(_: Scalar) -> Self {
        Self(None)
    }

    fn text(text: &str) -> Self {
        let mut hash = [0; 32];
        Self(hex::decode_to_slice(text, &mut hash).ok().map(|()| hash))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn hash(text: &str) -> Hash {
        Sha256::digest(text).into()
    }

    #[test]
    fn hex_of_either_case_counts_and_other_forms_match_no_person() {
        let upper = hex::encode_upper(hash("a"));
        let body =
            format!(r#"{{"more":[{{}}],"hashedUserIds":[null,7,["x"],"","zz","a@example.com","{upper}"]}}"#);
        let wanted = BTreeSet::from([hash("a"), hash("b")]);
        assert_eq!(listed(body.as_bytes(), &wanted), Some(BTreeSet::from([hash("a")])));
    }

    #[test]
    fn an_answer_without_a_whole_list_proves_nothing() {
        for body in ["", "{}", "[]", "<html>", r#"{"hashedEmails":null}"#, r#"{"hashedEmails":["#] {
            assert_eq!(listed(body.as_bytes(), &BTreeSet::new()), None, "{body}");
        }
        assert_eq!(listed(br#"{"hashedEmails":[]}"#, &BTreeSet::new()), Some(BTreeSet::new()));
        assert_eq!(listed(br#"{"hashedEmails":[]} x"#, &BTreeSet::new()), None);
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn any_bytes_are_read(body: Vec<u8>) {
            let _ = listed(&body, &BTreeSet::from([hash("a")]));
        }
    }
}
