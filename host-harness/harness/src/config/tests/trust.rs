//! Whose signatures plugins need.

use host_trust::Required;
use test_support::KeyPems;

use super::*;

/// Reads `text` beside the public key `release.pub` and a file that is none, and returns the problems.
fn wrong(text: &str) -> Vec<String> {
    let folder = keys();
    let problems = Config::from_toml(text, folder.path(), env).unwrap_err();
    let shown = problems.iter().map(|problem| format!("{}: {problem}", problem.line.unwrap()));
    shown.map(|line| line.replace(&folder.path().display().to_string(), "…")).collect()
}

fn keys() -> tempfile::TempDir {
    let (folder, keys) = (tempfile::tempdir().unwrap(), KeyPems::generate());
    std::fs::write(folder.path().join("release.pub"), keys.public).unwrap();
    std::fs::write(folder.path().join("release.pem"), keys.private).unwrap();
    folder
}

#[test]
fn a_plugin_needs_a_statement_unless_more_or_less_is_required_whether_or_not_it_is_in_the_file() {
    let folder = keys();
    let read = |more: &str| {
        let text = format!("[trust.newsletter]\nkeys = [{{ file = 'release.pub' }}]\n{more}");
        let config = Config::from_toml(&text, folder.path(), env).unwrap();
        let trust = config.trust()["newsletter"].clone();
        assert_eq!((trust.plugin(), trust.keys().len()), ("newsletter", 1));
        trust.required()
    };
    assert_eq!(read(""), Required::Statement);
    assert_eq!(read("require = 'signature'"), Required::Signature);
    assert_eq!(read("require = 'passed-conformance'"), Required::PassedConformance);
}

#[test]
fn a_table_that_trusts_nothing_is_a_problem_and_not_an_open_door() {
    assert_eq!(wrong("[trust.newsletter]"), ["1: trust.newsletter: `keys` is missing"]);
    assert_eq!(
        wrong("[trust.newsletter]\nkeys = []"),
        [
            "2: trust.newsletter.keys: lists no trusted key; expected at least one, since no signature could be accepted"
        ]
    );
    assert_eq!(wrong("trust.newsletter = true"), ["1: trust.newsletter: expected a table"]);
    assert_eq!(
        wrong("[trust.newsletter]\nkeys = [{ file = 'release.pub' },\n  { file = 'gone.pub' }]"),
        ["3: trust.newsletter.keys: cannot read …/gone.pub: No such file or directory (os error 2)"]
    );
    assert_eq!(
        wrong("[trust.newsletter]\nkeys = [{ file = 'release.pem' }]"),
        [
            "2: trust.newsletter.keys: …/release.pem contains another kind of PEM; expected `PUBLIC KEY`, as `openssl pkey \
          -pubout` writes it"
        ]
    );
    assert_eq!(
        wrong("[trust.newsletter]\nkeys = [{ pem = 'x' }]\nrequires = 'signature'"),
        [
            "2: trust.newsletter.keys: unknown key `pem`",
            "2: trust.newsletter.keys: `file` is missing",
            "3: trust.newsletter: unknown key `requires`: did you mean `require`?",
        ]
    );
    assert_eq!(
        wrong("[trust.newsletter]\nkeys = [{ file = 'release.pub' }]\nrequire = 'none'"),
        ["3: trust.newsletter.require: expected one of `signature`, `statement`, `passed-conformance`"]
    );
    assert_eq!(
        wrong("[trust.'News Letter']\nkeys = [{ file = 'release.pub' }]"),
        [
            "1: trust.News Letter: expected lower-case words and digits with single dashes between them, such as \
          `acme-eu`"
        ]
    );
}
