//! What a document of the API says, in words for people.

use serde_json::Value;

use super::words;

/// The field as a word: nothing where it is null or missing, lists with commas.
pub(super) fn text(document: &Value, field: &str) -> String {
    document.get(field).map(word).unwrap_or_default()
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(words) => words.iter().map(word).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            members.map(|(name, value)| format!("{name} = {}", word(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// The field as a time; nothing where there is none.
pub(super) fn time(document: &Value, field: &str) -> String {
    document.get(field).and_then(Value::as_i64).map(words::timestamp).unwrap_or_default()
}

/// The field as a time to the minute, where a table has no room for more; nothing where there is none.
pub(super) fn minute(document: &Value, field: &str) -> String {
    document.get(field).and_then(Value::as_i64).map(words::date).unwrap_or_default()
}

/// The words that are there, each on a line of its own.
pub(super) fn lines(words: &[String]) -> String {
    words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join("\n")
}

/// Whether the field is true.
pub(super) fn is(document: &Value, field: &str) -> bool {
    document.get(field).and_then(Value::as_bool).unwrap_or_default()
}

/// The field as a list.
pub(super) fn list<'a>(document: &'a Value, field: &str) -> &'a [Value] {
    document.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A line for each name with something beside it.
pub(super) fn sheet(lines: &[(&str, String)]) -> String {
    let said = lines.iter().filter(|(_, value)| !value.is_empty());
    let widest = said.clone().map(|(name, _)| name.len()).max().unwrap_or_default();
    said.map(|(name, value)| format!("{name:widest$}  {value}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_told_in_words() {
        let document = json!({"a": null, "b": true, "c": ["x", 1], "d": {"e": "f", "g": null}, "at": 1_700_000_000_123_i64});
        assert_eq!(
            ["a", "b", "c", "d", "none"].map(|field| text(&document, field)),
            ["", "yes", "x, 1", "e = f", ""]
        );
        assert_eq!(time(&document, "at"), "2023-11-14T22:13:20Z");
        assert_eq!(time(&document, "b"), "");
        assert_eq!(
            sheet(&[("state", "done".into()), ("at", String::new()), ("reason", "r".into())]),
            "state   done\nreason  r"
        );
    }
}
