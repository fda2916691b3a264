//! What holds a connection's requests back.

use super::*;
use crate::{
    connections::{self, StoredConnection},
    holds,
    pauses::{self, Pause},
};
use host_model::requests::breaker::Reaction;

/// What may hold the connection `newsletter` back.
#[derive(Clone, Copy, Debug)]
enum Holding {
    Disabled,
    Parked,
    Paused,
    OnlyConsent,
    /// Its circuit breaker is open until then.
    BreakerUntil(i64),
    /// A limit of the vendor blocks these requests until then.
    GateUntil(Action, Step, i64),
}

impl Holding {
    async fn apply(self, tx: &mut Tx) -> Result<(), StoreError> {
        match self {
            Self::Disabled => change_connection(tx, |connection| connection.enabled = false).await,
            Self::OnlyConsent => {
                change_connection(tx, |connection| connection.actions = "[\"consent\"]".to_owned()).await
            }
            Self::Parked => holds::park(tx, "newsletter", 10, "no").await,
            Self::Paused => {
                let pause = Pause { why: "sale".to_owned(), by: "ops".to_owned(), at: 10 };
                pauses::begin(tx, "newsletter", &pause).await.map(drop)
            }
            Self::BreakerUntil(until) => {
                for _ in 0..5 {
                    holds::record_outcome(tx, "newsletter", Reaction::Failed, until - 60_000).await?;
                }
                Ok(())
            }
            Self::GateUntil(action, step, until) => {
                holds::hold_back(tx, "newsletter", action, step, until, "full").await
            }
        }
    }
}

async fn change_connection(
    tx: &mut Tx,
    change: impl FnOnce(&mut StoredConnection),
) -> Result<(), StoreError> {
    let mut connection = connections::find(tx, "newsletter").await?.unwrap();
    change(&mut connection);
    connections::put(tx, 10, &connection).await
}

#[tokio::test]
async fn nothing_is_claimed_while_the_connection_is_held_back() {
    for (holding, is_due) in [
        (Holding::Disabled, false),
        (Holding::Parked, false),
        (Holding::Paused, false),
        (Holding::OnlyConsent, false),
        (Holding::BreakerUntil(11), false),
        (Holding::BreakerUntil(10), true),
        (Holding::GateUntil(Action::Erasure, Step::Act, 11), false),
        (Holding::GateUntil(Action::Erasure, Step::Confirm, 11), true),
        (Holding::GateUntil(Action::Erasure, Step::Act, 10), true),
        (Holding::GateUntil(Action::Consent, Step::Act, 11), true),
    ] {
        let folder = Folder::new();
        let store = folder.store().await;
        connection_row(&store, "acme", "newsletter").await;
        request(&store, "newsletter", 1, Action::Erasure).await;
        write(&store, move |tx| Box::pin(holding.apply(tx))).await;
        assert_eq!(lanes(&store, 9).await, [], "it was accepted at 10");
        let expected =
            if is_due { vec![("newsletter".to_owned(), Action::Erasure, Step::Act)] } else { vec![] };
        assert_eq!(lanes(&store, 10).await, expected, "{holding:?}");
        assert_eq!(claim_all(&store, 10).await.len(), usize::from(is_due), "{holding:?}");
    }
}

#[tokio::test]
async fn a_later_answer_that_asks_for_less_does_not_shorten_the_wait() {
    let folder = Folder::new();
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    request(&store, "newsletter", 1, Action::Erasure).await;
    for until in [60, 20] {
        let holding = Holding::GateUntil(Action::Erasure, Step::Act, until);
        write(&store, move |tx| Box::pin(holding.apply(tx))).await;
    }
    assert_eq!(claim_all(&store, 59).await.len(), 0);
    assert_eq!(claim_all(&store, 60).await.len(), 1);
}
