//! Writes choices by replacing whole lists: those that change, as just read and merged with the choices.
//! Tested in `src/consent/tests.rs`.

use super::{
    step::{Fate, Step},
    subscriptions::{List, Subscriptions},
};
use crate::{
    error::{Error, ErrorKind},
    iterable::{client::Client, request},
    operations::REPLACE_SUBSCRIPTIONS,
    subject::Person,
};

/// Writes the steps and returns the fate of each. All lists go in one request. If Iterable refuses it, each list is
/// sent separately, so that one refused choice does not prevent the others.
pub(super) fn write(
    client: &mut Client,
    person: &Person,
    steps: &[Step],
    before: &Subscriptions,
    after: &Subscriptions,
) -> Result<Vec<(usize, Fate)>, Error> {
    let changed: Vec<List> =
        List::ALL.into_iter().filter(|list| before.ids(*list) != after.ids(*list)).collect();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(list) = changed.iter().find(|list| !before.is_whole(**list)) {
        return Err(not_whole(client, *list));
    }
    let together = send(client, person, after, &changed)?;
    if changed.len() == 1 || !matches!(together, Fate::Refused(_)) {
        return Ok(steps.iter().map(|step| (step.at, together.clone())).collect());
    }
    let mut fates = Vec::new();
    for list in changed {
        let alone = send(client, person, after, &[list])?;
        let of_list = steps.iter().filter(|step| step.target.slot.list == list);
        fates.extend(of_list.map(|step| (step.at, alone.clone())));
    }
    Ok(fates)
}

fn not_whole(client: &Client, list: List) -> Error {
    Error {
        kind: ErrorKind::Other,
        code: "unreadable-answer".to_owned(),
        message: format!(
            "`{}` of the profile contains an entry that is not an id, and writing the list back would lose it",
            list.field()
        ),
        retry_after_ms: None,
        may_have_acted: client.has_acted(),
    }
}

fn send(client: &mut Client, person: &Person, after: &Subscriptions, lists: &[List]) -> Result<Fate, Error> {
    let lists: Vec<_> = lists.iter().map(|list| (list.field(), after.ids(*list))).collect();
    let answer = client.write(request::replace_subscriptions(person, &lists))?;
    Fate::of(client, &REPLACE_SUBSCRIPTIONS, answer)
}
