//! The right to be forgotten: `users/forget` for every identifier that the project uses, proven later.

mod confirm;
mod forget;
mod receipt;
mod reference;
pub mod table;

pub use self::{
    confirm::{PendingErasure, confirm},
    receipt::Receipt,
    table::Status,
};
use self::{forget::forget, table::Proof};
use crate::{
    error::{Error, ErrorKind},
    http::Vendor,
    iterable::client::Client,
    settings::Settings,
    subject::{self, Identifier},
};

/// Forgets the person under every identifier that the project uses. Repeating it succeeds.
///
/// If Iterable refuses one identifier, the others are still forgotten, and the refusal is returned as the error.
pub fn erase(settings: &Settings, vendor: &mut dyn Vendor, subject: &[Identifier]) -> Result<Receipt, Error> {
    let people = subject::people(settings.project_type, subject)?;
    let mut client = Client::new(vendor);
    let mut refused = None;
    let mut answers = Vec::new();
    for person in &people {
        match forget(settings, &mut client, person) {
            Ok(answer) => answers.push(answer),
            Err(error) if error.kind == ErrorKind::Rejected => refused = refused.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = refused {
        return Err(Error { may_have_acted: error.may_have_acted || client.has_acted(), ..error });
    }
    let looks: Vec<_> =
        people.iter().zip(answers).map(|(person, answer)| (person, answer, Proof::NotLooked)).collect();
    Ok(Receipt::of(&looks))
}

#[cfg(test)]
mod tests;
