//! What goes wrong without turns: each race of the tests beside this one, on a database in which the writers' lock does
//! nothing.

use super::*;

impl Two {
    /// Same as [`open`](Self::open), on a database in which another function takes the place of the one that locks. It is
    /// in a schema of its own, since a store refuses a function that no version creates.
    async fn open_without_turns() -> Option<Self> {
        let folder = folder_on_server()?;
        let no_lock = "CREATE SCHEMA no_turns; \
                       CREATE FUNCTION no_turns.pg_advisory_xact_lock(INTEGER, INTEGER) RETURNS VOID LANGUAGE sql AS ''; \
                       DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, no_turns, pg_catalog', \
                         current_database()); END $$";
        run(&mut folder.beside().await, no_lock).await;
        Some(Self::open_in(folder).await)
    }
}

#[tokio::test]
async fn without_turns_a_request_is_given_to_two_processes() {
    let Some(mut two) = Two::open_without_turns().await else { return };
    assert_eq!(claims(&mut two).await, [["only"], ["only"]]);
}

#[tokio::test]
async fn without_turns_a_reader_of_the_feed_misses_an_event_for_ever() {
    let Some(mut two) = Two::open_without_turns().await else { return };
    assert_eq!(events_seen(&mut two).await, ["quick"]);
}

#[tokio::test]
async fn without_turns_two_processes_exceed_a_limit() {
    let Some(mut two) = Two::open_without_turns().await else { return };
    assert_eq!(entries(&mut two).await, [true, true]);
}

#[tokio::test]
async fn without_turns_a_line_of_the_audit_chain_collides_with_that_of_another_process() {
    let Some(mut two) = Two::open_without_turns().await else { return };
    let race = two.race(append_line, append_line, async |_| {}).await;
    race.first.unwrap();
    let collided = race.second.unwrap_err().to_string();
    assert!(collided.contains("duplicate key value"), "{collided}");
}

#[tokio::test]
async fn without_turns_a_replica_misses_a_change_for_ever() {
    let Some(mut two) = Two::open_without_turns().await else { return };
    assert_eq!(changes_seen(&mut two).await, ["quick"]);
}
