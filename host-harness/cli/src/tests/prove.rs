//! `plugin pack` and `plugin prove`.

use std::{fs, path::Path};

use serde_json::Value;

use super::*;

const ERASE: &str = r#"
about = "The vendor erases a person"

[call]
function = "erase"
person = ["email:ada@example.com"]

[[request]]
operation = "forget"
values = { email = "ada@example.com" }
answer = { status = 200 }

[outcome]
status = "erased"
"#;

/// Writes a case into `folder`.
fn case(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder.join(name)).unwrap();
    fs::write(folder.join(name).join("case.toml"), text).unwrap();
}

fn guest(name: &str) -> String {
    let path = xtask::components::current(&format!("guests/{name}")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn packed_cases_are_proven_and_the_same_folder_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    case(&folder.path().join("cases"), "erase-known", ERASE);
    let eraser = guest("traps_on_erase");
    let pack = |output: String| {
        let (eraser, cases) = (eraser.clone(), path("cases"));
        async move { ran(&["plugin", "pack", &eraser, "--cases", &cases, "--output", &output]).await }
    };
    let (exit, out, err) = pack(path("one.wasm")).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert!(out.contains("one.wasm: 1 case packed\n  sha256:"), "{out}");
    pack(path("two.wasm")).await;
    assert_eq!(fs::read(path("one.wasm")).unwrap(), fs::read(path("two.wasm")).unwrap());

    let (exit, out, err) = ran(&["plugin", "prove", &path("one.wasm"), "--seed", "7"]).await;
    assert_eq!((exit, err.as_str()), (Exit::Refused, ""), "{out}");
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[0], "traps-on-erase 0.0.0 for Nobody");
    assert_eq!(lines[2], "  failed   case erase-known: The vendor erases a person");
    let told = "             request 1: expected `forget`, but the connector did not send it";
    assert!(lines.contains(&told), "{out}");
    // How much of its time a call takes depends on what else the machine does.
    assert!(out.contains("\n  passed   built-in test-connection: 1 calls, at most "), "{out}");
    assert!(out.contains("\nproof failed: 2 passed, 2 failed, 0 not run in "), "{out}");
    assert!(out.ends_with("\n  to repeat it, add --seed 7\n"), "{out}");
}

#[tokio::test]
async fn a_proof_without_cases_is_incomplete_and_its_document_says_why() {
    let (exit, out, _) = ran(&["plugin", "prove", &guest("panics"), "--json"]).await;
    assert_eq!(exit, Exit::Refused);
    let proof: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&proof["result"], &proof["parts"][0]["result"]), (&"failed".into(), &"not-run".into()));
    let (exit, out, _) = ran(&["plugin", "prove", &guest("build_one"), "--json"]).await;
    assert_eq!(exit, Exit::Unproven, "{out}");
    let proof: Value = serde_json::from_str(&out).unwrap();
    let reason = proof["parts"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("the component ships no conformance cases"), "{reason}");
    assert_eq!(proof["parts"][1]["result"], "passed");
}

#[tokio::test]
async fn a_case_that_cannot_be_read_is_neither_packed_nor_proven() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().to_str().unwrap();
    let (build, output) = (guest("build_one"), folder.path().join("out.wasm"));
    let none =
        format!("error: {cases} contains no cases: expected a folder for each, with a file case.toml\n");
    assert_eq!(
        ran(&["plugin", "prove", &build, "--cases", cases]).await,
        (Exit::Misused, String::new(), none)
    );
    case(folder.path(), "erase", &ERASE.replace("status = \"erased\"", "statsu = \"erased\""));
    let pack = ["plugin", "pack", &build, "--cases", cases, "--output", output.to_str().unwrap()];
    let (exit, _, err) = ran(&pack).await;
    assert_eq!(exit, Exit::Misused);
    let told = "error: the case erase cannot be used:\n  erase/case.toml:14: outcome: unknown key `statsu`: did you mean \
                `status`?";
    assert!(err.starts_with(told), "{err}");
    assert!(!output.exists());
    let (exit, _, err) = ran(&["--server", "http://127.0.0.1:1", "plugin", "prove", &build]).await;
    assert_eq!(exit, Exit::Misused);
    assert!(err.contains("this command works on a file"), "{err}");
}
