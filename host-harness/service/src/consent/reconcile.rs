//! Reading people again, for choices that no webhook brought.

use host_model::contract::Subject;

use crate::requests::{
    Requests,
    accept::{AcceptError, Accepted, Submission},
    handler::Asked,
};

impl Requests {
    /// Has the people named read again at `connection`, each by a request of its own. Most people are known here by hashes alone, so
    /// the caller has to name them.
    pub async fn reconcile(
        &self,
        connection: &str,
        subjects: Vec<Subject>,
    ) -> Vec<Result<Accepted, AcceptError>> {
        let submissions = subjects.into_iter().map(|subject| Submission {
            connection: connection.to_owned(),
            subject,
            asked: Asked::Reading,
            idempotency_key: None,
        });
        // At once: what is stored together costs one fsync.
        futures::future::join_all(submissions.map(|submission| self.accept(submission))).await
    }
}
