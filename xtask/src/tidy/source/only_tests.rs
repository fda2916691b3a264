//! What is compiled for tests alone.

use syn::{Attribute, Meta, Token, punctuated::Punctuated};

/// Whether what bears the attribute is a test or compiled for tests alone.
pub(crate) fn marks_a_test(attribute: &Attribute) -> bool {
    let path = attribute.path();
    if path.is_ident("cfg") {
        return attribute.parse_args::<Meta>().is_ok_and(|condition| asks_for_test(&condition));
    }
    // As `#[tokio::test]` too.
    path.segments.last().is_some_and(|last| last.ident == "test")
}

/// Whether the attribute says something for tests alone, as `#[cfg_attr(test, …)]` does.
pub(crate) fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg_attr")
        && attribute
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|parts| parts.first().is_some_and(asks_for_test))
}

/// Whether the condition holds in a build for tests alone. `any(test, feature = "…")` holds in others too.
fn asks_for_test(condition: &Meta) -> bool {
    let Meta::List(list) = condition else { return condition.path().is_ident("test") };
    let Ok(parts) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
        return false;
    };
    if list.path.is_ident("all") {
        return parts.iter().any(asks_for_test);
    }
    list.path.is_ident("any") && !parts.is_empty() && parts.iter().all(asks_for_test)
}
