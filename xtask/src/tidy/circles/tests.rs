mod forms;

use super::*;
use crate::tidy::source::test_sample::{folder, library};

/// Returns the circles of a library of these files, including `lib.rs`, without the folder's name.
fn circles(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let circles = library(&folder).circles().unwrap();
    circles.iter().map(|circle| circle.split_once(": ").unwrap().1.to_owned()).collect()
}

/// Returns the first line of each circle.
fn ways(files: &[(&str, &str)]) -> Vec<String> {
    circles(files).iter().map(|circle| circle.lines().next().unwrap().to_owned()).collect()
}

/// Returns the path that shows that a file `a.rs` with this text imports `b.rs`, a sibling that imports it, or `None`
/// if it does not.
fn import_of_b(text: &str) -> Option<String> {
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", text), ("b.rs", "use crate::a::A; mod inline {}")];
    let circles = circles(&files);
    assert!(circles.len() < 2, "{circles:?}");
    let shown = circles.first()?.lines().find_map(|line| line.strip_prefix("    a.rs:1 uses "));
    Some(shown.unwrap().to_owned())
}

fn every_one_imports(texts: &[&str]) {
    for text in texts {
        assert!(import_of_b(text).is_some(), "{text}");
    }
}

fn none_imports(texts: &[&str]) {
    for text in texts {
        assert_eq!(import_of_b(text), None, "{text}");
    }
}

#[test]
fn a_mod_line_is_no_import_and_a_path_by_a_childs_name_is() {
    let child = ("a/child.rs", "use super::A;");
    let files = |a| [("lib.rs", "mod a;"), ("a.rs", a), child];
    assert_eq!(ways(&files("mod child;")), [""; 0]);
    for text in [
        "mod child; fn f() { child::f(); }",
        "mod child; fn f() { vec![child::f()]; }",
        "mod child; fn f() { self::child::f(); }",
        "mod child; use child::f;",
        "mod child; use self::child::f;",
    ] {
        assert_eq!(ways(&files(text)), ["circle: a.rs -> a/child.rs -> a.rs"], "{text}");
    }
}

#[test]
fn a_name_that_a_use_brings_in_leads_to_its_module() {
    for text in [
        "use crate::b; fn f() { b::deep::f(); }",
        "use crate::b; use b::deep::f;",
        "use crate::b as c; fn f() { c::deep::f(); }",
        "use crate::{self as root}; fn f() { root::b::deep::f(); }",
        "use super::*; fn f() { b::deep::f(); }",
        "use crate::b::*; fn f() { deep::f(); }",
        "use crate::b; fn f() { println!(\"{}\", b::deep::f()); }",
        "use crate::b; #[derive(b::deep::D)] struct S;",
    ] {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", text),
            ("b.rs", "pub mod deep;"),
            ("b/deep.rs", "use crate::a::A;"),
        ];
        assert_eq!(ways(&files), ["circle: a.rs -> b/deep.rs -> a.rs"], "{text}");
    }
}

#[test]
fn names_that_bring_in_each_other_come_to_an_end() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::*; use c::c; fn f() { c::f(); nowhere::f(); }"),
        ("b.rs", "use crate::a::*; pub use d as e; pub use e as d; fn f() { d::f(); }"),
    ];
    assert_eq!(ways(&files), ["circle: a.rs -> b.rs -> a.rs"]);
}

#[test]
fn the_longest_part_of_a_path_that_is_a_module_decides() {
    let files = |b, deep| {
        [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::deep::D::e;"), ("b.rs", b), ("b/deep.rs", deep)]
    };
    assert_eq!(ways(&files("mod deep; use crate::a::A;", "")), [""; 0]);
    assert_eq!(ways(&files("mod deep;", "use crate::a::A;")), ["circle: a.rs -> b/deep.rs -> a.rs"]);
}

#[test]
fn an_inline_module_is_a_part_of_its_file() {
    every_one_imports(&[
        "mod inner { use super::super::b::B; }",
        "mod inner { mod more { fn f() { crate::b::f(); } } }",
        "use crate::b::inline::f;",
    ]);
    none_imports(&["mod inner { use super::A; } use inner::I;", "mod inner { fn f() { b::f(); } }"]);
    let files =
        |b| [("lib.rs", "mod a;"), ("a.rs", "mod inner { mod b; } use inner::b::B;"), ("a/inner/b.rs", b)];
    assert_eq!(ways(&files("use super::super::A;")), ["circle: a.rs -> a/inner/b.rs -> a.rs"]);
    assert_eq!(ways(&files("")), [""; 0]);
}

#[test]
fn importing_an_item_that_another_file_re_exports_imports_that_file() {
    let files = |a, b| [("lib.rs", "mod a; mod b;"), ("a.rs", a), ("a/child.rs", ""), ("b.rs", b)];
    let a = "mod child; pub use child::T; use crate::b::B;";
    assert_eq!(ways(&files(a, "use crate::a::T;")), ["circle: a.rs -> b.rs -> a.rs"]);
    assert_eq!(ways(&files(a, "use crate::a::child::T;")), [""; 0]);
    // `child` is both a module there and an item that the parent re-exports from it.
    let a = "mod child; pub use child::child; use crate::b::B;";
    assert_eq!(ways(&files(a, "use crate::a::child;")), ["circle: a.rs -> b.rs -> a.rs"]);
}

#[test]
fn a_file_that_exports_anew_imports_what_it_exports() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "mod child; pub use child::T;"),
        ("a/child.rs", "use crate::b::B;"),
        ("b.rs", "use crate::a::T;"),
    ];
    assert_eq!(ways(&files), ["circle: a.rs -> a/child.rs -> b.rs -> a.rs"]);
}

#[test]
fn a_re_exported_module_is_imported_together_with_the_file_that_exports_it() {
    let files = |b, c| {
        [("lib.rs", "mod a; mod b; mod c;"), ("a.rs", "use crate::b::c::C;"), ("b.rs", b), ("c.rs", c)]
    };
    let with_b = "pub use crate::c; use crate::a::A;";
    assert_eq!(ways(&files(with_b, "")), ["circle: a.rs -> b.rs -> a.rs"]);
    let way = "circle: a.rs -> c.rs -> a.rs (the shortest among 3 files that import each other)";
    assert_eq!(ways(&files("pub use crate::c;", "use crate::a::A;")), [way]);
}

#[test]
fn a_root_counts_like_any_file() {
    let files = [("lib.rs", "mod a; pub struct R; use a::A;"), ("a.rs", "use crate::R;")];
    assert_eq!(ways(&files), ["circle: a.rs -> lib.rs -> a.rs"]);
}

#[test]
fn files_that_are_for_tests_alone_are_left_out_with_their_children() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "#[cfg(test)] mod tests;"),
        ("a/tests.rs", "mod more; use crate::b::B;"),
        ("a/tests/more.rs", "use super::T; use crate::b::B;"),
        ("b.rs", "use crate::a::A;"),
    ];
    assert_eq!(ways(&files), [""; 0]);
    // The same files without the attribute.
    let files = files.map(|(name, text)| (name, text.strip_prefix("#[cfg(test)] ").unwrap_or(text)));
    assert_eq!(ways(&files), [""; 0], "no file imports the tests");
    let files =
        files.map(|(name, text)| (name, if name == "b.rs" { "use crate::a::tests::T;" } else { text }));
    assert_eq!(ways(&files).len(), 1);
}

#[test]
fn a_module_is_found_where_its_declaration_puts_it() {
    let files = [
        ("lib.rs", "mod a; #[path = \"elsewhere/c.rs\"] mod b;"),
        ("a/mod.rs", "mod child; use child::C;"),
        ("a/child.rs", "use crate::b::B;"),
        ("elsewhere/c.rs", "mod d; use d::D;"),
        ("elsewhere/d.rs", "use crate::a::A;"),
    ];
    let way = "circle: a/child.rs -> elsewhere/c.rs -> elsewhere/d.rs -> a/mod.rs -> a/child.rs";
    assert_eq!(ways(&files), [way]);
}

#[test]
fn each_module_of_a_name_counts() {
    let files = |on_unix, elsewhere| {
        let a = "#[cfg(unix)] mod sys; #[cfg(not(unix))] #[path = \"other.rs\"] mod sys; use sys::S;";
        [("lib.rs", "mod a;"), ("a.rs", a), ("a/sys.rs", on_unix), ("other.rs", elsewhere)]
    };
    assert_eq!(ways(&files("use crate::a::A;", "")), ["circle: a.rs -> a/sys.rs -> a.rs"]);
    assert_eq!(ways(&files("", "use crate::a::A;")), ["circle: a.rs -> other.rs -> a.rs"]);
}

#[test]
fn a_file_that_is_missing_or_cannot_be_read_is_named() {
    for (root, named) in [("mod a;", "a/mod.rs"), ("fn", "lib.rs")] {
        let folder = folder(&[("lib.rs", root)]);
        let error = Modules::read(&folder.path().join("lib.rs")).err().unwrap();
        assert!(format!("{error:#}").contains(&folder.path().join(named).display().to_string()), "{error:#}");
    }
}

#[test]
fn each_cycle_is_reported_once_by_its_shortest_circle_and_the_paths_that_make_it() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\nmod e;\n"),
        ("a.rs", "//! Long.\n\nuse std::fs;\nuse crate::{\n    b::B,\n};\n"),
        ("b.rs", "use super::c::*;\nfn f() { super::c::f(); }\n"),
        ("c.rs", "use crate::a::A;\n\nstruct S(crate::b::B);"),
        ("d.rs", "use crate::e;"),
        ("e.rs", "use crate::{a, d};"),
    ];
    let first = "circle: b.rs -> c.rs -> b.rs (the shortest among 3 files that import each other)\n    \
        b.rs:1 uses super::c::*\n    c.rs:3 uses crate::b::B";
    let second = "circle: d.rs -> e.rs -> d.rs\n    d.rs:1 uses crate::e\n    e.rs:1 uses crate::d";
    assert_eq!(circles(&files), [first, second]);
}

#[test]
fn the_library_and_the_programs_of_every_member_are_looked_through_and_nothing_else() {
    let (circle, a, b) = ("mod a; mod b; fn main() {}", "use crate::b::B;", "use crate::a::A;");
    let member = |name: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
    let (one, two) = (member("one"), member("two"));
    let folder = folder(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"parts/*\", \"two\"]\n"),
        ("parts/one/Cargo.toml", &one),
        ("parts/one/src/lib.rs", "mod shared; mod of_lib;"),
        ("parts/one/src/of_lib.rs", "use crate::shared::S;"),
        ("parts/one/src/shared.rs", "use crate::of_lib::L;"),
        ("parts/one/src/main.rs", circle),
        ("parts/one/src/a.rs", a),
        ("parts/one/src/b.rs", b),
        ("two/Cargo.toml", &two),
        ("two/build.rs", circle),
        ("two/a.rs", a),
        ("two/b.rs", b),
        ("two/src/lib.rs", ""),
        ("two/tests/t/main.rs", circle),
        ("two/tests/t/a.rs", a),
        ("two/tests/t/b.rs", b),
        ("two/examples/e/main.rs", circle),
        ("two/examples/e/a.rs", a),
        ("two/examples/e/b.rs", b),
        ("two/benches/c/main.rs", circle),
        ("two/benches/c/a.rs", a),
        ("two/benches/c/b.rs", b),
    ]);
    let packages = packages(folder.path()).unwrap();
    let found: Vec<_> = packages.iter().flat_map(|package| package.circles().unwrap()).collect();
    let ways: Vec<_> = found.iter().map(|found| found.lines().next().unwrap()).collect();
    let shown = folder.path().canonicalize().unwrap().join("parts/one/src").display().to_string();
    let circle = |way| format!("{shown}: circle: {way}");
    assert_eq!(ways, [circle("a.rs -> b.rs -> a.rs"), circle("of_lib.rs -> shared.rs -> of_lib.rs")]);
}
