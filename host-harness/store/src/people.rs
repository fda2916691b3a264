//! People of a connection, identified by number and found by keyed hashes of their identifiers.
//!
//! Identifying names that appear together belong to one person: in a hybrid project, an event may contain only an email
//! address, and a request both the address and the user id. An identifier that several people may share is an
//! attribute: see [`attributes`].

pub use crate::erased::{erased_since, is_erased};
use crate::{
    attributes, choices, database::Tx, deliveries, error::StoreError, person::PersonId, seal::PersonName,
};

/// Why a known person may no longer exist at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The vendor accepted an erasure of the person.
    Erased,
    /// An erasure did not find the person.
    NotFound,
}

/// Returns the person of `connection` who has any of `names`, creating one if there is none. The person has all of the
/// names from now on. There must be at least one name, and each must identify. If several people are found, they are
/// merged. If one of the names was erased, the person is forgotten under all of them.
pub async fn known_as(tx: &mut Tx, connection: &str, names: &[PersonName]) -> Result<PersonId, StoreError> {
    let found = found(tx, connection, names).await?;
    let Some(&person) = found.first() else {
        // None of the names can have been erased: they are new too.
        let person = new(tx, connection).await?;
        for name in names {
            call(tx, connection, person, name).await?;
        }
        return Ok(person);
    };
    for other in found.iter().filter(|other| **other != person) {
        merge(tx, *other, person).await?;
    }
    for name in names {
        call(tx, connection, person, name).await?;
    }
    if let Some(at) = erased_since(tx, connection, names).await? {
        mark_erased_along(tx, person, at).await?;
        if found.len() > 1 {
            forget(tx, person).await?;
        }
    }
    Ok(person)
}

/// Records that `person` has the name `name`, unless a person already has it.
pub async fn call(
    tx: &mut Tx,
    connection: &str,
    person: PersonId,
    name: &PersonName,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO names (connection, name, kind, person) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (connection, name) DO NOTHING",
    )
    .bind(connection)
    .bind(name.digest.to_vec())
    .bind(&name.kind)
    .bind(person)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns all people of `connection` who have one of `names`, oldest first.
pub async fn found(tx: &mut Tx, connection: &str, names: &[PersonName]) -> Result<Vec<PersonId>, StoreError> {
    let mut found = Vec::new();
    for name in names {
        let person: Option<PersonId> =
            sqlx::query_scalar("SELECT person FROM names WHERE connection = $1 AND name = $2")
                .bind(connection)
                .bind(name.digest.to_vec())
                .fetch_optional(&mut *tx)
                .await?;
        found.extend(person);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Creates a person of `connection` without a name.
pub async fn new(tx: &mut Tx, connection: &str) -> Result<PersonId, StoreError> {
    let id = sqlx::query_scalar("INSERT INTO people (connection) VALUES ($1) RETURNING id");
    Ok(id.bind(connection).fetch_one(tx).await?)
}

/// Creates a person of `connection` without a name: one of those who shared the record with the number `record` until
/// `at`.
pub async fn split_from(tx: &mut Tx, connection: &str, record: i64, at: i64) -> Result<PersonId, StoreError> {
    let person = new(tx, connection).await?;
    sqlx::query("UPDATE people SET split_from = $2, split_at = $3 WHERE id = $1")
        .bind(person)
        .bind(record)
        .bind(at)
        .execute(tx)
        .await?;
    Ok(person)
}

/// Moves everything known about `gone` to `kept`: the later settling time, requests, names and choices.
async fn merge(tx: &mut Tx, gone: PersonId, kept: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 9] = [
        "UPDATE people SET sealed_subject = COALESCE(sealed_subject, (SELECT sealed_subject FROM people WHERE id = $1)) \
         WHERE id = $2",
        "UPDATE people SET read_again = 1 WHERE id = $2 AND EXISTS (SELECT 1 FROM people WHERE id = $1 AND read_again = 1)",
        "INSERT INTO delivery_people (delivery, person) SELECT delivery, $2 FROM delivery_people WHERE person = $1 \
         ON CONFLICT DO NOTHING",
        "DELETE FROM delivery_people WHERE person = $1 AND person <> $2",
        "UPDATE people SET settled_at = (SELECT MAX(settled_at) FROM people WHERE id IN ($1, $2)) WHERE id = $2",
        "UPDATE requests SET person = $2 WHERE person = $1",
        "UPDATE open_requests SET person = $2 WHERE person = $1",
        "UPDATE names SET person = $2 WHERE person = $1",
        "DELETE FROM people WHERE id = $1 AND id <> $2",
    ];
    for step in STEPS {
        sqlx::query(step).bind(gone).bind(kept).execute(&mut *tx).await?;
    }
    attributes::merge(tx, gone, kept).await?;
    choices::merge(tx, gone, kept).await
}

/// Delays the next call about the person until `at` or later.
pub async fn settles_at(tx: &mut Tx, person: PersonId, at: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET settled_at = $2 WHERE id = $1 AND settled_at < $2")
        .bind(person)
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Records that the erasure `request` is about every person who has one of `names`.
pub async fn erases(
    tx: &mut Tx,
    connection: &str,
    request: &str,
    names: &[PersonName],
) -> Result<(), StoreError> {
    for name in names {
        sqlx::query(
            "INSERT INTO erasing (connection, request, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(connection)
        .bind(request)
        .bind(name.digest.to_vec())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Records at `at` that the vendor accepted the erasure `request` of `person`. Deletes everything about the person and
/// marks the names in the request as erased, so that none of them brings the person back.
pub async fn erased(tx: &mut Tx, request: &str, person: PersonId, at: i64) -> Result<(), StoreError> {
    erased_at(tx, request, at).await?;
    forget(tx, person).await
}

async fn erased_at(tx: &mut Tx, request: &str, at: i64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE names SET erased_at = $2, in_ledger = 0 WHERE erased_at IS NULL \
           AND (connection, name) IN (SELECT connection, name FROM erasing WHERE request = $1)",
    )
    .bind(request)
    .bind(at)
    .execute(&mut *tx)
    .await?;
    let people: Vec<PersonId> = sqlx::query_scalar(
        "SELECT DISTINCT n.person FROM names n JOIN erasing e ON e.connection = n.connection AND e.name = n.name \
         WHERE e.request = $1",
    )
    .bind(request)
    .fetch_all(&mut *tx)
    .await?;
    for person in people {
        mark_erased_along(tx, person, at).await?;
    }
    Ok(())
}

/// Marks a name of the person as erased along with another one if it is the only one of its kind. If there are two
/// addresses, the vendor may have a profile under the other one, which was not part of the erasure.
async fn mark_erased_along(tx: &mut Tx, person: PersonId, at: i64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE names SET erased_at = $2, in_ledger = 0 WHERE person = $1 AND erased_at IS NULL \
           AND kind IN (SELECT kind FROM names WHERE person = $1 GROUP BY kind HAVING COUNT(*) = 1)",
    )
    .bind(person)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records at `at` that an erasure did not find `person` at the vendor. Everything known here about them is deleted,
/// and they are looked up at the vendor before they are opted out.
pub async fn not_found(tx: &mut Tx, person: PersonId, at: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE names SET not_found_at = $2, in_ledger = 0 WHERE person = $1")
        .bind(person)
        .bind(at)
        .execute(&mut *tx)
        .await?;
    forget(tx, person).await
}

/// Records that the vendor has `person`, whom an earlier erasure did not find.
pub async fn found_again(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    sqlx::query("UPDATE names SET not_found_at = NULL WHERE person = $1").bind(person).execute(tx).await?;
    Ok(())
}

/// Returns why the person with these `names` may no longer exist at the vendor; `None` if there is no reason to assume
/// so.
pub async fn absence(
    tx: &mut Tx,
    connection: &str,
    names: &[PersonName],
) -> Result<Option<Absence>, StoreError> {
    if is_erased(tx, connection, names).await? {
        return Ok(Some(Absence::Erased));
    }
    for name in names {
        let not_found: Option<Option<i64>> =
            sqlx::query_scalar("SELECT not_found_at FROM names WHERE connection = $1 AND name = $2")
                .bind(connection)
                .bind(name.digest.to_vec())
                .fetch_optional(&mut *tx)
                .await?;
        if not_found.flatten().is_some() {
            return Ok(Some(Absence::NotFound));
        }
    }
    Ok(None)
}

/// Returns whether the vendor must be asked about `person` when they are next named, because opt-ins were dropped when
/// people were split.
pub async fn is_to_be_read(tx: &mut Tx, person: PersonId) -> Result<bool, StoreError> {
    let flag = sqlx::query_scalar("SELECT read_again FROM people WHERE id = $1").bind(person);
    Ok(flag.fetch_optional(tx).await?.unwrap_or(0_i64) != 0)
}

/// Records that the vendor was asked about `person`.
pub async fn was_read(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET read_again = 0 WHERE id = $1").bind(person).execute(tx).await?;
    Ok(())
}

/// Deletes everything about `person` except for their hashed names.
pub async fn forget(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    deliveries::forget(tx, person).await?;
    attributes::forget(tx, person).await?;
    choices::forget(tx, person).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Folder, name, write};

    fn user_id(byte: u8) -> PersonName {
        PersonName { kind: "user-id".to_owned(), ..name(byte) }
    }

    #[tokio::test]
    async fn identifiers_named_together_are_one_person_of_that_connection() {
        let folder = Folder::new();
        let store = folder.store().await;
        let people = write(&store, |tx| {
            Box::pin(async move {
                let by_email = known_as(tx, "newsletter", &[name(1)]).await?;
                let by_id = known_as(tx, "newsletter", &[user_id(2)]).await?;
                settles_at(tx, by_id, 17).await?;
                erases(tx, "newsletter", "r-1", &[user_id(2)]).await?;
                erased_at(tx, "r-1", 18).await?;
                let both = known_as(tx, "newsletter", &[user_id(2), name(1), name(3)]).await?;
                let again = known_as(tx, "newsletter", &[name(3)]).await?;
                let elsewhere = known_as(tx, "other", &[name(1)]).await?;
                let erased = is_erased(tx, "newsletter", &[name(1), user_id(2)]).await?;
                Ok((by_email, by_id, both, again, elsewhere, erased))
            })
        })
        .await;
        let (by_email, by_id, both, again, elsewhere, erased) = people;
        assert_ne!(by_email, by_id);
        assert_eq!((both, again), (by_email, by_email));
        assert_ne!(elsewhere, both);
        assert!(erased, "an erasure is not forgotten by a merge");
    }

    /// Returns which of `asked` are erased after an erasure by `erased`, of people who were named as in `named` before.
    async fn erased_of(named: &[&[PersonName]], erased: &[PersonName], asked: &[PersonName]) -> Vec<bool> {
        let folder = Folder::new();
        let named: Vec<Vec<PersonName>> = named.iter().map(|names| names.to_vec()).collect();
        let (erased, asked) = (erased.to_vec(), asked.to_vec());
        write(&folder.store().await, move |tx| {
            Box::pin(async move {
                for names in named.iter().chain([&erased]) {
                    known_as(tx, "newsletter", names).await?;
                }
                erases(tx, "newsletter", "r-1", &erased).await?;
                erased_at(tx, "r-1", 18).await?;
                let mut are_erased = Vec::new();
                for name in asked {
                    are_erased.push(is_erased(tx, "newsletter", &[name]).await?);
                }
                Ok(are_erased)
            })
        })
        .await
    }

    #[tokio::test]
    async fn a_person_who_shared_an_address_with_an_erased_person_is_not_erased_by_their_own_name() {
        let (ada, bob, shared) = (user_id(1), user_id(2), name(3));
        let named = [&[ada.clone(), shared.clone()][..], &[bob.clone(), shared.clone()]];
        let asked = [ada.clone(), bob, shared.clone()];
        let by_address = erased_of(&named, std::slice::from_ref(&shared), &asked).await;
        assert_eq!(by_address, [false, false, true]);
        assert_eq!(erased_of(&named, &[ada, shared], &asked).await, [true, false, true]);
    }

    #[tokio::test]
    async fn who_is_erased_by_one_name_is_erased_by_their_only_one_of_another_kind_known_before_or_after() {
        let (id, email) = (user_id(1), name(2));
        let named = [&[id.clone(), email.clone()][..]];
        assert_eq!(
            erased_of(&named, std::slice::from_ref(&id), &[id.clone(), email.clone()]).await,
            [true; 2]
        );
        let folder = Folder::new();
        let store = folder.store().await;
        let later = write(&store, move |tx| {
            Box::pin(async move {
                known_as(tx, "newsletter", std::slice::from_ref(&id)).await?;
                erases(tx, "newsletter", "r-1", std::slice::from_ref(&id)).await?;
                erased_at(tx, "r-1", 18).await?;
                known_as(tx, "newsletter", &[id, email.clone()]).await?;
                is_erased(tx, "newsletter", &[email]).await
            })
        });
        assert!(later.await);
    }
}
