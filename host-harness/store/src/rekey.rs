//! A connection's people, keyed anew: by the identifier kinds that identify them now.
//!
//! Up to schema 5 everybody who shared any identifier was one person. Such a record is split: each name that identifies becomes a
//! person of its own. Who of them made a choice is not known, so each keeps the opt-outs, and none the opt-ins.

use serde::Serialize;
use serde_json::json;
use sqlx::FromRow;

use crate::details::{Details, key_context};
use crate::{
    attributes,
    audit::{self, Record},
    choices,
    columns::Column,
    connections,
    database::Connection,
    erased::is_erased,
    error::StoreError,
    events,
    handle::Keys,
    named::Named,
    people,
    person::{NOBODY, PersonId},
    seal::PersonName,
};
use host_model::{
    contract::{Subject, manifest::Identifying},
    requests::Action,
};

/// What keying anew came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rekeyed {
    /// Records that several people shared.
    pub split: u64,
    /// The people that they became.
    pub people: u64,
    /// Opt-ins that stood for such a record: the vendor is asked when the person is next named.
    pub opt_ins_dropped: u64,
}

/// Keys the people of `connection`, which is `tenant`'s, by `identifying` kinds; `None` if they are already.
pub async fn rekey(
    tx: &mut Connection,
    keys: &Keys,
    (tenant, connection): (&str, &str),
    identifying: &Identifying,
    at: i64,
) -> Result<Option<Rekeyed>, StoreError> {
    let before = connections::keyed_by(tx, connection).await?;
    if before.as_ref() == Some(identifying) {
        return Ok(None);
    }
    let has_people = count(tx, connection).await? > 0;
    let mut rekeyed = Rekeyed::default();
    if has_people {
        promote(tx, connection, identifying).await?;
        let mut erased = Vec::new();
        for person in with_shared_names(tx, connection, identifying).await? {
            let of = Demoting { connection, identifying, is_first: before.is_none(), at };
            erased.extend(demote(tx, &of, person, &mut rekeyed).await?);
        }
        move_requests(tx, keys, connection, identifying, at).await?;
        move_events(tx, keys, connection, identifying).await?;
        for person in erased {
            // What the others chose is not an erased person's.
            choices::forget(tx, person).await?;
        }
    }
    connections::key_by(tx, connection, identifying, at).await?;
    if has_people {
        let detail = json!({
            "before": before.map(|before| before.to_string()), "after": identifying.to_string(), "result": rekeyed,
        });
        let record =
            Record { connection: Some(connection.to_owned()), detail, ..Record::of("people-rekeyed") };
        audit::append(tx, tenant, at, &record).await?;
    }
    Ok(has_people.then_some(rekeyed))
}

/// How many people of `connection` are known.
pub async fn count(tx: &mut Connection, connection: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM people WHERE connection = $1");
    Ok(count.bind(connection).fetch_one(tx).await?)
}

/// An attribute, with how many people have it and the first of them.
#[derive(FromRow)]
struct Attribute {
    #[sqlx(flatten)]
    name: PersonName,
    person: PersonId,
    people: i64,
}

/// Attributes whose kind identifies now become names, if one person alone has them: of several, nobody knows whose they are.
async fn promote(tx: &mut Connection, connection: &str, identifying: &Identifying) -> Result<(), StoreError> {
    let attributes: Vec<Attribute> = sqlx::query_as(
        "SELECT name, kind, MIN(person) AS person, COUNT(*) AS people FROM attributes WHERE connection = $1 \
         GROUP BY name, kind",
    )
    .bind(connection)
    .fetch_all(&mut *tx)
    .await?;
    for Attribute { name, person, people } in attributes {
        if !identifying.includes(&name.kind) {
            continue;
        }
        if people == 1 {
            people::call(tx, connection, person, &name).await?;
            copy_erasure(tx, "names", "attributes", connection, &name).await?;
        }
        sqlx::query("DELETE FROM attributes WHERE connection = $1 AND name = $2")
            .bind(connection)
            .bind(name.digest.to_vec())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// The people with a name of a kind that does not identify.
async fn with_shared_names(
    tx: &mut Connection,
    connection: &str,
    identifying: &Identifying,
) -> Result<Vec<PersonId>, StoreError> {
    let kinds: Vec<(PersonId, String)> =
        sqlx::query_as("SELECT DISTINCT person, kind FROM names WHERE connection = $1 ORDER BY person, kind")
            .bind(connection)
            .fetch_all(tx)
            .await?;
    let mut people = Vec::new();
    for (person, kind) in kinds {
        if !identifying.includes(&kind) {
            people.push(person);
        }
    }
    people.dedup();
    Ok(people)
}

/// What people are keyed by from now on.
struct Demoting<'a> {
    connection: &'a str,
    identifying: &'a Identifying,
    /// Whether schema 5 keyed them, which took the erasure of a shared name for that of all who share it.
    is_first: bool,
    at: i64,
}

/// Carries over to a name in the table `to` since when it is erased or was not found, from the table `from`: a kind that identifies
/// again must not let an erased person in.
async fn copy_erasure(
    tx: &mut Connection,
    to: &'static str,
    from: &'static str,
    connection: &str,
    name: &PersonName,
) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE {to} SET (erased_at, not_found_at) = (SELECT MAX(f.erased_at), MAX(f.not_found_at) FROM {from} f \
           WHERE f.connection = $1 AND f.name = $2) WHERE connection = $1 AND name = $2"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(connection).bind(name.digest.to_vec()).execute(tx).await?;
    Ok(())
}

/// The names of `person` that do not identify become attributes; if several names do, each becomes a person who has them all.
/// A record without a name that is shared was merged by names that identify, and stays whole. Returns the people of a split record
/// who are erased.
async fn demote(
    tx: &mut Connection,
    of: &Demoting<'_>,
    person: PersonId,
    rekeyed: &mut Rekeyed,
) -> Result<Vec<PersonId>, StoreError> {
    let Demoting { connection, identifying, is_first, at } = *of;
    let (own, shared): (Vec<_>, Vec<_>) =
        names_of(tx, person).await?.into_iter().partition(|name| identifying.includes(&name.kind));
    let mut people = vec![person];
    if own.len() > 1 {
        for name in own.iter().skip(1) {
            people.push(split_off(tx, connection, person, name).await?);
        }
        rekeyed.split += 1;
        rekeyed.people += people.len() as u64;
        rekeyed.opt_ins_dropped += share_out(tx, person, &people, at).await?;
    }
    let mut erased = Vec::new();
    for (place, person) in people.iter().enumerate() {
        if is_erased(tx, connection, own.get(place..=place).unwrap_or_default()).await? {
            erased.push(*person);
        }
        for name in &shared {
            attributes::add(tx, connection, name, *person).await?;
        }
    }
    for name in shared.iter().filter(|_| !is_first) {
        copy_erasure(tx, "attributes", "names", connection, name).await?;
    }
    for person in &erased {
        attributes::forget(tx, *person).await?;
    }
    for name in &shared {
        for statement in [
            "DELETE FROM names WHERE connection = $1 AND name = $2",
            "DELETE FROM erasing WHERE connection = $1 AND name = $2",
        ] {
            sqlx::query(statement).bind(connection).bind(name.digest.to_vec()).execute(&mut *tx).await?;
        }
    }
    Ok(if people.len() > 1 { erased } else { Vec::new() })
}

/// A new person of that name, who was part of the record `from`.
async fn split_off(
    tx: &mut Connection,
    connection: &str,
    from: PersonId,
    name: &PersonName,
) -> Result<PersonId, StoreError> {
    const STEPS: [&str; 4] = [
        "UPDATE people SET settled_at = (SELECT settled_at FROM people WHERE id = $1) WHERE id = $2",
        "INSERT INTO delivery_people (delivery, person) SELECT delivery, $2 FROM delivery_people WHERE person = $1",
        "INSERT INTO choices (person, kind, id, choice, chosen_at, vendor_at, origin, source) \
         SELECT $2, kind, id, choice, chosen_at, vendor_at, 'merged', source FROM choices \
         WHERE person = $1 AND choice = 'opt-out'",
        "INSERT INTO writes (person, kind, id, choice, sent_at, repeated) \
         SELECT $2, kind, id, choice, sent_at, repeated FROM writes WHERE person = $1",
    ];
    let person = people::new(tx, connection).await?;
    sqlx::query("UPDATE names SET person = $3 WHERE connection = $1 AND name = $2")
        .bind(connection)
        .bind(name.digest.to_vec())
        .bind(person)
        .execute(&mut *tx)
        .await?;
    for step in STEPS {
        sqlx::query(step).bind(from).bind(person).execute(&mut *tx).await?;
    }
    Ok(person)
}

/// `record` was shared by `people`. The platform may hold the record's opt-ins for any of them, so that an opt-out found at the vendor is
/// news; of an opt-out it may have been told for another one. How many opt-ins were dropped.
async fn share_out(
    tx: &mut Connection,
    record: PersonId,
    people: &[PersonId],
    at: i64,
) -> Result<u64, StoreError> {
    const OF_RECORD: [&str; 4] = [
        "UPDATE event_keys SET person = 0 WHERE person = $1",
        "UPDATE choices SET origin = 'merged' WHERE person = $1",
        "DELETE FROM notice_choices WHERE person = $1 AND choice = 'opt-out'",
        "UPDATE notice_choices SET chosen_at = 0 WHERE person = $1",
    ];
    let dropped = sqlx::query("DELETE FROM choices WHERE person = $1 AND choice = 'opt-in'")
        .bind(record)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    for statement in OF_RECORD {
        sqlx::query(statement).bind(record).execute(&mut *tx).await?;
    }
    for person in people {
        sqlx::query(
            "INSERT INTO notice_choices (person, notice, choice, chosen_at) \
             SELECT $2, notice, choice, chosen_at FROM notice_choices WHERE person = $1 ON CONFLICT DO NOTHING",
        )
        .bind(record)
        .bind(person)
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE people SET split_from = $1, split_at = $4, read_again = $3 WHERE id = $2")
            .bind(record)
            .bind(person)
            .bind(i64::from(dropped > 0))
            .bind(at)
            .execute(&mut *tx)
            .await?;
    }
    Ok(dropped)
}

/// Each request whose person can still be read goes to the person of its own identifiers. It joins nobody: what it says of an
/// identifier that is shared was said under another rule.
async fn move_requests(
    tx: &mut Connection,
    keys: &Keys,
    connection: &str,
    identifying: &Identifying,
    at: i64,
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT r.seq, r.id, r.action, r.person, p.split_from, r.sealed_details, k.data_key FROM requests r \
         JOIN people p ON p.id = r.person JOIN request_keys k ON k.request = r.seq \
         WHERE r.connection = $1 AND r.sealed_details IS NOT NULL ORDER BY r.seq",
    )
    .bind(connection)
    .fetch_all(&mut *tx)
    .await?;
    for row in &rows {
        // One that cannot be read stays where it is; its attempt says so.
        let Ok(asked) = Asked::from_row(row) else { continue };
        let Ok(subject) = asked.subject(keys) else { continue };
        let named = Named::of(&keys.person, &subject, identifying);
        let person = match people::found(tx, connection, &named.identifying).await?.first() {
            Some(person) => *person,
            None if named.identify() => people::known_as(tx, connection, &named.identifying).await?,
            // It names nobody. In a record that was split, nobody knows whose it is.
            None => match asked.split_from {
                None => asked.person,
                Some(record) => people::split_from(tx, connection, record, at).await?,
            },
        };
        attributes::note(tx, &keys.vault, connection, (person, &subject), &named).await?;
        sqlx::query("UPDATE requests SET person = $2 WHERE seq = $1")
            .bind(asked.seq)
            .bind(person)
            .execute(&mut *tx)
            .await?;
        if asked.action == Action::Erasure {
            people::erases(tx, connection, &asked.id, &named.identifying).await?;
        }
    }
    Ok(())
}

/// A request whose person may be another one now.
#[derive(FromRow)]
struct Asked {
    seq: i64,
    id: String,
    #[sqlx(try_from = "Column<Action>")]
    action: Action,
    person: PersonId,
    split_from: Option<i64>,
    sealed_details: Vec<u8>,
    data_key: Vec<u8>,
}

impl Asked {
    /// Who it is about.
    fn subject(&self, keys: &Keys) -> Result<Subject, StoreError> {
        let key = keys.vault.data_key(&key_context(&self.id), &self.data_key)?;
        Ok(Details::open(&key, &self.id, &self.sealed_details)?.subject)
    }
}

/// Each feed event of a split record goes to the person whom it identifies, and is deleted with that person alone.
async fn move_events(
    tx: &mut Connection,
    keys: &Keys,
    connection: &str,
    identifying: &Identifying,
) -> Result<(), StoreError> {
    let events: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(
        "SELECT e.seq, e.id, e.sealed_identity FROM events e JOIN people p ON p.id = e.person \
         WHERE e.connection = $1 AND p.split_from IS NOT NULL",
    )
    .bind(connection)
    .fetch_all(&mut *tx)
    .await?;
    for (seq, id, sealed) in events {
        let names = events::identity(&keys.vault, &id, &sealed)
            .map(|who| Named::of(&keys.person, &who.into(), identifying).identifying)
            .unwrap_or_default();
        let person = people::found(tx, connection, &names).await?.first().copied().unwrap_or(NOBODY);
        sqlx::query("UPDATE events SET person = $2 WHERE seq = $1")
            .bind(seq)
            .bind(person)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// In the order in which they were first heard.
async fn names_of(tx: &mut Connection, person: PersonId) -> Result<Vec<PersonName>, StoreError> {
    let names = sqlx::query_as("SELECT name, kind FROM names WHERE person = $1 ORDER BY rowid");
    Ok(names.bind(person).fetch_all(tx).await?)
}

#[cfg(test)]
mod tests;
