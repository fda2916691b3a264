//! The problems of a case, with case, line and key.

use crate::config::ConfigProblem;

/// Why a case cannot be used: all of its problems.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the case {case} cannot be used:{}", lines(case, problems))]
pub struct CaseError {
    /// The case's name.
    pub case: String,
    /// Its problems, sorted by line.
    pub problems: Vec<ConfigProblem>,
}

fn lines(case: &str, problems: &[ConfigProblem]) -> String {
    let line = |problem: &ConfigProblem| {
        let at = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("\n  {case}/case.toml{at}: {problem}")
    };
    problems.iter().map(line).collect()
}
