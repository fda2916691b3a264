//! The section of a component that contains its conformance cases: its custom section `connector-conformance`.
//!
//! The section is JSON: an object with the text of each case's `case.toml` under the case's name, sorted, so that the same
//! cases give the same bytes. The component's digest covers it.

use std::{collections::BTreeMap, ops::Range};

use crate::{names::is_name, unread::Unread};

/// The name of the section.
pub const SECTION: &str = "connector-conformance";

/// Maximum size of the section, in bytes. The texts of a connector's cases have a few KiB each, and the component with its
/// section has at most 2 MiB by default.
pub const MAX_SECTION_BYTES: usize = 1 << 20;

/// Maximum number of cases. A case takes at most two seconds of computing time, and an operator waits for all of them.
pub const MAX_CASES: usize = 256;

/// The text of each case, by the case's name.
pub type CaseTexts = BTreeMap<String, String>;

/// Why the cases of a component cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseSectionError {
    /// The bytes are not a component.
    #[error("not a component: expected the header of a WebAssembly component, followed by complete sections")]
    NotAComponent,
    /// There are several sections of that name.
    #[error("the component has {0} sections {SECTION}; expected at most one: pack its cases again")]
    Several(usize),
    /// The section is too large.
    #[error("the section {SECTION} has {0} bytes; at most {MAX_SECTION_BYTES} are allowed")]
    TooLarge(usize),
    /// There are too many cases.
    #[error("there are {0} cases; at most {MAX_CASES} are allowed")]
    TooMany(usize),
    /// The section's content has another form.
    #[error(
        "the section {SECTION} is not an object of texts in JSON ({0}): pack the component's cases again"
    )]
    NotJson(String),
    /// The name of a case is not usable in lines and file names.
    #[error(
        "the name of a case has {} characters or others than expected: expected lower-case words and digits with single \
         dashes between them, such as `erase-accepted`, at most 64 characters",
        .0.chars().count()
    )]
    BadName(String),
}

/// Returns the texts of the cases in `component`, or `None` if it has none.
pub fn unpack(component: &[u8]) -> Result<Option<CaseTexts>, CaseSectionError> {
    let mut contents = custom_sections(component)?.into_iter();
    let Some(CustomSection { content, .. }) = contents.next() else { return Ok(None) };
    if contents.len() > 0 {
        return Err(CaseSectionError::Several(1 + contents.len()));
    }
    if content.len() > MAX_SECTION_BYTES {
        return Err(CaseSectionError::TooLarge(content.len()));
    }
    let mut json = serde_json::Deserializer::from_slice(content);
    let texts: CaseTexts = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| CaseSectionError::NotJson(Unread::json(&error).to_string()))?;
    json.end().map_err(|_| CaseSectionError::NotJson("more follows after its end".to_owned()))?;
    check(&texts)?;
    Ok(Some(texts))
}

/// Returns `component` with `texts` as its cases, in place of any that it had. Without texts, it has no section.
pub fn pack(component: &[u8], texts: &CaseTexts) -> Result<Vec<u8>, CaseSectionError> {
    check(texts)?;
    let mut packed = Vec::with_capacity(component.len());
    let mut kept_to = 0;
    for CustomSection { range, .. } in custom_sections(component)? {
        packed.extend_from_slice(component.get(kept_to..range.start).unwrap_or_default());
        kept_to = range.end;
    }
    packed.extend_from_slice(component.get(kept_to..).unwrap_or_default());
    if texts.is_empty() {
        return Ok(packed);
    }
    let content = serde_json::to_vec(texts).map_err(|error| CaseSectionError::NotJson(error.to_string()))?;
    if content.len() > MAX_SECTION_BYTES {
        return Err(CaseSectionError::TooLarge(content.len()));
    }
    let mut section = leb128(SECTION.len());
    section.extend_from_slice(SECTION.as_bytes());
    section.extend_from_slice(&content);
    packed.push(CUSTOM);
    packed.extend(leb128(section.len()));
    packed.extend(section);
    Ok(packed)
}

fn check(texts: &CaseTexts) -> Result<(), CaseSectionError> {
    if texts.len() > MAX_CASES {
        return Err(CaseSectionError::TooMany(texts.len()));
    }
    match texts.keys().find(|name| !is_name(name)) {
        Some(name) => Err(CaseSectionError::BadName(name.clone())),
        None => Ok(()),
    }
}

/// How a component begins: the magic number, the version and the layer.
const HEADER: &[u8; 8] = b"\0asm\x0d\0\x01\0";

/// The id of custom sections.
const CUSTOM: u8 = 0;

/// A section of that name.
struct CustomSection<'a> {
    /// The whole section, with its id and size.
    range: Range<usize>,
    content: &'a [u8],
}

/// Returns the sections of that name at the top level of `component`.
fn custom_sections(component: &[u8]) -> Result<Vec<CustomSection<'_>>, CaseSectionError> {
    let mut found = Vec::new();
    let mut rest = Reader { bytes: component, at: 0 };
    if rest.take(HEADER.len()) != Some(HEADER) {
        return Err(CaseSectionError::NotAComponent);
    }
    while rest.at < component.len() {
        let start = rest.at;
        let id = rest.take(1).ok_or(CaseSectionError::NotAComponent)?;
        let size = rest.leb128().ok_or(CaseSectionError::NotAComponent)?;
        let section = rest.take(size).ok_or(CaseSectionError::NotAComponent)?;
        let mut section = Reader { bytes: section, at: 0 };
        if id == [CUSTOM] && section.name() == Some(SECTION.as_bytes()) {
            let content = section.bytes.get(section.at..).unwrap_or_default();
            found.push(CustomSection { range: start..rest.at, content });
        }
    }
    Ok(found)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        let length = self.leb128()?;
        self.take(length)
    }

    /// Reads a number of up to 32 bits in LEB128.
    fn leb128(&mut self) -> Option<usize> {
        let mut number = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).ok();
            }
        }
        None
    }
}

/// Returns `number` in LEB128.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A component with a custom section of another name.
    fn bare() -> Vec<u8> {
        [HEADER.as_slice(), &[CUSTOM, 5, 4], b"name"].concat()
    }

    fn texts(names: &[&str]) -> CaseTexts {
        names.iter().map(|name| ((*name).to_owned(), format!("about = \"{name}\"\n"))).collect()
    }

    #[test]
    fn packed_cases_are_read_back_replaced_and_removed_and_the_rest_stays_the_same() {
        let cases = texts(&["b-2", "a-1"]);
        let packed = pack(&bare(), &cases).unwrap();
        assert_eq!(packed, pack(&bare(), &texts(&["a-1", "b-2"])).unwrap(), "the same cases, the same bytes");
        assert!(packed.starts_with(&bare()));
        assert_eq!(unpack(&packed), Ok(Some(cases)));
        let other = texts(&["c"]);
        let replaced = pack(&packed, &other).unwrap();
        assert_eq!(replaced, pack(&bare(), &other).unwrap());
        assert_eq!(unpack(&replaced), Ok(Some(other)));
        let removed = pack(&packed, &texts(&[])).unwrap();
        assert_eq!((removed == bare(), unpack(&removed)), (true, Ok(None)));
    }

    #[test]
    fn a_section_is_bounded_in_bytes_cases_and_names() {
        let many: CaseTexts = (0..=MAX_CASES).map(|at| (format!("case-{at}"), String::new())).collect();
        assert_eq!(pack(&bare(), &many), Err(CaseSectionError::TooMany(257)));
        let long = CaseTexts::from([("long".to_owned(), " ".repeat(MAX_SECTION_BYTES))]);
        assert_eq!(pack(&bare(), &long), Err(CaseSectionError::TooLarge(MAX_SECTION_BYTES + 11)));
        let bad = pack(&bare(), &texts(&["../a"])).unwrap_err().to_string();
        assert!(bad.starts_with("the name of a case has 4 characters or others than expected"), "{bad}");
        let large = section(&format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_SECTION_BYTES)));
        assert_eq!(unpack(&large), Err(CaseSectionError::TooLarge(MAX_SECTION_BYTES + 8)));
    }

    /// A component whose section contains `content`.
    fn section(content: &str) -> Vec<u8> {
        let named = [&leb128(SECTION.len()), SECTION.as_bytes(), content.as_bytes()].concat();
        [bare(), vec![CUSTOM], leb128(named.len()), named].concat()
    }

    #[test]
    fn a_section_that_was_not_packed_here_is_refused_with_its_fault() {
        let twice = [section("{}"), section("{}").split_off(bare().len())].concat();
        assert_eq!(unpack(&twice), Err(CaseSectionError::Several(2)));
        assert_eq!(pack(&twice, &texts(&[])), Ok(bare()));
        let fault = |content: &str| unpack(&section(content)).unwrap_err().to_string();
        assert_eq!(
            fault(r#"{"a":1}"#),
            "the section connector-conformance is not an object of texts in JSON (a: invalid type: integer, expected a \
             string): pack the component's cases again"
        );
        assert!(fault("{}x").contains("(more follows after its end)"));
        let module = b"\0asm\x01\0\0\0".as_slice();
        let torn = section("{}");
        for bytes in [module, b"", torn.get(..torn.len() - 1).unwrap()] {
            assert_eq!(unpack(bytes), Err(CaseSectionError::NotAComponent));
        }
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let component = [HEADER.as_slice(), &bytes].concat();
            drop(unpack(&component));
            drop(pack(&component, &texts(&["a"])));
        }
    }
}
