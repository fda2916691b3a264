//! Writes choices one subscription at a time, if the project has the API for it. Concurrent writes are not lost.
//! Tested in `src/consent/tests.rs`.

use super::{
    catalogue::Group,
    choice::Choice,
    step::{Fate, Step},
};
use crate::{
    error::Error,
    iterable::{client::Client, request, response::Meaning},
    manifest::operation::Operation,
    operations as op,
    subject::Person,
};

/// Writes the steps and returns the fate of each; `None` if the project does not have the API. Stops if the person
/// turns out to be forgotten.
pub(super) fn write(
    client: &mut Client,
    person: &Person,
    steps: &[Step],
) -> Result<Option<Vec<(usize, Fate)>>, Error> {
    let mut fates = Vec::new();
    for step in steps {
        let operation = operation(step.target.group, step.choice, person);
        let answer = client.write(request::change_subscription(operation, person, step.target.slot.id))?;
        if answer.as_ref().is_err_and(|refusal| refusal.meaning == Meaning::FeatureOff) {
            return Ok(None);
        }
        let fate = Fate::of(client, operation, answer)?;
        let forgotten = fate == Fate::Forgotten;
        fates.push((step.at, fate));
        if forgotten {
            break;
        }
    }
    Ok(Some(fates))
}

fn operation(group: Group, choice: Choice, person: &Person) -> &'static Operation {
    use Choice::{OptIn, OptOut};
    use Person::{Email, UserId};
    match (group, choice, person) {
        (Group::Channel, OptIn, Email(_)) => &op::JOIN_CHANNEL_BY_EMAIL,
        (Group::Channel, OptIn, UserId(_)) => &op::JOIN_CHANNEL_BY_USER_ID,
        (Group::Channel, OptOut, Email(_)) => &op::LEAVE_CHANNEL_BY_EMAIL,
        (Group::Channel, OptOut, UserId(_)) => &op::LEAVE_CHANNEL_BY_USER_ID,
        (Group::MessageType, OptIn, Email(_)) => &op::JOIN_MESSAGE_TYPE_BY_EMAIL,
        (Group::MessageType, OptIn, UserId(_)) => &op::JOIN_MESSAGE_TYPE_BY_USER_ID,
        (Group::MessageType, OptOut, Email(_)) => &op::LEAVE_MESSAGE_TYPE_BY_EMAIL,
        (Group::MessageType, OptOut, UserId(_)) => &op::LEAVE_MESSAGE_TYPE_BY_USER_ID,
        (Group::EmailList, OptIn, Email(_)) => &op::JOIN_LIST_BY_EMAIL,
        (Group::EmailList, OptIn, UserId(_)) => &op::JOIN_LIST_BY_USER_ID,
        (Group::EmailList, OptOut, Email(_)) => &op::LEAVE_LIST_BY_EMAIL,
        (Group::EmailList, OptOut, UserId(_)) => &op::LEAVE_LIST_BY_USER_ID,
    }
}
