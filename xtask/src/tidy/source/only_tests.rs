//! Recognizes what is compiled only for tests.

use syn::{Attribute, Meta, Token, punctuated::Punctuated};

/// Returns whether the item with the attribute is a test or compiled only for tests.
pub(crate) fn marks_a_test(attribute: &Attribute) -> bool {
    let path = attribute.path();
    if path.is_ident("cfg") {
        return attribute.parse_args::<Meta>().is_ok_and(|condition| asks_for_test(&condition));
    }
    // Also matches `#[tokio::test]`.
    path.segments.last().is_some_and(|last| last.ident == "test")
}

/// Returns whether the attribute applies only to tests, as `#[cfg_attr(test, …)]` does.
pub(crate) fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg_attr")
        && attribute
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|parts| parts.first().is_some_and(asks_for_test))
}

/// Returns whether the condition is true only in builds for tests. `any(test, feature = "…")` can be true in others
/// too.
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
