//! What `confirm` needs to know from `erase`: Iterable's answer for each identifier, in order, as words.

use super::table::ForgetAnswer;

/// Encodes the answers, such as `taken,unknown-person`.
pub(super) fn write(answers: &[ForgetAnswer]) -> String {
    let words: Vec<_> = answers.iter().map(|answer| word(*answer)).collect();
    words.join(",")
}

/// Returns the answer for the identifier at index `at`. A lost or unreadable answer counts as taken: then only proof
/// completes the erasure.
pub(super) fn read(reference: Option<&str>, at: usize) -> ForgetAnswer {
    let found = reference.and_then(|reference| reference.split(',').nth(at));
    let answers = [ForgetAnswer::AlreadyForgotten, ForgetAnswer::UnknownPerson];
    answers.into_iter().find(|answer| found == Some(word(*answer))).unwrap_or(ForgetAnswer::Taken)
}

fn word(answer: ForgetAnswer) -> &'static str {
    match answer {
        ForgetAnswer::Taken => "taken",
        ForgetAnswer::AlreadyForgotten => "already-forgotten",
        ForgetAnswer::UnknownPerson => "unknown-person",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_lost_counts_as_taken() {
        let answers = [ForgetAnswer::UnknownPerson, ForgetAnswer::Taken, ForgetAnswer::AlreadyForgotten];
        let reference = write(&answers);
        assert_eq!(reference, "unknown-person,taken,already-forgotten");
        for (at, answer) in answers.into_iter().enumerate() {
            assert_eq!(read(Some(&reference), at), answer);
        }
        assert_eq!(read(Some(&reference), 3), ForgetAnswer::Taken);
        assert_eq!(read(Some("what"), 0), ForgetAnswer::Taken);
        assert_eq!(read(None, 0), ForgetAnswer::Taken);
    }
}
