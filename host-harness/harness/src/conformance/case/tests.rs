use super::*;
use crate::conformance::{Cases, made_up};
use host_model::{
    case_section::CaseTexts,
    contract::{
        Subject,
        consent::{Choice, Preference},
        erasure::PendingErasure,
    },
};
use serde_json::json;

const ERASE: &str = r#"
about = "An erasure"

[settings]
region = "eu"

[call]
function = "erase"
person = ["email:ada@example.com", "user-id:a:b"]

[[request]]
operation = "forget"
values = { email = "ada@example.com" }
query = [["page", "1"], ["page", "2"]]
body = '{"a": 1}'
answer = { status = 429, headers = { retry-after = "30" }, body = "{}" }

[[request]]
operation = "look"
answer = { fails = "timed-out" }

[outcome]
status = "accepted"
confirm-after-ms = "none"
"#;

fn problems(text: &str) -> Vec<String> {
    let error = Case::read("a-case", text).unwrap_err().to_string();
    let (first, problems) = error.split_once('\n').unwrap();
    assert_eq!(first, "the case a-case cannot be used:");
    problems.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_case_is_read_whole() {
    let case = Case::read("a-case", ERASE).unwrap();
    assert_eq!(
        (case.name(), case.about(), case.function()),
        ("a-case", "An erasure", ConnectorFunction::Erase)
    );
    assert_eq!(case.settings, Settings::from([("region".into(), "eu".into())]));
    assert_eq!(case.call, ConnectorCall::Erase(Subject::email("ada@example.com").and("user-id", "a:b")));
    let [forget, look] = case.requests.as_slice() else { panic!("{case:?}") };
    assert_eq!(forget.query, [("page".into(), "1".into()), ("page".into(), "2".into())]);
    let headers = [("retry-after".to_owned(), "30".to_owned())].into();
    assert_eq!(forget.answer, ScriptedAnswer::Answered { status: 429, headers, body: "{}".into() });
    assert_eq!(look.answer, ScriptedAnswer::Failed(HttpErrorKind::TimedOut));
    assert_eq!((look.body.as_ref(), look.values.len()), (None, 0));
    assert_eq!(case.outcome, json!({"status": "accepted", "confirm-after-ms": "none"}));
}

#[test]
fn every_function_has_its_arguments() {
    let call = |call: &str, outcome: &str| {
        let text = format!("about = \"\"\n[call]\n{call}\n[outcome]\n{outcome}\n");
        Case::read("a-case", &text).unwrap_or_else(|error| panic!("{error}")).call
    };
    let ada = || Subject::email("a@example.com");
    let erasures =
        r#"erasures = [{ person = ["email:a@example.com"], reference = "job-1" }, { person = [] }]"#;
    assert_eq!(
        call(&format!("function = \"confirm\"\n{erasures}"), "receipts = [{ status = \"erased\" }, {}]"),
        ConnectorCall::Confirm(vec![
            PendingErasure { subject: ada(), reference: Some("job-1".into()) },
            PendingErasure { subject: Subject::default(), reference: None },
        ])
    );
    let choices = r#"choices = [{ item = "channel:1", choice = "opt-in", source = "Form" }]"#;
    let preference = Preference {
        item: "channel:1".parse().unwrap(),
        choice: Choice::OptIn,
        chosen_at_ms: 1_767_225_600_000,
        source: "Form".into(),
    };
    assert_eq!(
        call(
            &format!("function = \"apply\"\nperson = [\"email:a@example.com\"]\n{choices}"),
            "standing = \"known\""
        ),
        ConnectorCall::Apply(ada(), vec![preference])
    );
    let delivery =
        "function = \"verify\"\ndelivery = { headers = { Authorization = \"Bearer {webhook-token}\" } }";
    let ConnectorCall::Verify(delivery) = call(delivery, "verdict = \"authentic\"") else { panic!() };
    assert_eq!(delivery.headers, [("authorization".into(), format!("Bearer {}", made_up::webhook_token()))]);
    assert_eq!((delivery.method.as_str(), delivery.url.as_str()), ("POST", made_up::DEFAULT_WEBHOOK_URL));
    for (function, outcome) in [
        ("test-connection", "checks = []"),
        ("list-items", "items = []"),
        ("install-token", "token = \"manual\""),
    ] {
        call(&format!("function = \"{function}\""), outcome);
    }
    call("function = \"current\"\nperson = []", "choices = \"none\"");
}

#[test]
fn each_problem_names_case_line_and_key() {
    let wrong = r#"
about = 1
colour = "red"
[call]
function = "erase"
person = ["ada@example.com"]
[[request]]
operation = "forget"
methd = "POST"
answer = { status = 200, fails = "timed-out" }
[outcome]
status = ["accepted"]
confirm-afer-ms = 1
"#;
    assert_eq!(
        problems(wrong),
        [
            "a-case/case.toml:2: about: expected a string",
            "a-case/case.toml:3: unknown key `colour`",
            "a-case/case.toml:6: call.person: expected a list of texts such as `email:ada@example.com`",
            "a-case/case.toml:9: request: unknown key `methd`",
            "a-case/case.toml:10: request.answer: expected either `status`, from 100 to 599, with `headers` and `body`, or \
             `fails` alone",
        ]
    );
    let wrong =
        ERASE.replace("status = \"accepted\"", "status = [1]").replace("confirm-after-ms", "confirm-afer-ms");
    assert_eq!(
        problems(&wrong),
        [
            "a-case/case.toml:23: outcome.status: expected a text or a whole number",
            "a-case/case.toml:24: outcome: unknown key `confirm-afer-ms`: did you mean `confirm-after-ms`?",
        ]
    );
}

#[test]
fn what_is_missing_or_no_case_at_all_is_named() {
    assert_eq!(
        problems("about = \"\"\n[call]\nfunction = \"ease\"\n"),
        [
            "a-case/case.toml:1: `outcome` is missing",
            "a-case/case.toml:3: call.function: there is no function `ease`: did you mean `erase`?",
        ]
    );
    assert_eq!(
        problems("about = \"\"\n[call]\nfunction = \"list-items\"\n[outcome]\n"),
        ["a-case/case.toml:4: outcome: expected at least one key to compare"]
    );
    assert!(problems("about = ").first().unwrap().starts_with("a-case/case.toml:1: not TOML: "));
    let long = " ".repeat(MAX_CASE_BYTES + 1);
    assert_eq!(problems(&long), ["a-case/case.toml:1: expected at most 262144 bytes, found 262145"]);
    let deep = format!("about = {}", "[".repeat(100_000));
    assert!(problems(&deep).first().unwrap().contains("not TOML"));
}

#[test]
fn the_problems_of_all_cases_are_reported_at_once() {
    let texts: CaseTexts =
        [("b", "x = 1"), ("a", ""), ("c", ERASE)].map(|(n, t)| (n.to_owned(), t.to_owned())).into();
    let error = Cases::read(&texts).unwrap_err().to_string();
    assert!(
        error.starts_with("the case a cannot be used:") && error.contains("\nthe case b cannot"),
        "{error}"
    );
}
