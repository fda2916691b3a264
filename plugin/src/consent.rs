//! Choices about what a person receives: channels, their message types, and email lists.

mod additive;
mod apply;
mod catalogue;
pub(crate) mod choice;
mod replace;
mod report;
mod step;
mod subscriptions;

pub use self::{
    apply::apply,
    choice::{CHANNEL, Choice, EMAIL_LIST, HeldChoice, Item, ItemId, MESSAGE_TYPE, Preference},
    report::{Change, ItemReport, Report, Standing},
};
use self::{catalogue::Catalogue, subscriptions::Subscriptions};
use crate::{
    error::Error,
    http::Vendor,
    iterable::client::Client,
    settings::Settings,
    subject::{self, Identifier},
};

/// Lists all items: each channel followed by its message types, then the email lists. An item without an id or a name
/// is left out and logged.
pub fn list_items(vendor: &mut dyn Vendor) -> Result<Vec<Item>, Error> {
    let mut client = Client::new(vendor);
    let catalogue = Catalogue::read(&mut client, |_| true)?;
    for ItemId { kind, id } in catalogue.without_name() {
        client.warn(&format!("{kind} {id} has no name and is left out"));
    }
    Ok(catalogue.items())
}

/// Returns Iterable's choice for every item; `None` if Iterable does not know the person.
///
/// The list is empty for a person who never chose, whose profile has no subscription lists. An item is left out if its
/// subscription list does not name it and contains an entry that cannot be read.
pub fn current(
    settings: &Settings,
    vendor: &mut dyn Vendor,
    subject: &[Identifier],
) -> Result<Option<Vec<HeldChoice>>, Error> {
    let people = subject::people(settings.project_type, subject)?;
    let mut client = Client::new(vendor);
    let Some((_, profile)) = client.first_known(&people)? else { return Ok(None) };
    if !subscriptions::ever_chose(&profile) {
        return Ok(Some(Vec::new()));
    }
    let subscriptions = Subscriptions::from(profile);
    let slots = Catalogue::read(&mut client, |_| true)?.slots();
    let held = |(item, slot)| Some(HeldChoice { item, choice: subscriptions.choice(slot)? });
    let held: Vec<_> = slots.iter().cloned().filter_map(held).collect();
    if held.len() < slots.len() {
        client.warn("a subscription list of the profile contains an entry that is not an id: its other items are not reported");
    }
    Ok(Some(held))
}

#[cfg(test)]
mod tests;
