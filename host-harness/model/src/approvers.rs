//! Which API keys may approve a request for approval.

/// Who may approve an act that needs approval. A person is known by the id of an API key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approvers {
    /// Anyone with the right, also who requested it.
    #[default]
    Anyone,
    /// Anyone with the right, except who requested it.
    SecondPerson,
}

impl Approvers {
    /// Returns whether the key `approving` may approve what the key `requesting` requested.
    pub fn permit(self, requesting: &str, approving: &str) -> bool {
        match self {
            Self::Anyone => true,
            Self::SecondPerson => requesting != approving,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_two_people_nobody_approves_what_they_requested_themselves() {
        assert!(Approvers::Anyone.permit("k-1", "k-1") && Approvers::Anyone.permit("k-1", "k-2"));
        assert!(!Approvers::SecondPerson.permit("k-1", "k-1"));
        assert!(Approvers::SecondPerson.permit("k-1", "k-2"));
    }
}
