//! Lenient deserialization: a malformed field, entry or row does not make the rest unreadable.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

/// Reads a text, or an integer as text. Anything else, including an empty text, counts as absent.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Scalar::read(from)? {
        Scalar::Text(text) => (!text.is_empty()).then_some(text),
        Scalar::Number(number) => Some(number.to_string()),
        Scalar::Flag(_) | Scalar::Absent | Scalar::Other => None,
    })
}

/// Reads an integer, which may be written as text. Anything else counts as absent.
pub(crate) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(Scalar::read(from)?.id())
}

/// Reads a boolean, which may be written as text. Anything else counts as absent.
pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match Scalar::read(from)? {
        Scalar::Flag(flag) => Some(flag),
        Scalar::Text(text) => text.trim().to_ascii_lowercase().parse().ok(),
        Scalar::Number(_) | Scalar::Absent | Scalar::Other => None,
    })
}

/// A list of ids, in the order received. A single id counts as a list of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) read: Vec<i64>,
    /// How many entries are not ids.
    pub(crate) unreadable: usize,
}

impl Ids {
    fn push(&mut self, entry: &Scalar) {
        match entry.id() {
            Some(id) => self.read.push(id),
            None => self.unreadable += 1,
        }
    }
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(from)
    }
}

impl<'de> Lenient<'de> for Ids {
    fn scalar(scalar: Scalar) -> Self {
        let mut ids = Self::default();
        if !matches!(&scalar, Scalar::Absent) {
            ids.push(&scalar);
        }
        ids
    }

    fn list<A: SeqAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        let mut ids = Self::default();
        while let Some(Element(entry)) = entries.next_element::<Element<Scalar>>()? {
            ids.push(&entry);
        }
        Ok(ids)
    }
}

/// A list of objects, in the order received.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>", from = "Vec<Element<LenientRow<T>>>")]
pub(crate) struct Rows<T> {
    pub(crate) read: Vec<T>,
    /// How many entries are not objects.
    pub(crate) unreadable: usize,
}

impl<T> From<Vec<Element<LenientRow<T>>>> for Rows<T> {
    fn from(entries: Vec<Element<LenientRow<T>>>) -> Self {
        let all = entries.len();
        let read: Vec<T> = entries.into_iter().filter_map(|Element(LenientRow(row))| row).collect();
        Self { unreadable: all - read.len(), read }
    }
}

/// `None` if it is not an object.
struct LenientRow<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Lenient<'de> for LenientRow<T> {
    fn scalar(_: Scalar) -> Self {
        Self(None)
    }

    fn object<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(|row| Self(Some(row)))
    }
}

/// A value that is neither a list nor an object.
pub(crate) enum Scalar {
    /// `null`, or an empty text.
    Absent,
    Text(String),
    Number(i64),
    Flag(bool),
    /// A number with a fraction, or a value that is not a scalar.
    Other,
}

impl Scalar {
    fn id(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Absent | Self::Flag(_) | Self::Other => None,
        }
    }
}

impl Lenient<'_> for Scalar {
    fn scalar(scalar: Scalar) -> Self {
        scalar
    }
}

/// A type that can be read from any JSON value.
pub(crate) trait Lenient<'de>: Sized {
    fn scalar(scalar: Scalar) -> Self;

    /// Override this if the text need not be copied.
    fn text(text: &str) -> Self {
        Self::scalar(if text.is_empty() { Scalar::Absent } else { Scalar::Text(text.to_owned()) })
    }

    fn list<A: SeqAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::scalar(Scalar::Other))
    }

    fn object<A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::scalar(Scalar::Other))
    }

    fn read<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Anything(PhantomData))
    }
}

/// A leniently read element of a list.
pub(crate) struct Element<T>(pub(crate) T);

impl<'de, T: Lenient<'de>> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Self)
    }
}

struct Anything<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Anything<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::text(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::scalar(Scalar::Number(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        // No id is that large, but it may be meant as a text.
        Ok(match i64::try_from(value) {
            Ok(value) => T::scalar(Scalar::Number(value)),
            Err(_) => T::text(&value.to_string()),
        })
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::scalar(Scalar::Other))
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::scalar(Scalar::Flag(value)))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::scalar(Scalar::Absent))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::list(entries)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::object(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Fields {
        #[serde(default, deserialize_with = "text")]
        text: Option<String>,
        #[serde(default, deserialize_with = "id")]
        id: Option<i64>,
        #[serde(default, deserialize_with = "flag")]
        flag: Option<bool>,
    }

    /// Reads the one value as text, as id and as flag.
    fn fields(value: &str) -> (Option<String>, Option<i64>, Option<bool>) {
        let body = format!(r#"{{"text":{value},"id":{value},"flag":{value}}}"#);
        let Fields { text, id, flag } = serde_json::from_str(&body).unwrap();
        (text, id, flag)
    }

    #[test]
    fn every_value_is_read_as_what_it_can_be() {
        let text = |text: &str| Some(text.to_owned());
        for (value, read) in [
            ("7", (text("7"), Some(7), None)),
            (r#""7""#, (text("7"), Some(7), None)),
            (r#"" 7 ""#, (text(" 7 "), Some(7), None)),
            ("18446744073709551615", (text("18446744073709551615"), None, None)),
            ("-7", (text("-7"), Some(-7), None)),
            ("7.5", (None, None, None)),
            (r#""word""#, (text("word"), None, None)),
            (r#""TRUE""#, (text("TRUE"), None, Some(true))),
            ("false", (None, None, Some(false))),
            ("null", (None, None, None)),
            (r#""""#, (None, None, None)),
            ("[[{}]]", (None, None, None)),
            (r#"{"a":[1]}"#, (None, None, None)),
        ] {
            assert_eq!(fields(value), read, "{value}");
        }
    }

    #[test]
    fn one_odd_entry_takes_no_other_id_down_with_it() {
        for (list, read, unreadable) in [
            ("[]", &[][..], 0),
            ("null", &[], 0),
            (r#""""#, &[], 0),
            ("[1,2]", &[1, 2], 0),
            (r#"[1,"2"," 3 "]"#, &[1, 2, 3], 0),
            (r#"[1,"x",null,2.5,[3],{"id":4},true,5]"#, &[1, 5], 6),
            ("7", &[7], 0),
            (r#""7""#, &[7], 0),
            (r#""[7]""#, &[], 1),
            (r#"{"id":7}"#, &[], 1),
        ] {
            let ids: Ids = serde_json::from_str(list).unwrap();
            assert_eq!(ids, Ids { read: read.to_vec(), unreadable }, "{list}");
        }
    }

    #[test]
    fn one_odd_row_takes_no_other_down_with_it() {
        let rows: Rows<Fields> =
            serde_json::from_str(r#"[{"id":1},null,"x",[2],{"id":{}},{"id":3}]"#).unwrap();
        let ids: Vec<_> = rows.read.iter().map(|row| row.id).collect();
        assert_eq!((ids, rows.unreadable), (vec![Some(1), None, Some(3)], 3));
        assert!(serde_json::from_str::<Rows<Fields>>("null").is_err(), "a missing list is not an empty list");
    }
}
