use tempfile::TempDir;

use super::*;
use crate::tidy::source::{modules::Modules, test_sample::folder};

/// The lines without the folder that the library lies in.
fn without_folder(folder: &TempDir, lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let top = format!("{}/", folder.path().display());
    lines.into_iter().map(|line| line.replace(&top, "")).collect()
}

fn signatures(text: &str) -> Vec<String> {
    let folder = folder(&[("lib.rs", text)]);
    without_folder(&folder, signatures::findings(&modules(&folder, "lib.rs")))
}

fn modules(folder: &TempDir, root: &str) -> Modules {
    Modules::read(&folder.path().join(root)).unwrap()
}

#[test]
fn a_result_that_says_true_or_false_is_found() {
    for text in [
        "fn f() -> Result<bool> { Ok(true) }",
        "fn f() -> Result<bool, Error> { Ok(true) }",
        "async fn f() -> std::io::Result<bool> { Ok(true) }",
        "fn f() -> impl Future<Output = Result<bool, Error>> { async { Ok(true) } }",
        "struct A; impl A { fn f(&self) -> Result<bool, Error> { Ok(true) } }",
        "trait A { fn f(&self) -> Result<bool, Error>; }",
    ] {
        let expected =
            "lib.rs:1: `f` returns `Result<bool>`: an enum, or a name such as `is_…`, says what `true` means";
        assert_eq!(signatures(text), [expected], "{text}");
    }
}

#[test]
fn a_flag_and_a_tuple_among_the_parameters_are_found_with_their_lines() {
    let text = "fn f(\n    is_new: bool,\n    (at, by): (u64, &str),\n    both: &(u64, u64),\n) {}";
    assert_eq!(
        signatures(text),
        [
            "lib.rs:2: `f` takes a `bool`: an enum, or two functions, say what is asked for",
            "lib.rs:3: `f` takes a tuple: two parameters, or a struct, have names",
            "lib.rs:4: `f` takes a tuple: two parameters, or a struct, have names",
        ]
    );
}

#[test]
fn what_has_names_and_what_is_not_ours_passes() {
    for text in [
        "fn f(all: &[(u64, u64)]) -> Result<Option<bool>, Error> { Ok(None) }",
        "fn f() -> bool { true }",
        "fn is_new() -> Result<bool, Error> { Ok(true) }",
        "impl Visitor for A { fn visit_bool(self, value: bool) -> Result<bool, Error> { Ok(value) } }",
        "fn f() { let g = |is_new: bool| is_new; }",
        "struct A { is_new: bool }",
        "#[cfg(test)] fn f(is_new: bool) {}",
        "#[cfg(test)] mod tests { fn f(is_new: bool) {} }",
    ] {
        assert_eq!(signatures(text), [""; 0], "{text}");
    }
}

#[test]
fn a_file_that_only_tests_compile_says_so_in_its_path() {
    let files = [
        (
            "src/lib.rs",
            "#[cfg(test)] mod simulation;\n#[cfg(test)] mod tests;\n#[cfg(test)] mod inline {}\nmod part;",
        ),
        ("src/simulation.rs", "mod deep;"),
        ("src/tests.rs", "mod signed;"),
        ("src/part.rs", "#[cfg(test)] mod testing;"),
    ];
    let folder = folder(&files);
    assert_eq!(
        without_folder(&folder, test_files::findings(&modules(&folder, "src/lib.rs"))),
        ["src/simulation.rs: only tests compile it, and its path does not say \"test\": rename it"]
    );
}

#[test]
fn a_name_of_two_types_is_found_with_both_files() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub struct Part;\nfn f() { struct Local; }\n#[cfg(test)] struct Tested;"),
        ("a.rs", "pub enum Part {}\nstruct Local;\nstruct Tested;"),
        ("b.rs", "trait Other {}"),
    ];
    let folder = folder(&files);
    let mut defined = std::collections::BTreeMap::<String, std::collections::BTreeSet<String>>::new();
    for (name, file) in type_names::type_names(&modules(&folder, "lib.rs")) {
        defined.entry(name).or_default().insert(file);
    }
    assert_eq!(
        without_folder(&folder, type_names::judged(&defined)),
        ["`Part` is the name of several types, in a.rs, lib.rs: a name means one thing"]
    );
}
