//! Operations on plugins: what a caller began, how far it is, and what came of it.

use host_model::{digest::Digest, plugin_operation as host};
use host_service::plugin_operations::OperationReport;
use host_store::plugin_operations::{self, MAX_KEPT_OPERATIONS};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    mirror::mirror,
    plugins::PublishedVersion,
    problem::Problem,
    versions::{PluginVersion, PluginVersionStep},
};

mirror! {
    /// What a caller does with a version of a plugin.
    pub enum PluginAction mirrors host::PluginAction {
        /// Uploads, proves, approves and serves it.
        Publish,
        /// Uploads and proves it.
        Upload,
        /// Serves one that is stored.
        Serve,
        /// Serves the one that ran before.
        RollBack,
        /// Pulls it from its registry, proves, approves and serves it.
        Pull,
    }
}

mirror! {
    /// How far an operation is.
    pub enum OperationState mirrors host::OperationState {
        /// It is being carried out.
        Running,
        /// It did what was asked for.
        Succeeded,
        /// It did not: see its problem.
        Failed,
    }
}

/// An operation on a plugin. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginOperation {
    /// Its id.
    pub id: String,
    /// The plugin's name.
    pub plugin: String,
    /// What was asked for.
    pub action: PluginAction,
    /// The digest of the version that it is about; null as long as it is not known, as at the beginning of a roll-back.
    pub digest: Option<String>,
    /// Who began it: the name of a caller.
    pub by: String,
    /// When it began.
    pub began_at: i64,
    /// How far it is.
    pub state: OperationState,
    /// The steps that it has reached, oldest first, with their evidence and how long each took.
    pub steps: Vec<PluginVersionStep>,
    /// When it ended; null if it did not, or if the service stopped before.
    pub ended_at: Option<i64>,
    /// The version that serves now, if it was to serve and does; null otherwise.
    pub published: Option<PublishedVersion>,
    /// The uploaded version, if it was to be uploaded and was; null otherwise.
    pub uploaded: Option<PluginVersion>,
    /// Why it failed, as a client is answered that waits for the end; null otherwise.
    pub problem: Option<Problem>,
}

impl PluginOperation {
    /// The operation of `report`. `interrupted` is the problem of one that ended with the service.
    pub(crate) fn of(report: OperationReport, interrupted: Problem) -> Self {
        let OperationReport { operation, steps } = report;
        let plugin_operations::PluginOperation {
            id,
            plugin,
            action,
            digest,
            actor,
            began_at,
            state,
            is_of_other: _,
            ended_at,
            answer,
        } = operation;
        let mut shown = Self {
            id,
            plugin,
            action: action.into(),
            digest: digest.as_ref().map(Digest::to_string),
            by: actor,
            began_at,
            state: state.into(),
            steps: steps.into_iter().map(Into::into).collect(),
            ended_at,
            published: None,
            uploaded: None,
            problem: None,
        };
        // An answer that another version of this program stored may have another form.
        let answer = answer.unwrap_or_default();
        match (state, action) {
            (host::OperationState::Running, _) => {}
            (host::OperationState::Failed, _) => {
                shown.problem = Some(serde_json::from_value(answer).unwrap_or(interrupted));
            }
            (host::OperationState::Succeeded, host::PluginAction::Upload) => {
                shown.uploaded = serde_json::from_value(answer).ok();
            }
            (
                host::OperationState::Succeeded,
                host::PluginAction::Publish
                | host::PluginAction::Serve
                | host::PluginAction::RollBack
                | host::PluginAction::Pull,
            ) => shown.published = serde_json::from_value(answer).ok(),
        }
        shown
    }
}

/// The operations on a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginOperations {
    /// The latest first.
    pub operations: Vec<PluginOperation>,
    /// How many operations are kept, of all plugins together.
    pub max_kept: i64,
}

impl From<Vec<PluginOperation>> for PluginOperations {
    fn from(operations: Vec<PluginOperation>) -> Self {
        Self { operations, max_kept: MAX_KEPT_OPERATIONS }
    }
}

/// Parameters of showing an operation.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OperationQuery {
    /// How many of its steps the client knows. With `Prefer: wait=SECONDS`, the answer comes once there are more.
    #[serde(default)]
    pub seen: usize,
}
