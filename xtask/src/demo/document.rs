//! What a program or a service answered.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What the document says at `pointer` is `wanted`.
pub(super) fn says(document: &Value, pointer: &str, wanted: &str) -> Result<()> {
    let found = document.pointer(pointer).and_then(Value::as_str);
    ensure!(found == Some(wanted), "{pointer} is {found:?}, not {wanted:?}, in {document}");
    Ok(())
}

/// The list that the document has at `pointer`.
pub(super) fn list<'a>(document: &'a Value, pointer: &str) -> Result<&'a Vec<Value>> {
    document.pointer(pointer).and_then(Value::as_array).with_context(|| format!("no {pointer} in {document}"))
}

/// The text that the document has at `pointer`.
pub(super) fn text<'a>(document: &'a Value, pointer: &str) -> Result<&'a str> {
    let text = document.pointer(pointer).and_then(Value::as_str);
    text.with_context(|| format!("no {pointer} in {document}"))
}
