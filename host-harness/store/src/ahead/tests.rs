//! Bringing back times that a clock which ran ahead wrote.

use host_model::time::{DAY_MS, HOUR_MS};

use super::*;
use crate::testing::{ENQUEUE, Folder, columns, sql, write};

const YEAR_MS: i64 = 365 * DAY_MS;
const NOW: i64 = 1_000 * DAY_MS;

/// A row of each table with a time that is brought back.
const ROWS: [&str; 13] = [
    "INSERT INTO requests (id, tenant, connection, person, action, state, step, received_at) \
     VALUES ('r', 'acme', 'n', 1, 'erasure', 'open', 'act', 1)",
    ENQUEUE,
    "INSERT INTO deliveries (id, tenant, connection, body_digest, accepted, proven, state, received_at, next_at) \
     VALUES ('d', 'acme', 'n', x'00', 1, 1, 'waiting', 1, 1)",
    "INSERT INTO people (connection) VALUES ('n')",
    "INSERT INTO gates (connection, action, step, until, why) VALUES ('n', 'erasure', 'act', 1, 'full')",
    "INSERT INTO connections (key, tenant, plugin, enabled, actions, settings, sealed_secrets, created_at, changed_at) \
     VALUES ('n', 'acme', 'p', 1, '[]', '{}', x'', 1, 1)",
    "INSERT INTO tokens (tenant, connection, generation, digest, state, by_host, issued_at, expires_at) \
     VALUES ('acme', 'n', 1, x'', 'offered', 1, 1, 1)",
    "INSERT INTO alarms (id, tenant, kind, about, detail, raised_at) VALUES ('a', 'acme', 'k', 'a', 'd', 1)",
    "INSERT INTO forwards (tenant, posted) VALUES ('acme', 0)",
    "INSERT INTO callbacks (request, tenant, connection, api_key, url, form) \
     VALUES ('r', 'acme', 'n', 'k', 'u', 'standard')",
    "INSERT INTO sends (account, limit_name, at) VALUES (x'', 'l', 1)",
    "INSERT INTO secret_exchanges (connection, replica, turn, lease_until) VALUES ('n', 'r', 1, 1)",
    "INSERT INTO choices (person, kind, id, choice, chosen_at, origin, source) \
     VALUES (1, 'channel', '1', 'opt-in', 1, 'platform', 's'); \
     INSERT INTO notice_choices (person, notice, choice, chosen_at) VALUES (1, 'n', 'opt-in', 1)",
];

/// The table, the column and the condition of a statement `UPDATE table SET column = $1 WHERE condition`.
fn parts(statement: &'static str) -> (&'static str, &'static str, &'static str) {
    let (table, rest) = statement.strip_prefix("UPDATE ").unwrap().split_once(" SET ").unwrap();
    let (column, condition) = rest.split_once(" = $1 WHERE ").unwrap();
    (table, column, condition)
}

#[tokio::test]
async fn what_a_clock_a_year_ahead_wrote_is_due_now_and_what_it_may_have_been_right_about_stays() {
    let folder = Folder::in_memory();
    let store = folder.store().await;
    for row in ROWS.iter().flat_map(|rows| rows.split("; ")) {
        sql(&store, row).await;
    }
    for (statement, allowed) in
        DUE.map(|due| (due, DAY_MS)).into_iter().chain(OPT_INS.map(|opt_in| (opt_in, HOUR_MS / 2)))
    {
        let (table, column, condition) = parts(statement);
        let state = if condition.contains("'running'") { "running" } else { "waiting" };
        for (time, expected) in
            [(NOW + YEAR_MS, NOW), (NOW + allowed, NOW + allowed), (NOW - DAY_MS, NOW - DAY_MS)]
        {
            let found = write(&store, move |tx| {
                Box::pin(async move {
                    if condition.contains("state") {
                        let set = format!("UPDATE {table} SET state = '{state}'");
                        sqlx::query(sqlx::AssertSqlSafe(set)).execute(&mut *tx).await?;
                    }
                    let set = format!("UPDATE {table} SET {column} = {time}");
                    sqlx::query(sqlx::AssertSqlSafe(set)).execute(&mut *tx).await?;
                    make_due(tx, NOW).await?;
                    date_back_opt_ins(tx, NOW).await?;
                    let read = format!("SELECT {column} FROM {table}");
                    Ok(sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(read)).fetch_one(tx).await?)
                })
            });
            assert_eq!(found.await, expected, "{table}.{column}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_behind_takes_no_opt_out_its_date_and_no_data_its_time() {
    let folder = Folder::in_memory();
    let store = folder.store().await;
    for row in [
        "INSERT INTO choices (person, kind, id, choice, chosen_at, origin, source) \
         VALUES (1, 'channel', '1', 'opt-out', 99999999999999, 'platform', 's')",
        "INSERT INTO events (id, tenant, connection, person, news, sealed_identity, received_at) \
         VALUES ('e', 'acme', 'n', 1, '{}', x'', 99999999999999)",
        "INSERT INTO requests (id, tenant, connection, person, action, state, step, received_at) \
         VALUES ('r', 'acme', 'n', 1, 'erasure', 'open', 'act', 99999999999999)",
    ] {
        sql(&store, row).await;
    }
    let times: Vec<i64> = write(&store, |tx| {
        Box::pin(async move {
            make_due(tx, NOW).await?;
            date_back_opt_ins(tx, NOW).await?;
            let times = "SELECT chosen_at FROM choices UNION ALL SELECT received_at FROM events \
                         UNION ALL SELECT COALESCE(tried_since, received_at) FROM requests";
            Ok(sqlx::query_scalar(times).fetch_all(tx).await?)
        })
    })
    .await;
    assert_eq!(times, [99_999_999_999_999; 3]);
}

/// Times on which no wait depends, or on which only a deadline or a retention period does.
const HARMLESS: [&str; 56] = [
    "alarms.cleared_at",
    "alarms.posted_at",
    "alarms.raised_at",
    "api_keys.created_at",
    "api_keys.revoked_at",
    "attempts.began_at",
    "attempts.ended_at",
    "attributes.erased_at",
    "attributes.not_found_at",
    "audit.at",
    "bulk_acts.decided_at",
    "bulk_acts.ended_at",
    "bulk_acts.expires_at",
    "bulk_acts.made_at",
    "callbacks.ended_at",
    "callbacks.failing_since",
    "captured_secrets.captured_at",
    "captured_secrets.expires_at",
    "choices.vendor_at",
    "connections.changed_at",
    "connections.created_at",
    "connections.parked_at",
    "connections.paused_at",
    "connections.rekeyed_at",
    "connections.tested_at",
    "deliveries.ended_at",
    "deliveries.received_at",
    "event_keys.heard_at",
    "events.received_at",
    "forwards.failing_since",
    "names.erased_at",
    "names.not_found_at",
    "page_sessions.began_at",
    "page_sessions.seen_at",
    "people.split_at",
    "pins.pinned_at",
    "plugin_operations.began_at",
    "plugin_operations.ended_at",
    "publications.published_at",
    "pull_failures.again_at",
    "pull_failures.failed_at",
    "pulls.pulled_at",
    "release_erasures.accepted_at",
    "releases.began_at",
    "releases.ended_at",
    "replicas.seen_at",
    "replicas.started_at",
    "requests.finished_at",
    "requests.tried_since",
    "tokens.ended_at",
    "tokens.replaced_at",
    "tokens.seen_at",
    "version_steps.at",
    "versions.served_at",
    "versions.withdrawn_at",
    "writes.sent_at",
];

/// A request's receipt is a fact; `host_model::token` handles the times of tokens.
const ELSEWHERE: [&str; 4] =
    ["open_requests.received_at", "requests.received_at", "tokens.issued_at", "tokens.expires_at"];

#[tokio::test]
async fn every_column_with_a_time_is_brought_back_or_left_on_purpose() {
    let folder = Folder::new();
    let store = folder.store().await;
    let is_time = |column: &str| {
        ["at", "until"].contains(&column)
            || ["_at", "_until", "_since"].iter().any(|end| column.ends_with(end))
    };
    let columns = columns(&store).await.into_iter().filter(|(_, column)| is_time(column));
    let columns: Vec<String> = columns.map(|(table, column)| format!("{table}.{column}")).collect();
    let brought_back: Vec<String> = DUE
        .into_iter()
        .chain(OPT_INS)
        .map(parts)
        .map(|(table, column, _)| format!("{table}.{column}"))
        .collect();
    assert!(columns.len() > brought_back.len(), "{columns:?}");
    for column in &columns {
        let is_left = HARMLESS.contains(&column.as_str()) || ELSEWHERE.contains(&column.as_str());
        assert!(brought_back.contains(column) != is_left, "{column}");
    }
}
