//! Operations on a service's plugins: begun and followed to their end, and shown later.
//! Tested in `src/tests/server/versions.rs`.

use std::time::Duration;

use host_api::types::{
    plugin_operations::{OperationState, PluginAction, PluginOperation, PluginOperations},
    plugins::PublishedVersion,
    versions::{PluginVersion, PluginVersionStep},
};
use http::HeaderValue;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::{Failure, ProblemResponse},
    output::{CommandOutput, ID, TIME, coloured, fact_lines, table},
    session::Session,
    version_history::{actor, step_line},
    words::{optional, timestamp},
};

/// How long to wait for the next step in one call: the most that a service waits.
const WAIT: HeaderValue = HeaderValue::from_static("wait=55");
/// The pause before a call that may be answered at once, without news: by a service that stops, for example.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What an operation of some kind results in.
pub(super) trait OperationResult: DeserializeOwned {
    /// The member of the operation's document that has it.
    const MEMBER: &'static str;

    /// Takes it out of a document.
    fn of(operation: PluginOperation) -> Option<Self>;
}

impl OperationResult for PublishedVersion {
    const MEMBER: &'static str = "published";

    fn of(operation: PluginOperation) -> Option<Self> {
        operation.published
    }
}

impl OperationResult for PluginVersion {
    const MEMBER: &'static str = "uploaded";

    fn of(operation: PluginOperation) -> Option<Self> {
        operation.uploaded
    }
}

/// The answer to a call that begins an operation.
#[derive(Deserialize)]
#[serde(untagged)]
enum OperationAnswer<T> {
    Begun(Box<PluginOperation>),
    /// An older service answers at the end.
    Ended(T),
}

/// Sends `call`, follows the operation that it begins, and shows what it results in. Ctrl-c ends the wait, but not the
/// operation.
pub(super) async fn carried_out<T: OperationResult>(
    session: &Session,
    client: &Client,
    call: ApiCall,
    shown: impl FnOnce(ApiResponse<T>) -> CommandOutput,
) -> Result<CommandOutput, Failure> {
    let call = call.header("prefer", HeaderValue::from_static("respond-async"));
    let sending = client.ask::<OperationAnswer<T>>(call);
    let answer = session.awaited("waiting for the service to take it", sending).await;
    let ApiResponse { value, json } = answer.map_err(Failure::with_option)?;
    let begun = match value {
        OperationAnswer::Ended(value) => return Ok(shown(ApiResponse { value, json })),
        OperationAnswer::Begun(operation) => ApiResponse { value: *operation, json },
    };
    let (id, plugin) = (begun.value.id.clone(), begun.value.plugin.clone());
    let look = format!("see it with `connector-host plugin operation {id}`");
    let json = begun.json.clone();
    let what = format!("{} {plugin}: operation {id}", action_words(begun.value.action));
    match session.unless_interrupted(&what, follow(session, client, begun)).await {
        None => {
            let people = format!(
                "operation {id}: {}: it goes on without this command\nnext: {look}; `plugin operations {plugin}` lists all",
                coloured("running", Exit::Unproven)
            );
            Ok(CommandOutput { people, json, exit: Exit::Unproven })
        }
        Some(Ok(ended)) => result(ended).map(shown).map_err(Failure::with_option),
        Some(Err(failure)) => {
            session.console.print_error(&format!("operation {id} goes on in the service: {look}"));
            Err(failure)
        }
    }
}

/// The operation once it has ended. Prints each step on a terminal as it is reached.
async fn follow(
    session: &Session,
    client: &Client,
    begun: ApiResponse<PluginOperation>,
) -> Result<ApiResponse<PluginOperation>, Failure> {
    let (mut seen, mut operation) = (0, begun);
    let id = operation.value.id.clone();
    loop {
        let steps = &operation.value.steps;
        for step in steps.iter().skip(seen).filter(|_| session.console.is_watched) {
            session.console.print_error(&progress_line(step));
        }
        let is_news = steps.len() > seen;
        seen = steps.len();
        if operation.value.state != OperationState::Running {
            return Ok(operation);
        }
        if !is_news && seen > 0 {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let call = ApiCall::get(&["plugin-operations", &id]).with("seen", Some(seen)).header("prefer", WAIT);
        operation = client.ask(call).await?;
    }
}

/// What the operation results in, or why it failed.
fn result<T: OperationResult>(
    ApiResponse { value, json }: ApiResponse<PluginOperation>,
) -> Result<ApiResponse<T>, Failure> {
    let member = |name: &str| json.get(name).cloned().unwrap_or_default();
    if let Some(failure) = failure(&json) {
        return Err(failure);
    }
    let id = value.id.clone();
    let value = T::of(value);
    let value = value.ok_or_else(|| {
        Failure::Unanswered(format!(
            "operation {id} has ended, but the service does not say with which result"
        ))
    })?;
    Ok(ApiResponse { value, json: member(T::MEMBER) })
}

/// The problem of a failed operation.
fn failure(operation: &Value) -> Option<Failure> {
    let problem = operation.get("problem").filter(|problem| !problem.is_null())?;
    let status = problem.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    Some(Failure::Service(Box::new(ProblemResponse::new(status.unwrap_or(500), problem.clone()))))
}

/// Shows the operation with this id; once it has ended, if `waiting` says so.
pub(super) async fn show(
    session: &Session,
    client: &Client,
    id: &str,
    waiting: Waiting,
) -> Result<CommandOutput, Failure> {
    let operation = client.ask(ApiCall::get(&["plugin-operations", id])).await?;
    let ApiResponse { value, json } = match waiting {
        Waiting::No => operation,
        Waiting::UntilEnd => follow(session, client, operation).await?,
    };
    let failure = failure(&json);
    let exit = match (value.state, &failure) {
        (OperationState::Running, _) => Exit::Unproven,
        (OperationState::Succeeded, _) => Exit::Done,
        (OperationState::Failed, failure) => failure.as_ref().map_or(Exit::Refused, Failure::exit),
    };
    let facts = fact_lines(&[
        ("operation", value.id.clone()),
        ("what", format!("{} {}", action_words(value.action), value.plugin)),
        ("version", optional(value.digest.as_ref())),
        ("state", coloured(&value.state.to_string(), exit)),
        ("began", timestamp(value.began_at)),
        ("ended", value.ended_at.map(timestamp).unwrap_or_default()),
        ("by", actor(&value.by).to_owned()),
    ]);
    let steps = value.steps.iter().map(progress_line);
    let why = failure.map(|failure| failure.with_option().people());
    let people = [facts].into_iter().chain(steps).chain(why).collect::<Vec<_>>().join("\n");
    Ok(CommandOutput { people, json, exit })
}

/// Whether to wait for the end of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    No,
    UntilEnd,
}

/// The list of the latest operations on a plugin.
pub(super) fn listed(
    width: u16,
    ApiResponse { value, json }: ApiResponse<PluginOperations>,
) -> CommandOutput {
    let columns = [("began", TIME), ("operation", ID), ("what", None), ("state", None), ("took", None)];
    let rows = value.operations.iter().map(|operation| {
        let took = operation.ended_at.map(|ended| format!("{} ms", ended - operation.began_at));
        vec![
            timestamp(operation.began_at),
            operation.id.clone(),
            action_words(operation.action).to_owned(),
            operation.state.to_string(),
            took.unwrap_or_default(),
        ]
    });
    CommandOutput { people: table(width, &columns, rows).to_string(), json, exit: Exit::Done }
}

/// A step in short: why one was refused follows as the problem of the operation.
fn progress_line(step: &PluginVersionStep) -> String {
    match &step.reason {
        Some(reason) => format!("  {:9} {:>6} ms  {reason}", step.state.to_string(), step.took_ms),
        None => step_line(step),
    }
}

fn action_words(action: PluginAction) -> &'static str {
    match action {
        PluginAction::Publish => "publish",
        PluginAction::Upload => "upload",
        PluginAction::Serve => "serve",
        PluginAction::RollBack => "roll back",
        PluginAction::Pull => "pull",
    }
}
