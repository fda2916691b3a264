//! Checks which identifiers Iterable accepts.

use crate::refusal::Refusal;

/// Checks an address by what Iterable accepts in the recordings: a name, one `@`, a domain with a dot; at most 254
/// characters.
pub(crate) fn check_email(email: &str) -> Result<(), Refusal> {
    let sound = match email.trim().split_once('@') {
        Some((name, domain)) => {
            let dotted = domain.split('.').count() > 1 && domain.split('.').all(|part| !part.is_empty());
            !name.is_empty() && dotted && !domain.contains('@') && !email.trim().contains(char::is_whitespace)
        }
        None => false,
    };
    if sound && email.len() <= 254 { Ok(()) } else { Err(Refusal::InvalidEmail(email.to_owned())) }
}

/// Checks that a userId is not empty, has at most 52 ASCII characters and does not end with a space.
pub(crate) fn check_user_id(id: &str) -> Result<(), Refusal> {
    let sound = !id.is_empty() && id.len() <= 52 && id.is_ascii() && !id.ends_with(' ');
    if sound { Ok(()) } else { Err(Refusal::InvalidUserId(id.to_owned())) }
}
