//! Reads a case. Every key is known: a mistyped one would leave something uncompared.

use std::collections::BTreeMap;

use host_model::contract::http::HttpErrorKind;
use serde::Deserialize;
use toml::de::DeTable;

use super::{
    Case, CaseError, ExpectedRequest, MAX_CASE_BYTES, ScriptedAnswer, call, expected,
    keys::{required, texts},
};
use crate::config::{ConfigProblem, ConfigProblemKind, Problems, Section};

impl Case {
    /// Reads the text of the case `name`.
    pub fn read(name: &str, text: &str) -> Result<Self, CaseError> {
        let mut problems = Problems::of(text);
        let case = read(name, text, &mut problems);
        match case {
            Some(case) if problems.found.is_empty() => Ok(case),
            _ => Err(error(name, problems.found)),
        }
    }
}

fn error(case: &str, mut problems: Vec<ConfigProblem>) -> CaseError {
    problems.sort_by_key(|problem| problem.line);
    CaseError { case: case.to_owned(), problems }
}

fn read(name: &str, text: &str, problems: &mut Problems<'_>) -> Option<Case> {
    if text.len() > MAX_CASE_BYTES {
        let found = format!("at most {MAX_CASE_BYTES} bytes, found {}", text.len());
        problems.add(0, "", ConfigProblemKind::Expected(found));
        return None;
    }
    let (table, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        let at = error.span().map_or(0, |span| span.start);
        problems.add(at, "", ConfigProblemKind::Syntax(error.message().to_owned()));
    }
    if !broken.is_empty() {
        return None;
    }
    let mut root = Section::root(table);
    let about = required(&mut root, "about", problems).and_then(|about| about.text(problems));
    let settings = texts(root.parts("settings", problems), problems);
    let call = required(&mut root, "call", problems);
    let call = call.and_then(|call| call::read(call.section(problems)?, problems));
    let requests = root.take("request").map(|entry| entry.list(problems)).unwrap_or_default();
    let requests: Vec<_> =
        requests.into_iter().filter_map(|entry| request(entry.section(problems)?, problems)).collect();
    let outcome = required(&mut root, "outcome", problems);
    root.end(problems);
    let (about, call, outcome) = (about?, call?, outcome?);
    let outcome = expected::read(outcome, call.function(), problems)?;
    Some(Case { name: name.to_owned(), about, settings, call, requests, outcome })
}

#[derive(Deserialize)]
struct RequestFields {
    #[serde(default)]
    query: Vec<(String, String)>,
    body: Option<String>,
}

fn request(mut section: Section<'_>, problems: &mut Problems<'_>) -> Option<ExpectedRequest> {
    let operation = required(&mut section, "operation", problems).and_then(|entry| entry.text(problems));
    let values = texts(section.parts("values", problems), problems);
    let answer = required(&mut section, "answer", problems);
    let answer = answer.and_then(|answer| scripted(answer.section(problems)?, problems));
    let RequestFields { query, body } = section.read(problems)?;
    Some(ExpectedRequest { operation: operation?, values, query, body, answer: answer? })
}

#[derive(Deserialize)]
struct AnswerFields {
    status: Option<u16>,
    body: Option<String>,
    fails: Option<FailureWord>,
}

/// Why a scripted request is not answered.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FailureWord {
    TimedOut,
    Unreachable,
    TooLarge,
}

fn scripted(mut section: Section<'_>, problems: &mut Problems<'_>) -> Option<ScriptedAnswer> {
    let (at, place) = (section.at("status"), section.place.clone());
    let headers: BTreeMap<_, _> = texts(section.parts("headers", problems), problems);
    let AnswerFields { status, body, fails } = section.read(problems)?;
    match (status, fails) {
        (Some(status @ 100..=599), None) => {
            Some(ScriptedAnswer::Answered { status, headers, body: body.unwrap_or_default() })
        }
        (None, Some(fails)) if headers.is_empty() && body.is_none() => {
            Some(ScriptedAnswer::Failed(match fails {
                FailureWord::TimedOut => HttpErrorKind::TimedOut,
                FailureWord::Unreachable => HttpErrorKind::Unreachable,
                FailureWord::TooLarge => HttpErrorKind::TooLarge,
            }))
        }
        _ => {
            let wanted = "either `status`, from 100 to 599, with `headers` and `body`, or `fails` alone";
            problems.add(at, &place, ConfigProblemKind::Expected(wanted.to_owned()));
            None
        }
    }
}
