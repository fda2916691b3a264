//! Checks which files have code that the compiler cannot check, and how often: the list is short and known, so that anyone
//! looking for such a defect knows where to look.

use std::fs;

use anyhow::Result;
use proc_macro2::{TokenStream, TokenTree};
use xtask::components::root;

use crate::shell::{output, program};

/// The files that may allow it, each with the number of its `unsafe` and the purpose. No other file may write `unsafe`, or
/// name the lint.
const MAY_BE_UNSAFE: [(&str, usize, &str); 3] = [
    ("host-harness/harness/src/compile/code.rs", 1, "loading authenticated compiled code"),
    ("plugin/src/component.rs", 0, "generated bindings"),
    ("tests/guests/examples/speaks_0_1_0.rs", 0, "generated bindings"),
];

/// The words of a file that matter here.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    /// The number of times that it writes `unsafe`.
    blocks: usize,
    /// The number of times that it names the lint.
    exceptions: usize,
}

pub(super) fn findings() -> Result<Vec<String>> {
    let sources =
        output(&mut program("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"]))?;
    let mut found = Vec::new();
    for name in sources.lines() {
        let text = fs::read_to_string(root().join(name)).unwrap_or_default();
        // What is not Rust is reported by the compiler.
        found.push((name, text.parse().map_or(Words { blocks: 0, exceptions: 0 }, words)));
    }
    Ok(judged(&found, &MAY_BE_UNSAFE))
}

/// Returns what is wrong if these files have these words.
fn judged(found: &[(&str, Words)], may: &[(&str, usize, &str)]) -> Vec<String> {
    let unlisted = found.iter().filter_map(|(file, words)| {
        let listed = may.iter().find(|(listed, ..)| listed == file);
        let (blocks, exceptions) = listed.map_or((0, 0), |(_, blocks, _)| (*blocks, 1));
        let expected = Words { blocks, exceptions };
        (*words != expected).then(|| {
            format!(
                "{file}: writes `unsafe` {} times and names the lint {} times; expected {blocks} and {exceptions}: \
                 use a library, or change `MAY_BE_UNSAFE` in xtask/src/tidy/unsafety.rs",
                words.blocks, words.exceptions
            )
        })
    });
    let gone = may.iter().filter(|(listed, ..)| !found.iter().any(|(file, _)| file == listed));
    let gone = gone.map(|(file, _, purpose)| {
        format!("{file}: may be unsafe ({purpose}) but does not exist: remove it from `MAY_BE_UNSAFE`")
    });
    unlisted.chain(gone).collect()
}

fn words(text: TokenStream) -> Words {
    let mut words = Words { blocks: 0, exceptions: 0 };
    for token in text {
        match token {
            TokenTree::Group(group) => {
                let within = self::words(group.stream());
                words.blocks += within.blocks;
                words.exceptions += within.exceptions;
            }
            TokenTree::Ident(word) if word == "unsafe" => words.blocks += 1,
            TokenTree::Ident(word) if word == "unsafe_code" => words.exceptions += 1,
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_source(text: &str) -> Words {
        words(text.parse().unwrap())
    }

    #[test]
    fn what_is_unsafe_is_found_however_it_is_written_and_text_is_not() {
        for text in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "unsafe impl Send for A {}",
            "m! { unsafe { g() } }",
        ] {
            assert_eq!(in_source(text), Words { blocks: 1, exceptions: 0 }, "{text}");
        }
        let excepted = "#![allow(unsafe_code)]\n#[expect(unsafe_code, reason = \"unsafe\")] fn f() {}";
        assert_eq!(in_source(excepted), Words { blocks: 0, exceptions: 2 });
        assert_eq!(
            in_source("/// unsafe\nfn unsafety() { g(\"unsafe\") }"),
            Words { blocks: 0, exceptions: 0 }
        );
    }

    #[test]
    fn a_second_block_an_unlisted_file_and_a_file_that_is_gone_are_reported() {
        let may = [("a.rs", 1, "loading"), ("b.rs", 0, "bindings")];
        let words = |blocks, exceptions| Words { blocks, exceptions };
        assert_eq!(
            judged(&[("a.rs", words(1, 1)), ("b.rs", words(0, 1)), ("c.rs", words(0, 0))], &may),
            [""; 0]
        );
        assert_eq!(
            judged(&[("a.rs", words(2, 1)), ("c.rs", words(0, 1))], &may),
            [
                "a.rs: writes `unsafe` 2 times and names the lint 1 times; expected 1 and 1: use a library, or change \
                 `MAY_BE_UNSAFE` in xtask/src/tidy/unsafety.rs",
                "c.rs: writes `unsafe` 0 times and names the lint 1 times; expected 0 and 0: use a library, or change \
                 `MAY_BE_UNSAFE` in xtask/src/tidy/unsafety.rs",
                "b.rs: may be unsafe (bindings) but does not exist: remove it from `MAY_BE_UNSAFE`",
            ]
        );
    }
}
