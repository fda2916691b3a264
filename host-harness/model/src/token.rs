//! Webhook tokens: where one stands, and the rules of its life: who needs a successor, who is over, who makes room. Pure: no clock, no store.

use serde::Serialize;
use strum::{AsRefStr, Display, EnumString, VariantArray};

use crate::time::{DAY_MS, HOUR_MS};

/// Where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display, EnumString, AsRefStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TokenState {
    /// Accepted; whether the vendor has it is not known yet.
    Offered,
    /// Accepted; the one that the vendor took last.
    Current,
    /// Accepted for a while yet, for deliveries on their way and senders that have not switched over.
    Former,
    /// Over.
    Retired,
    /// Ended by an operator.
    Revoked,
}

/// A token as everybody may see it: the token itself is not in it. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenView {
    /// From 1, one more for each token of the connection.
    pub generation: i64,
    /// Where it stands.
    pub state: TokenState,
    /// Whether the host hands it to the vendor itself, and its successor too; no longer where the vendor takes none.
    pub by_host: bool,
    /// Since when it is accepted.
    pub issued_at: i64,
    /// Until when.
    pub expires_at: i64,
    /// When a delivery last carried it, to the hour.
    pub seen_at: Option<i64>,
    /// When the vendor got another one in its place.
    pub replaced_at: Option<i64>,
    /// When it was retired or revoked.
    pub ended_at: Option<i64>,
    /// When the vendor is asked to take it.
    pub push_at: Option<i64>,
    /// How often the vendor did not take it.
    pub push_failures: i64,
    /// Why, the last time.
    pub push_reason: Option<String>,
}

/// As many are accepted at once: the one in use, the one before and its successor, and two for an operator who enters one
/// by hand. Where another one is wanted the oldest that was [`replaced`] gives way, and for a successor, where there is none,
/// the oldest that was [`never_used`]. Where there is neither, none is made and somebody is told.
pub const MOST_LIVE: usize = 5;

/// The one before is accepted for so long at least: senders keep a webhook's settings for a while.
const OVERLAP_MS: i64 = DAY_MS;

/// A token is accepted so much longer than it says: a date can jump.
const JUMP_MS: i64 = 2 * HOUR_MS;

/// An operator who has to act is told so long before the end.
pub const WARNING_MS: i64 = 14 * DAY_MS;

/// Less than this left, and nobody could take the vendor's part any more within a day.
pub const URGENT_MS: i64 = 20 * HOUR_MS;

impl TokenView {
    /// Whether a delivery may carry it. One that was replaced shortly before its end has its overlap all the same.
    pub fn is_accepted(&self, now: i64) -> bool {
        let overlap = self.replaced_at.map_or(0, |since| since.saturating_add(OVERLAP_MS));
        self.is_live() && now < self.expires_at.max(overlap).saturating_add(JUMP_MS)
    }

    /// Whether it waits for the vendor to take it.
    pub fn is_on_its_way(&self) -> bool {
        self.state == TokenState::Offered && self.by_host && self.push_at.is_some()
    }

    /// Whether the vendor uses it and takes its successor from the host.
    pub fn is_in_step(&self) -> bool {
        self.state == TokenState::Current && self.by_host
    }

    fn is_live(&self) -> bool {
        matches!(self.state, TokenState::Offered | TokenState::Current | TokenState::Former)
    }

    /// Whether an operator was shown it, and may have entered it at the vendor or not.
    fn is_shown(&self) -> bool {
        self.state == TokenState::Offered && !self.by_host
    }

    fn is_replaced_for(&self, while_ms: i64, now: i64) -> bool {
        let since = self.replaced_at.filter(|_| self.state == TokenState::Former);
        since.is_some_and(|since| since.saturating_add(while_ms) <= now)
    }
}

/// Those that the vendor may be using, which is one where it is known.
fn in_use(tokens: &[TokenView]) -> impl Iterator<Item = &TokenView> {
    let current = tokens.iter().find(|token| token.state == TokenState::Current);
    let shown = tokens.iter().filter(move |token| current.is_none() && token.is_shown());
    current.into_iter().chain(shown)
}

/// When the vendor may be left without a token; none where it has none from here.
pub fn end_of_use(tokens: &[TokenView]) -> Option<i64> {
    in_use(tokens).map(|token| token.expires_at).min()
}

/// Whether the vendor needs a successor now. The next look is a day away, and from then on a whole window is to be left.
/// Where an operator was shown the token, the vendor may take none from the host: then there must be time for a warning.
pub fn is_due(tokens: &[TokenView], window_ms: i64, now: i64) -> bool {
    let by_hand = in_use(tokens).any(|token| !token.by_host);
    let left = if by_hand { window_ms.max(WARNING_MS) } else { window_ms };
    end_of_use(tokens).is_some_and(|end| end.saturating_sub(now) <= left.saturating_add(DAY_MS))
}

/// Whether the vendor needs a successor before the next daily look: it took the last one late, and less than a window is
/// left. What an operator enters by hand is no matter of minutes.
pub fn is_urgent(tokens: &[TokenView], window_ms: i64, now: i64) -> bool {
    let by_host = in_use(tokens).all(|token| token.by_host);
    by_host && end_of_use(tokens).is_some_and(|end| end.saturating_sub(now) <= window_ms)
}

/// The generations that are over: replaced, its successor seen and itself no longer; or at its end and not in use.
pub fn over(tokens: &[TokenView], now: i64) -> Vec<i64> {
    let successor_seen =
        tokens.iter().any(|token| token.state == TokenState::Current && token.seen_at.is_some());
    let is_over = |token: &&TokenView| {
        let unused = token.seen_at.is_none_or(|seen| seen.saturating_add(OVERLAP_MS) <= now);
        let is_used = in_use(tokens).any(|used| used.generation == token.generation);
        let given_up = token.is_live() && !token.is_accepted(now) && !is_used;
        given_up || successor_seen && unused && token.is_replaced_for(OVERLAP_MS, now)
    };
    tokens.iter().filter(is_over).map(|token| token.generation).collect()
}

/// The generations that are accepted, oldest first.
pub fn accepted(tokens: &[TokenView], now: i64) -> Vec<i64> {
    tokens.iter().filter(|token| token.is_accepted(now)).map(|token| token.generation).collect()
}

/// The oldest that the vendor has had another one for since a day or longer, and that deliveries did not carry last: it can
/// make room. A vendor that took a newer one may go on with the one before, and then that is the one that is seen.
pub fn replaced(tokens: &[TokenView], now: i64) -> Option<i64> {
    let can_go = |token: &&TokenView| token.is_replaced_for(OVERLAP_MS, now) && !was_seen_last(tokens, token);
    tokens.iter().find(can_go).map(|token| token.generation)
}

/// Whether no newer one was seen since. When one is seen is kept to the hour.
fn was_seen_last(tokens: &[TokenView], token: &TokenView) -> bool {
    let newer = tokens.iter().filter(|other| other.generation > token.generation);
    token.seen_at.is_some_and(|seen| {
        newer.filter_map(|newer| newer.seen_at).all(|since| since <= seen.saturating_add(HOUR_MS))
    })
}

/// The oldest that was shown more than a day ago and that no delivery carried, while another one is in use: it makes room
/// for what the vendor needs, where nothing else does.
pub fn never_used(tokens: &[TokenView], now: i64) -> Option<i64> {
    tokens.iter().find(|token| token.state == TokenState::Current)?;
    let unused = |token: &&TokenView| {
        token.is_shown() && token.seen_at.is_none() && token.issued_at.saturating_add(DAY_MS) <= now
    };
    tokens.iter().find(unused).map(|token| token.generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Generation 1, for ninety days.
    fn token(state: TokenState, by_host: bool) -> TokenView {
        TokenView {
            generation: 1,
            state,
            by_host,
            issued_at: 0,
            expires_at: 90 * DAY_MS,
            seen_at: None,
            replaced_at: None,
            ended_at: None,
            push_at: None,
            push_failures: 0,
            push_reason: None,
        }
    }

    const WINDOW: i64 = 7 * DAY_MS;

    #[test]
    fn a_successor_is_due_while_a_whole_window_is_left_after_the_next_look() {
        let tokens = [token(TokenState::Current, true)];
        assert!(!is_due(&tokens, WINDOW, 82 * DAY_MS - 1));
        assert!(is_due(&tokens, WINDOW, 82 * DAY_MS));
        assert!(is_due(&tokens, WINDOW, 200 * DAY_MS), "a token past its end needs one all the more");
    }

    #[test]
    fn a_token_that_was_taken_late_has_a_successor_before_the_next_look() {
        let taken = token(TokenState::Current, true);
        assert!(!is_urgent(std::slice::from_ref(&taken), WINDOW, 83 * DAY_MS - 1));
        assert!(is_urgent(&[taken], WINDOW, 83 * DAY_MS));
        assert!(!is_urgent(&[token(TokenState::Current, false)], WINDOW, 89 * DAY_MS));
    }

    #[test]
    fn a_token_that_was_shown_is_due_in_time_for_a_warning() {
        for state in [TokenState::Offered, TokenState::Current] {
            assert!(!is_due(&[token(state, false)], WINDOW, 75 * DAY_MS - 1), "{state:?}");
            assert!(is_due(&[token(state, false)], WINDOW, 75 * DAY_MS), "{state:?}");
        }
        assert!(!is_due(&[token(TokenState::Revoked, false)], WINDOW, 89 * DAY_MS));
    }

    #[test]
    fn a_shown_token_that_nobody_uses_does_not_hide_the_end_of_the_one_in_use() {
        let shown =
            TokenView { generation: 2, expires_at: 170 * DAY_MS, ..token(TokenState::Offered, false) };
        assert!(is_due(&[token(TokenState::Current, true), shown.clone()], WINDOW, 83 * DAY_MS));
        assert!(is_due(&[token(TokenState::Offered, false), shown], WINDOW, 83 * DAY_MS));
    }

    #[test]
    fn the_one_before_is_over_a_day_later_and_not_before_its_successor_was_seen() {
        let before = TokenView { replaced_at: Some(DAY_MS), ..token(TokenState::Former, true) };
        let unseen = TokenView { generation: 2, ..token(TokenState::Current, true) };
        let seen = TokenView { seen_at: Some(DAY_MS), ..unseen.clone() };
        assert_eq!(over(&[before.clone(), unseen], 80 * DAY_MS), [0; 0]);
        assert_eq!(over(&[before.clone(), seen.clone()], 2 * DAY_MS - 1), [0; 0]);
        assert_eq!(over(&[before.clone(), seen.clone()], 2 * DAY_MS), [1]);
        let still_carried = TokenView { seen_at: Some(5 * DAY_MS), ..before };
        assert_eq!(over(&[still_carried.clone(), seen.clone()], 6 * DAY_MS - 1), [0; 0]);
        assert_eq!(over(&[still_carried, seen], 6 * DAY_MS), [1]);
    }

    #[test]
    fn a_date_that_jumps_two_hours_ends_no_token() {
        let token = token(TokenState::Current, true);
        assert!(token.is_accepted(token.expires_at + 2 * HOUR_MS - 1));
        assert!(!token.is_accepted(token.expires_at + 2 * HOUR_MS));
    }

    #[test]
    fn a_token_replaced_an_hour_before_its_end_overlaps_for_a_day() {
        let current = token(TokenState::Current, true);
        let replaced_at = current.expires_at - HOUR_MS;
        let token = TokenView { state: TokenState::Former, replaced_at: Some(replaced_at), ..current };
        assert!(
            token.is_accepted(replaced_at + DAY_MS) && !token.is_accepted(replaced_at + DAY_MS + JUMP_MS)
        );
    }

    #[test]
    fn what_deliveries_carried_last_makes_no_room_before_a_newer_one_is_seen() {
        let now = 10 * DAY_MS;
        let before = |generation| TokenView {
            generation,
            replaced_at: Some(DAY_MS),
            ..token(TokenState::Former, true)
        };
        let carried = TokenView { seen_at: Some(9 * DAY_MS), ..before(1) };
        let current = TokenView { generation: 3, ..token(TokenState::Current, true) };
        assert_eq!(replaced(&[carried.clone(), before(2), current.clone()], now), Some(2));
        assert_eq!(replaced(&[carried.clone(), current.clone()], now), None);
        let seen_at = |seen| TokenView { seen_at: Some(seen), ..current.clone() };
        let same_hour = seen_at(9 * DAY_MS + HOUR_MS);
        assert_eq!(
            replaced(&[carried.clone(), same_hour], now),
            None,
            "it may have been the last all the same"
        );
        assert_eq!(replaced(&[carried, seen_at(9 * DAY_MS + HOUR_MS + 1)], now), Some(1));
    }

    #[test]
    fn room_is_made_by_what_was_replaced_or_never_used_and_never_by_what_the_vendor_may_have() {
        let now = 10 * DAY_MS;
        let current = token(TokenState::Current, true);
        let shown = TokenView { generation: 2, ..token(TokenState::Offered, false) };
        let fresh = TokenView { generation: 3, issued_at: now - 1, ..shown.clone() };
        let replaced_now = TokenView { replaced_at: Some(now), ..token(TokenState::Former, true) };
        let replaced_before = TokenView { replaced_at: Some(now - DAY_MS), ..replaced_now.clone() };
        assert_eq!(replaced(&[current.clone(), replaced_now], now), None);
        assert_eq!(replaced(&[current.clone(), replaced_before], now), Some(1));
        assert_eq!(never_used(&[current.clone(), fresh.clone(), shown.clone()], now), Some(2));
        assert_eq!(never_used(&[current, fresh], now), None);
        assert_eq!(never_used(&[shown], now), None, "it may be the one in use");
    }
}
