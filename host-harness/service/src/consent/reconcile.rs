//! Re-reads people at the vendor, to pick up choices whose webhook was lost.

use host_model::contract::Subject;

use crate::requests::{
    Requests,
    accept::{AcceptError, Accepted, Repeat, Submission},
    handler::PersonTask,
};

impl Requests {
    /// Requests a reading of each of these people at `connection`, one request per person. The caller must name them,
    /// because most people are known here only by hashes.
    pub async fn reconcile(
        &self,
        connection: &str,
        subjects: Vec<Subject>,
    ) -> Vec<Result<Accepted, AcceptError>> {
        let submissions = subjects.into_iter().map(|subject| Submission {
            connection: connection.to_owned(),
            subject,
            asked: PersonTask::Reading,
            idempotency_key: None,
            repeat: Repeat::Keep,
            callback: None,
        });
        // Concurrently: requests that are stored together cost one fsync.
        futures::future::join_all(submissions.map(|submission| self.accept(submission))).await
    }
}
