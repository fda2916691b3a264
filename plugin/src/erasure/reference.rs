//! What `confirm` needs to know of `erase`: Iterable's answer for each identifier, in their order, in words.

use super::table::Answer;

/// Such as `taken,unknown-person`.
pub(super) fn write(answers: &[Answer]) -> String {
    let words: Vec<_> = answers.iter().map(|answer| word(*answer)).collect();
    words.join(",")
}

/// The answer for the identifier at that place. What is lost or unreadable counts as taken, which only proof can end.
pub(super) fn read(reference: Option<&str>, at: usize) -> Answer {
    let found = reference.and_then(|reference| reference.split(',').nth(at));
    let answers = [Answer::AlreadyForgotten, Answer::UnknownPerson];
    answers.into_iter().find(|answer| found == Some(word(*answer))).unwrap_or(Answer::Taken)
}

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Taken => "taken",
        Answer::AlreadyForgotten => "already-forgotten",
        Answer::UnknownPerson => "unknown-person",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_lost_counts_as_taken() {
        let answers = [Answer::UnknownPerson, Answer::Taken, Answer::AlreadyForgotten];
        let reference = write(&answers);
        assert_eq!(reference, "unknown-person,taken,already-forgotten");
        for (at, answer) in answers.into_iter().enumerate() {
            assert_eq!(read(Some(&reference), at), answer);
        }
        assert_eq!(read(Some(&reference), 3), Answer::Taken);
        assert_eq!(read(Some("what"), 0), Answer::Taken);
        assert_eq!(read(None, 0), Answer::Taken);
    }
}
