//! An answer in both forms, and how the program ends after it.

use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, Width};
use serde_json::Value;

use super::exit::Exit;

/// What a command prints.
#[derive(Debug)]
pub(super) struct Shown {
    /// Lines for people, colours in them; the last without its newline.
    pub(super) people: String,
    /// The same for machines.
    pub(super) json: Value,
    pub(super) exit: Exit,
}

impl Shown {
    /// Nothing is left to print.
    pub(super) fn told_as_it_came(exit: Exit) -> Self {
        Self { people: String::new(), json: Value::Null, exit }
    }
}

/// One JSON document; empty if there is none.
pub(super) fn document(value: &Value) -> String {
    if value.is_null() { String::new() } else { format!("{value:#}") }
}

/// `word` in the colour of how good it is: done, not to be called done, refused.
pub(super) fn toned(word: &str, exit: Exit) -> String {
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

/// A line for each name with something beside it.
pub(super) fn sheet(lines: &[(&str, String)]) -> String {
    let said = lines.iter().filter(|(_, value)| !value.is_empty());
    let widest = said.clone().map(|(name, _)| name.len()).max().unwrap_or_default();
    said.map(|(name, value)| format!("{name:widest$}  {value}")).collect::<Vec<_>>().join("\n")
}

/// As wide as an id and its margins.
pub(super) const ID: Option<u16> = Some(38);
/// As wide as a time and its margins.
pub(super) const TIME: Option<u16> = Some(22);

/// A table for a page of `width` characters, cells wrapped; a column is at least as wide as `least` says, if it says so. If
/// there are no rows it says `none`.
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
    fn a_sheet_leaves_out_what_is_empty() {
        let lines = [("state", "done".into()), ("at", String::new()), ("reason", "r".into())];
        assert_eq!(sheet(&lines), "state   done\nreason  r");
    }
}
