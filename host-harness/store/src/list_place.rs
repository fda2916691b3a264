//! The places of rows in lists that are read page by page.
//! Tested in `src/requests/matching/tests.rs`.

/// Returns the expression for the position after which a page ends that goes on before the row of `table` with the id
/// `id`, a placeholder. A row that was deleted since has the place of its id among the others: ids begin with the time.
pub(crate) fn place_of(table: &str, id: &str) -> String {
    format!(
        "COALESCE((SELECT seq FROM {table} WHERE id = {id}), \
           (SELECT seq + 1 FROM {table} WHERE id < {id} ORDER BY id DESC LIMIT 1), 0)"
    )
}
