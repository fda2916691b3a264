//! Reads the expected outcome of a case, with the keys that the function's outcome has.

use host_model::nearest::nearest;
use serde_json::{Map, Value};
use toml::de::DeValue;

use crate::{
    config::{ConfigProblemKind, Entry, Problems},
    conformance::{function::ConnectorFunction, outcome},
};

/// Reads the outcome of `function`.
pub(super) fn read(
    outcome: Entry<'_>,
    function: ConnectorFunction,
    problems: &mut Problems<'_>,
) -> Option<Value> {
    let (at, before) = (outcome.at, problems.found.len());
    let expected = value(outcome, &outcome::example(function), problems)?;
    if expected.as_object().is_some_and(Map::is_empty) && problems.found.len() == before {
        problems.add(at, "outcome", ConfigProblemKind::Expected("at least one key to compare".to_owned()));
        return None;
    }
    Some(expected)
}

/// Reads a value of the form of `example`.
fn value(entry: Entry<'_>, example: &Value, problems: &mut Problems<'_>) -> Option<Value> {
    match (entry.value.get_ref(), example) {
        (DeValue::Table(_), Value::Object(known)) => {
            let entries = entry.section(problems)?.entries();
            let mut object = Map::new();
            for entry in entries {
                let key = entry.key.clone();
                if let Some(example) = known.get(&key) {
                    object.insert(key, value(entry, example, problems)?);
                } else {
                    let nearest = nearest(&key, known.keys().map(String::as_str)).map(str::to_owned);
                    let place = entry.place.rsplit_once('.').map_or("", |(place, _)| place);
                    problems.add(entry.at, place, ConfigProblemKind::UnknownKey { key, nearest });
                }
            }
            Some(Value::Object(object))
        }
        (DeValue::Array(_), Value::Array(examples)) => {
            let example = examples.first()?;
            let elements = entry.list(problems).into_iter();
            elements.map(|element| value(element, example, problems)).collect::<Option<_>>().map(Value::Array)
        }
        // Instead of a list, there may be the word for what is absent.
        (DeValue::String(text), Value::String(_) | Value::Number(_) | Value::Array(_)) => {
            Some(Value::from(text.as_ref()))
        }
        (DeValue::Integer(number), Value::String(_) | Value::Number(_)) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            Some(Value::from(number.ok()?))
        }
        (DeValue::Boolean(flag), Value::Bool(_)) => Some(Value::from(*flag)),
        (_, example) => {
            let wanted = match example {
                Value::Object(_) => "a table",
                Value::Array(_) => "a list",
                Value::Bool(_) => "true or false",
                _ => "a text or a whole number",
            };
            problems.add(entry.at, &entry.place, ConfigProblemKind::Expected(wanted.to_owned()));
            None
        }
    }
}
