//! A placeholder for each of several values.

/// Returns the SQL condition `column IN ($first, …)` for `count` values; it is never true if there are none.
pub(crate) fn one_of(column: &str, first: usize, count: usize) -> String {
    let places: Vec<_> = (first..first + count).map(|place| format!("${place}")).collect();
    if places.is_empty() { "FALSE".to_owned() } else { format!("{column} IN ({})", places.join(", ")) }
}

/// Repeats the last of `values` until their number is a power of two: a statement is prepared anew for each number of values.
pub(crate) fn padded<T: Copy>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().copied() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}
