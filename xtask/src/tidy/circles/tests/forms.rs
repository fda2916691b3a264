//! Tests of which paths count as imports.

use super::{every_one_imports, import_of_b, none_imports, ways};

#[test]
fn every_form_of_use_is_an_import() {
    for (text, shown) in [
        ("use crate::b::B;", "crate::b::B"),
        ("use super::b::B;", "super::b::B"),
        ("use self::super::b::B;", "self::super::b::B"),
        ("use crate::b;", "crate::b"),
        ("use crate::b::*;", "crate::b::*"),
        ("use crate::b::{self};", "crate::b"),
        ("use crate::{b::{B as C}};", "crate::b::B"),
        ("use {std::fs, crate::b::B};", "crate::b::B"),
        ("use crate::b::B as _;", "crate::b::B"),
        ("use crate::r#b::B;", "crate::b::B"),
        ("pub use crate::b::B;", "crate::b::B"),
        ("fn f() { if true { use crate::b::B; } }", "crate::b::B"),
    ] {
        assert_eq!(import_of_b(text).as_deref(), Some(shown), "{text}");
    }
}

#[test]
fn a_path_is_an_import_wherever_it_stands() {
    every_one_imports(&[
        "fn f() { crate::b::f(); }",
        "fn f() { x.map(crate::b::f); }",
        "fn f() { crate::b::m!(); }",
        "fn f() { crate::b::B { x: 1 }; }",
        "fn f() { match x { crate::b::B(_) => {} _ => {} } }",
        "fn f() { <crate::b::B>::new(); }",
        "fn f() { Vec::<crate::b::B>::new(); }",
        "fn f<T: super::b::T>() {}",
        "fn f(_: Vec<Option<super::b::B>>) {}",
        "fn f() -> Box<dyn super::b::T> {}",
        "struct S(super::b::B);",
        "const C: usize = crate::b::C;",
        "impl crate::b::T for S {}",
        "type T = <u8 as crate::b::T>::U;",
    ]);
}

#[test]
fn a_path_in_a_macro_or_an_attribute_is_an_import() {
    every_one_imports(&[
        "fn f() { println!(\"{}\", crate::b::f()); }",
        "m!(x: super::b::B, y);",
        "m!([{ self::super::b::B::<T> }]);",
        "m!(use crate::{b::{B}};);",
        "macro_rules! m { () => { $crate::b::f() } }",
        "macro_rules! m { () => { use $crate::{b::{B}}; } }",
        "#[derive(Debug, crate::b::D)] struct S;",
        "#[crate::b::attribute] struct S;",
        "struct S { #[arg(value_parser = crate::b::f)] x: u8 }",
        "struct S { #[serde(default = \"crate::b::f\")] x: u8 }",
        "struct S { #[serde(with = \"super::b\")] x: u8 }",
        "struct S { #[cfg_attr(unix, serde(with = \"crate::b\"))] x: u8 }",
        "#[path_of = crate::b::C] struct S;",
    ]);
    for text in
        ["struct S { #[serde(with = \"child\")] x: u8 }", "m!(child::f());", "#[derive(child::D)] struct S;"]
    {
        assert_eq!(child_of_root(text), ["circle: child.rs -> lib.rs -> child.rs"], "{text}");
    }
}

#[test]
fn a_use_in_a_macro_imports_the_module_that_it_names_and_not_the_one_above() {
    let files = [
        ("lib.rs", "mod child; mod other; use child::C;"),
        ("child.rs", "m!(use crate::other;);"),
        ("other.rs", ""),
    ];
    assert_eq!(ways(&files), [""; 0]);
}

#[test]
fn what_reads_like_a_path_and_names_nothing_is_no_import() {
    none_imports(&[
        "/// See [`crate::b::f`].\nfn f() {}",
        "#[doc = \"crate::b::f\"] fn f() {}",
        "fn f() { println!(\"crate::b::f\"); }",
        "use crate::x; fn f() { x::f(); b::f(); }",
    ]);
    for text in [
        "macro_rules! m { ($child:ident) => { $child::f() } }",
        "m!(<T>::child::f());",
        "fn f() { <T>::child::f(); }",
        "#[serde(rename = \"child\")] struct S;",
        "fn f() { let child = 1; child.f(); m!(child); }",
        "fn f<'child>(_: impl Sized + use<'child>) { 'child: loop {} }",
        "m!(impl Sized + use<'child>);",
    ] {
        assert_eq!(child_of_root(text), [""; 0], "{text}");
    }
}

#[test]
fn another_crate_of_the_same_name_is_no_import() {
    none_imports(&["use b::B;", "fn f() { b::f(); }", "use c::b; fn f() { b::f(); }"]);
    for text in [
        "use ::child::C;",
        "fn f() { ::child::f(); }",
        "m!(::child::f(), x: ::child::C);",
        "m!(use ::child::C;);",
        "#[serde(with = \"::child\")] struct S;",
    ] {
        assert_eq!(child_of_root(text), [""; 0], "{text}");
    }
}

#[test]
fn visibility_is_no_import() {
    let parent = "mod child; fn f() { child::f(); }";
    for visibility in ["pub(super)", "pub(crate)", "pub(self)", "pub(in crate::above)"] {
        for child in [format!("{visibility} fn f() {{}}"), format!("m!({visibility} struct S;);")] {
            assert_eq!(ways(&[("lib.rs", parent), ("child.rs", &child)]), [""; 0], "{child}");
        }
    }
    for child in ["struct S(pub (super::A, u8));", "m!(struct S(pub (super::A, u8)););"] {
        assert_eq!(ways(&[("lib.rs", parent), ("child.rs", child)]).len(), 1, "{child}");
    }
}

#[test]
fn what_is_for_tests_alone_is_no_import() {
    none_imports(&[
        "#[cfg(test)] use crate::b::B;",
        "#![cfg(test)] use crate::b::B;",
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(all(unix, test))] fn f() { crate::b::f(); }",
        "#[cfg(all(unix, any(test)))] fn f() { crate::b::f(); }",
        "#[test] fn f() { crate::b::f(); }",
        "#[tokio::test] async fn f() { crate::b::f(); }",
        "#[cfg_attr(test, derive(crate::b::D))] struct S;",
        "struct S { #[cfg(test)] x: crate::b::B }",
        "enum E { #[cfg(test)] V(crate::b::B) }",
        "impl S { #[cfg(test)] fn f() { crate::b::f(); } }",
        "trait T { #[cfg(test)] fn f() { crate::b::f(); } }",
        "fn f() { #[cfg(test)] crate::b::f(); }",
        "fn f() { #[cfg(test)] let x = crate::b::f(); }",
        "fn f() { #[cfg(test)] { crate::b::f(); } }",
        "fn f() { #[cfg(test)] crate::b::m!(); }",
        "fn f() { match x { #[cfg(test)] 1 => crate::b::f(), _ => {} } }",
        "fn f() { S { #[cfg(test)] x: crate::b::f() }; }",
    ]);
    every_one_imports(&[
        "#[cfg(any(test, unix))] use crate::b::B;",
        "#[cfg(not(test))] use crate::b::B;",
        "#[cfg(unix)] use crate::b::B;",
        "#[cfg_attr(unix, derive(crate::b::D))] struct S;",
        "#[cfg(test)] fn g() {} fn f() { crate::b::f(); }",
        "fn f() { #[cfg(test)] g(); crate::b::f(); }",
        "impl S { #[cfg(test)] fn g() {} fn f() { crate::b::f(); } }",
    ]);
}

#[test]
fn a_module_within_a_function_is_a_part_of_its_file() {
    every_one_imports(&[
        "fn f() { mod inner { use crate::b::B; } }",
        "fn f() { mod inner { use super::super::b::B; } }",
        "fn f() { mod inner { mod more { fn f() { super::super::super::b::f(); } } } }",
    ]);
    every_one_imports(&["fn f() { mod inner {} } fn g() { super::b::f(); }"]);
    none_imports(&["use crate::x; fn f() { mod inner { use super::b::B; } }"]);
    assert_eq!(child_of_root("fn f() { mod inner { use super::child::C; } }").len(), 1);
}

/// Returns the circles of a root with this text and one child that imports it.
fn child_of_root(text: &str) -> Vec<String> {
    ways(&[("lib.rs", &format!("mod child; {text}")), ("child.rs", "use super::A;")])
}
