//! Conditions with a placeholder for each of several values.

/// Returns the SQL condition `column IN ($first, …)` for `count` values; it is never true if there are none.
pub(crate) fn one_of(column: &str, first: usize, count: usize) -> String {
    let places: Vec<_> = (first..first + count).map(|place| format!("${place}")).collect();
    if places.is_empty() { "FALSE".to_owned() } else { format!("{column} IN ({})", places.join(", ")) }
}
