//! Checks of the documents that a program or a service returned.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Fails unless the document contains the text `wanted` at `pointer`.
pub(crate) fn says(document: &Value, pointer: &str, wanted: &str) -> Result<()> {
    let found = document.pointer(pointer).and_then(Value::as_str);
    ensure!(found == Some(wanted), "{pointer} is {found:?}, not {wanted:?}, in {document}");
    Ok(())
}

/// Returns the list at `pointer`.
pub(crate) fn list<'a>(document: &'a Value, pointer: &str) -> Result<&'a Vec<Value>> {
    document.pointer(pointer).and_then(Value::as_array).with_context(|| format!("no {pointer} in {document}"))
}

/// Returns the text at `pointer`.
pub(crate) fn text<'a>(document: &'a Value, pointer: &str) -> Result<&'a str> {
    let text = document.pointer(pointer).and_then(Value::as_str);
    text.with_context(|| format!("no {pointer} in {document}"))
}
