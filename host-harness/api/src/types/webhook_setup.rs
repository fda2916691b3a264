//! The setup of a connection's webhook.

use host_service::webhooks::setup;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    connections::{CheckOutcome, ConnectionTest},
    mirror::mirror,
};

mirror! {
    /// A step of setting up a webhook.
    pub enum SetupStep mirrors setup::SetupStep {
        /// The URL to enter at the vendor is known.
        Address,
        /// The vendor reaches the URL.
        Reachable,
        /// The webhook exists at the vendor, enabled, with this URL and the right authentication.
        Webhook,
        /// The connection knows the vendor's id of the webhook.
        WebhookId,
        /// There is a token that deliveries may carry.
        Token,
        /// The vendor has the newest token.
        TokenAtVendor,
        /// Choices arrive.
        Choices,
    }
}

mirror! {
    /// Whether a step is done.
    pub enum SetupState mirrors setup::SetupState {
        /// It is done.
        Done,
        /// Something is left to do.
        Open,
        /// The service cannot know yet.
        Unknown,
    }
}

/// The setup of a connection's webhook. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookSetup {
    /// The connection's key.
    pub connection: String,
    /// The URL to enter at the vendor; null if it is unknown.
    pub url: Option<String>,
    /// Where to enter it, and with which settings.
    pub at_vendor: String,
    /// The steps, in the order in which they are taken.
    pub steps: Vec<WebhookStep>,
    /// When the host next sends the vendor a new token; null if it will not.
    pub next_rotation_at: Option<i64>,
    /// When the vendor's last delivery was received; null if none is known.
    pub last_received_at: Option<i64>,
    /// The number of deliveries that could not be read, and can be re-read.
    pub unread: i64,
}

/// What is known of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookStep {
    /// The step.
    pub step: SetupStep,
    /// Whether it is done.
    pub state: SetupState,
    /// Why, and what to do if it is not done.
    pub why: String,
    /// When that happened or will happen; null if there is no such time.
    pub at: Option<i64>,
}

impl WebhookSetup {
    /// The setup of the webhook of `connection`.
    pub fn of(connection: String, setup: setup::WebhookSetup) -> Self {
        let setup::WebhookSetup { url, at_vendor, steps, next_rotation_at, deliveries } = setup;
        Self {
            connection,
            url,
            at_vendor: at_vendor.to_owned(),
            steps: steps.into_iter().map(Into::into).collect(),
            next_rotation_at,
            last_received_at: deliveries.last_received_at,
            unread: deliveries.unread,
        }
    }

    /// The same setup with what the connection's test found at the vendor.
    #[must_use]
    pub fn tested(mut self, test: &ConnectionTest) -> Self {
        let check = test.checks.iter().find(|check| check.name == "webhook");
        let step = self.steps.iter_mut().find(|step| step.step == SetupStep::Webhook);
        if let (Some(check), Some(step)) = (check, step) {
            step.state = match check.outcome {
                CheckOutcome::Passed => SetupState::Done,
                CheckOutcome::Failed => SetupState::Open,
                CheckOutcome::Untried => SetupState::Unknown,
            };
            step.why.clone_from(&check.detail);
            step.at = None;
        }
        self
    }

    /// Whether every step is done.
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| step.state == SetupState::Done)
    }
}

impl From<setup::CheckedStep> for WebhookStep {
    fn from(setup::CheckedStep { step, state, why, at }: setup::CheckedStep) -> Self {
        Self { step: step.into(), state: state.into(), why, at }
    }
}
