//! An answer as text and as JSON, with its exit code.

use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, Width};
use serde_json::Value;

use super::exit::Exit;
use host_model::text;

/// The heading of options that every command has.
pub(super) const GLOBAL_OPTIONS: &str = "Global options";

/// How a command prints its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// What a command prints.
#[derive(Debug)]
pub(super) struct CommandOutput {
    /// Text for people, with colours and without the last newline.
    pub(super) people: String,
    /// The same for programs.
    pub(super) json: Value,
    pub(super) exit: Exit,
}

impl CommandOutput {
    /// Everything has been printed already.
    pub(super) fn already_printed(exit: Exit) -> Self {
        Self { people: String::new(), json: Value::Null, exit }
    }
}

/// One JSON document; empty if there is none. Hidden characters are escaped as in JSON, which changes only how the
/// document is written.
pub(super) fn document(value: &Value) -> String {
    if value.is_null() { String::new() } else { text::escaped_json(&format!("{value:#}")) }
}

/// One JSON document on one line, written like [`document`].
pub(super) fn document_line(value: &Value) -> String {
    text::escaped_json(&value.to_string())
}

/// `word` in the colour of `exit`: green for done, yellow for unproven, red for a failure.
pub(super) fn coloured(word: &str, exit: Exit) -> String {
    let colour = match exit {
        Exit::Done => AnsiColor::Green,
        Exit::Unproven => AnsiColor::Yellow,
        Exit::Refused | Exit::Misused | Exit::Stopped => AnsiColor::Red,
    };
    let style = colour.on_default().bold();
    format!("{style}{word}{style:#}")
}

/// `text` as a heading.
pub(super) fn heading(text: &str) -> String {
    let style = Style::new().bold();
    format!("{style}{text}{style:#}")
}

/// `: detail`; empty if there is none.
pub(super) fn detail(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

/// A line for each name that has a value.
pub(super) fn fact_lines(lines: &[(&str, String)]) -> String {
    let said = lines.iter().filter(|(_, value)| !value.is_empty());
    let widest = said.clone().map(|(name, _)| name.len()).max().unwrap_or_default();
    said.map(|(name, value)| format!("{name:widest$}  {value}")).collect::<Vec<_>>().join("\n")
}

/// As wide as an id and its margins.
pub(super) const ID: Option<u16> = Some(38);
/// As wide as a time and its margins.
pub(super) const TIME: Option<u16> = Some(22);

/// A table for a page of `width` characters, with wrapped cells and the minimum widths of `columns`. `none` if there
/// are no rows.
pub(super) fn table(
    width: u16,
    columns: &[(&str, Option<u16>)],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    let mut rows = rows.into_iter().peekable();
    let none = rows.peek().is_none().then(|| vec!["none".to_owned()]);
    table
        .load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(comfy_table::ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(columns.iter().map(|(title, _)| *title))
        .add_rows(none.into_iter().chain(rows));
    for (column, (_, least)) in table.column_iter_mut().zip(columns) {
        if let Some(least) = least {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*least)));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_document_shows_no_hidden_character_and_stays_the_same() {
        let value = serde_json::json!({"\u{202e}name": "a\u{1b}[2J\u{9b}\u{200b}\u{e0041}\n"});
        for written in [document(&value), document_line(&value)] {
            assert_eq!(text::check_visible(&written.replace('\n', "")), Ok(()), "{written}");
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
        assert_eq!(document_line(&value), r#"{"\u202ename":"a\u001b[2J\u009b\u200b\udb40\udc41\n"}"#);
    }

    #[test]
    fn a_sheet_leaves_out_what_is_empty() {
        let lines = [("state", "done".into()), ("at", String::new()), ("reason", "r".into())];
        assert_eq!(fact_lines(&lines), "state   done\nreason  r");
    }
}
