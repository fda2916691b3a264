//! The people for whom a change of a mapping matters.
//! Tested in `service/src/consent/tests/previews.rs`.

use std::collections::BTreeSet;

use crate::{database::Tx, error::StoreError, person::PersonId};
use host_model::consent::mapping::ItemChange;

/// The number of changes in one statement, each of which binds four values; a database accepts some ten thousands.
const AT_ONCE: usize = 1_000;

/// The number of people for whom changes of a mapping matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConcernedPeople {
    /// For each change, in the order given.
    pub for_each: Vec<i64>,
    /// For any of them.
    pub in_all: usize,
}

/// Counts the people of `connection` with a recorded choice for the item of a change or for one of its two notices.
pub async fn count(
    tx: &mut Tx,
    connection: &str,
    changes: &[ItemChange],
) -> Result<ConcernedPeople, StoreError> {
    let (mut people, mut concerned) = (BTreeSet::new(), ConcernedPeople::default());
    for changes in changes.chunks(AT_ONCE) {
        let each = pairs(changes.len(), "CAST(place AS BIGINT) AS place, COUNT(*)", "GROUP BY place");
        let counts: Vec<(i64, i64)> = bound(&each, connection, changes).fetch_all(&mut *tx).await?;
        let mut for_each = vec![0; changes.len()];
        for (place, count) in counts {
            if let Some(of_change) = usize::try_from(place).ok().and_then(|place| for_each.get_mut(place)) {
                *of_change = count;
            }
        }
        concerned.for_each.extend(for_each);
        let all = pairs(changes.len(), "DISTINCT person", "");
        let all: Vec<(PersonId,)> = bound(&all, connection, changes).fetch_all(&mut *tx).await?;
        people.extend(all.into_iter().map(|(person,)| person));
    }
    concerned.in_all = people.len();
    Ok(concerned)
}

/// Returns a statement that selects `what` from the pairs of a change's place and a person for whom it matters.
fn pairs(changes: usize, what: &str, group: &str) -> String {
    let values = (0..changes).map(|place| {
        let first = 4 * place + 2;
        format!("({place}, ${first}, ${}, ${}, ${})", first + 1, first + 2, first + 3)
    });
    let values = values.collect::<Vec<_>>().join(", ");
    format!(
        "WITH changed (place, kind, id, before, after) AS (VALUES {values}) SELECT {what} FROM (\
           SELECT place, p.id AS person FROM people p JOIN choices c ON c.person = p.id \
             JOIN changed ON changed.kind = c.kind AND changed.id = c.id WHERE p.connection = $1 \
           UNION SELECT place, p.id FROM people p JOIN notice_choices n ON n.person = p.id \
             JOIN changed ON n.notice IN (changed.before, changed.after) WHERE p.connection = $1) concerned {group}"
    )
}

type Bound<'q, T> = sqlx::query::QueryAs<'q, sqlx::Any, T, sqlx::any::AnyArguments>;

fn bound<'q, T>(sql: &'q str, connection: &'q str, changes: &'q [ItemChange]) -> Bound<'q, T>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow>,
{
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.to_owned())).bind(connection);
    changes.iter().fold(query, |query, change| {
        let ItemChange { item, before, after, .. } = change;
        query.bind(&item.kind).bind(&item.id).bind(before.as_deref()).bind(after.as_deref())
    })
}
