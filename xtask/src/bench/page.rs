//! The page about growth: its tables and plots come from the figures of a run, its text stays.

use std::fs;

use anyhow::{Context as _, Result};
use xtask::{components::root, growth::Figures};

use super::{plots, tables};
use crate::shell::say;

/// The page, from the root folder.
const PAGE: &str = "docs/growth.md";

/// The folder of its plots.
const IMAGES: &str = "docs/images";

/// Writes the page and its plots.
pub(super) fn write(figures: &Figures) -> Result<()> {
    let file = root().join(PAGE);
    let mut page = fs::read_to_string(&file)?;
    for table in tables::all(figures)? {
        page = with_table(&page, table.name, &table.markdown)?;
    }
    fs::write(&file, page)?;
    for plot in plots::all(figures)? {
        fs::write(root().join(IMAGES).join(format!("{}.svg", plot.name)), plot.svg)?;
    }
    say(&format!("written: {PAGE}, and its plots in {IMAGES}"));
    Ok(())
}

/// Returns `page` with `table` between the two marks of its name.
fn with_table(page: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- figures: {name} -->\n"), "\n<!-- end of figures -->");
    let missing = || format!("{PAGE} has no place for the table `{name}`");
    let (before, rest) = page.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(end).with_context(missing)?;
    Ok(format!("{before}{begin}{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_WITH_TWO: &str = "text\n<!-- figures: first -->\nold\n<!-- end of figures -->\nmore\n<!-- figures: second \
                                 -->\nkept\n<!-- end of figures -->\n";

    #[test]
    fn a_table_takes_the_place_of_the_one_of_its_name_alone() {
        let page = with_table(PAGE_WITH_TWO, "first", "| new |").unwrap();
        assert_eq!(page, PAGE_WITH_TWO.replace("old", "| new |"));
    }

    #[test]
    fn a_table_without_a_place_is_an_error() {
        let error = with_table(PAGE_WITH_TWO, "third", "| new |").unwrap_err();
        assert!(error.to_string().contains("`third`"), "{error}");
    }
}
