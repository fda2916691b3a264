//! Work that is carried out for several callers at once.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;

/// Carries out pieces of work together: what arrives while one batch is carried out goes into the next one. So callers share
/// the round trips to the database. Clones share everything.
pub struct Batched<Piece, Done> {
    queue: mpsc::Sender<WaitingPiece<Piece, Done>>,
}

struct WaitingPiece<Piece, Done> {
    piece: Piece,
    answer: oneshot::Sender<Result<Done, StoreError>>,
}

impl<Piece: Send + 'static, Done: Send + 'static> Batched<Piece, Done> {
    /// Starts the task that carries out at most `max` pieces at once with `carry_out`, which returns the result of each, in
    /// their order. Callers wait while as many pieces are queued. The task ends with the last clone.
    pub fn start<Batch>(max: usize, carry_out: impl Fn(Vec<Piece>) -> Batch + Send + 'static) -> Self
    where
        Batch: Future<Output = Result<Vec<Done>, StoreError>> + Send,
    {
        let (queue, mut waiting) = mpsc::channel::<WaitingPiece<Piece, Done>>(max);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, max).await > 0 {
                let (pieces, answers): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|WaitingPiece { piece, answer }| (piece, answer)).unzip();
                match carry_out(pieces).await {
                    Ok(done) => answer_all(answers, done.into_iter().map(Ok)),
                    Err(error) => answer_all(answers, std::iter::repeat_with(|| Err(error.clone()))),
                }
            }
        });
        Self { queue }
    }

    /// Returns the result of `piece` once its batch was carried out.
    pub async fn carry_out(&self, piece: Piece) -> Result<Done, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(WaitingPiece { piece, answer }).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

fn answer_all<Done>(
    answers: Vec<oneshot::Sender<Result<Done, StoreError>>>,
    results: impl Iterator<Item = Result<Done, StoreError>>,
) {
    for (answer, result) in answers.into_iter().zip(results) {
        // The caller may have been dropped.
        let _gone = answer.send(result);
    }
}

impl<Piece, Done> Clone for Batched<Piece, Done> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

#[cfg(test)]
mod tests;
