//! With the setting `two-people`, nobody approves what they uploaded themselves.
//! Tested in `api/src/tests/two_people.rs`.

use host_model::{approvers::Approvers, digest::Digest};
use host_store::versions::Version;

use super::{Connections, approval::Approval, publication::Unapproved, publish_error::PublishError};

impl Connections {
    /// Checks that the API key with the id `key` may approve a version of a plugin.
    pub(super) async fn check_may_approve(
        &self,
        key: &str,
        name: &str,
        digest: Digest,
    ) -> Result<(), PublishError> {
        let Version { uploaded_by, .. } = self.known_version(name, digest).await?;
        match (self.sources.approvers, uploaded_by) {
            (Approvers::Anyone, _) => Ok(()),
            (approvers, Some(uploader)) if approvers.permit(&uploader, key) => Ok(()),
            (_, Some(_)) => Err(PublishError::OwnUpload { plugin: name.to_owned(), digest }),
            (_, None) => Err(PublishError::UnknownUploader { plugin: name.to_owned(), digest }),
        }
    }

    /// Returns the approval that counts for a version that is uploaded and served in one step.
    pub(super) fn of_one_step(&self, approval: Approval) -> Approval {
        match self.sources.approvers {
            Approvers::Anyone => approval,
            Approvers::SecondPerson => Approval::Missing,
        }
    }

    /// Returns what becomes of a version that was pulled and lacks an approval.
    pub(super) fn unapproved_pull(&self) -> Unapproved {
        match self.sources.approvers {
            Approvers::Anyone => Unapproved::Refused,
            Approvers::SecondPerson => Unapproved::Waits,
        }
    }

    /// Returns why a version was not uploaded and served in one step: it may only lack another person's approval.
    pub(super) fn not_in_one_step(&self, error: PublishError) -> PublishError {
        match self.sources.approvers {
            Approvers::SecondPerson if error.lacks_approval() => {
                PublishError::SecondPersonNeeded(Box::new(error))
            }
            Approvers::SecondPerson | Approvers::Anyone => error,
        }
    }
}
