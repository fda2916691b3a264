//! Webhook tokens: their states, and the rules of their life cycle: which one needs a successor, which one is retired,
//! and which one makes room. Pure: no clock, no store.

use serde::Serialize;
use strum::{AsRefStr, Display, EnumString, VariantArray};

use crate::time::{DAY_MS, HOUR_MS};

/// The state of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display, EnumString, AsRefStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TokenState {
    /// Accepted; it is not known yet whether the vendor has it.
    Offered,
    /// Accepted; the one that the vendor adopted last.
    Current,
    /// Still accepted for a while, for deliveries in transit and senders that have not switched over.
    Former,
    /// No longer accepted.
    Retired,
    /// Revoked by an operator.
    Revoked,
}

/// The public data of a token, without the token itself. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenView {
    /// The number of the token within its connection, starting at 1.
    pub generation: i64,
    /// The state.
    pub state: TokenState,
    /// Whether the host installs it and its successor at the vendor. Cleared if the vendor turns out not to accept
    /// tokens.
    pub by_host: bool,
    /// The time from which it is accepted.
    pub issued_at: i64,
    /// The time until which it is accepted.
    pub expires_at: i64,
    /// When a delivery last used it, to the hour.
    pub seen_at: Option<i64>,
    /// When the vendor received its replacement.
    pub replaced_at: Option<i64>,
    /// When it was retired or revoked.
    pub ended_at: Option<i64>,
    /// When it will next be offered to the vendor.
    pub push_at: Option<i64>,
    /// Number of failed attempts to install it at the vendor.
    pub push_failures: i64,
    /// The reason for the last failure.
    pub push_reason: Option<String>,
}

/// Maximum number of tokens accepted at once: the current one, its predecessor and its successor, and two for an
/// operator who enters one manually. If another one is required, the oldest [`replaced`] token makes room; for a
/// successor also the oldest [`never_used`] token. If there is neither, none is created and an alarm is raised.
pub const MAX_LIVE_TOKENS: usize = 5;

/// Minimum time for which a replaced token is still accepted: senders cache a webhook's settings for a while.
const OVERLAP_MS: i64 = DAY_MS;

/// Tolerance after a token's expiry, in case the system date jumps.
const JUMP_MS: i64 = 2 * HOUR_MS;

/// How long before the expiry an operator who must act is warned.
pub const WARNING_MS: i64 = 14 * DAY_MS;

/// Remaining validity below which an operator could no longer update the vendor within a day.
pub const URGENT_MS: i64 = 20 * HOUR_MS;

impl TokenView {
    /// Returns whether a delivery may use it. A token that was replaced shortly before its expiry still gets its full
    /// overlap.
    pub fn is_accepted(&self, now: i64) -> bool {
        // A token that was replaced after its expiry, as by a clock that ran ahead, gains nothing from it.
        let overlap =
            self.replaced_at.map_or(0, |since| since.min(self.expires_at).saturating_add(OVERLAP_MS));
        self.is_live() && now < self.expires_at.max(overlap).saturating_add(JUMP_MS)
    }

    /// Returns whether it is waiting to be installed at the vendor.
    pub fn is_pending(&self) -> bool {
        self.state == TokenState::Offered && self.by_host && self.push_at.is_some()
    }

    /// Returns whether the vendor uses it and accepts its successor from the host.
    pub fn is_in_step(&self) -> bool {
        self.state == TokenState::Current && self.by_host
    }

    fn is_live(&self) -> bool {
        matches!(self.state, TokenState::Offered | TokenState::Current | TokenState::Former)
    }

    /// Returns whether it was shown to an operator, who may or may not have entered it at the vendor.
    fn is_shown(&self) -> bool {
        self.state == TokenState::Offered && !self.by_host
    }

    fn is_replaced_for(&self, while_ms: i64, now: i64) -> bool {
        let since = self.replaced_at.filter(|_| self.state == TokenState::Former);
        since.is_some_and(|since| since.saturating_add(while_ms) <= now)
    }
}

/// Returns the tokens that the vendor may be using: only one if it is known.
fn in_use(tokens: &[TokenView]) -> impl Iterator<Item = &TokenView> {
    let current = tokens.iter().find(|token| token.state == TokenState::Current);
    let shown = tokens.iter().filter(move |token| current.is_none() && token.is_shown());
    current.into_iter().chain(shown)
}

/// Returns when the vendor may be left without a token; `None` if it has none from this host.
pub fn end_of_use(tokens: &[TokenView]) -> Option<i64> {
    in_use(tokens).map(|token| token.expires_at).min()
}

/// Returns whether the vendor needs a successor now.
pub fn is_due(tokens: &[TokenView], window_ms: i64, now: i64) -> bool {
    // Issued by a clock that ran ahead, it expires too late.
    if in_use(tokens).any(|token| token.issued_at > now.saturating_add(DAY_MS)) {
        return true;
    }
    due_from(tokens, window_ms).is_some_and(|due| due <= now)
}

/// Returns from when on the vendor needs a successor; `None` if it has no token from this host. The next check may be a
/// day later, and a whole window must still be left then. If the token was shown to an operator, the vendor may not accept
/// tokens from the host, so there must also be time for a warning.
pub fn due_from(tokens: &[TokenView], window_ms: i64) -> Option<i64> {
    let by_hand = in_use(tokens).any(|token| !token.by_host);
    let left = if by_hand { window_ms.max(WARNING_MS) } else { window_ms };
    end_of_use(tokens).map(|end| end.saturating_sub(left.saturating_add(DAY_MS)))
}

/// Returns whether the vendor needs a successor before the next daily check, because it adopted the last one late and
/// less than a window is left. Always false for tokens that an operator enters manually.
pub fn is_urgent(tokens: &[TokenView], window_ms: i64, now: i64) -> bool {
    let by_host = in_use(tokens).all(|token| token.by_host);
    by_host && end_of_use(tokens).is_some_and(|end| end.saturating_sub(now) <= window_ms)
}

/// Returns the generations to retire: replaced tokens that are no longer seen while their successor is, and expired
/// tokens that are not in use.
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

/// Returns the generations that are accepted, oldest first.
pub fn accepted(tokens: &[TokenView], now: i64) -> Vec<i64> {
    tokens.iter().filter(|token| token.is_accepted(now)).map(|token| token.generation).collect()
}

/// Returns the oldest token that was replaced at least a day ago and is not the one that deliveries used last: it can
/// make room. A vendor that accepted a newer token may continue with the previous one, which is then the one that is
/// seen.
pub fn replaced(tokens: &[TokenView], now: i64) -> Option<i64> {
    let can_go = |token: &&TokenView| token.is_replaced_for(OVERLAP_MS, now) && !was_seen_last(tokens, token);
    tokens.iter().find(can_go).map(|token| token.generation)
}

/// Returns whether no newer token has been seen since. Times of use are recorded to the hour.
fn was_seen_last(tokens: &[TokenView], token: &TokenView) -> bool {
    let newer = tokens.iter().filter(|other| other.generation > token.generation);
    token.seen_at.is_some_and(|seen| {
        newer.filter_map(|newer| newer.seen_at).all(|since| since <= seen.saturating_add(HOUR_MS))
    })
}

/// Returns the oldest token that was shown more than a day ago and never used while another one is in use. It makes
/// room for a successor if no other token does.
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

    /// Generation 1, valid for ninety days.
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
        assert!(is_due(&tokens, WINDOW, 200 * DAY_MS), "an expired token needs one even more");
    }

    #[test]
    fn a_token_that_was_issued_by_a_clock_a_year_ahead_is_replaced_at_the_next_look() {
        let ahead = TokenView {
            issued_at: 365 * DAY_MS,
            expires_at: 455 * DAY_MS,
            ..token(TokenState::Current, true)
        };
        assert!(is_due(std::slice::from_ref(&ahead), WINDOW, DAY_MS));
        assert!(!is_due(&[TokenView { issued_at: DAY_MS, ..ahead }], WINDOW, DAY_MS));
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
    fn a_shown_token_that_is_never_used_does_not_hide_the_expiry_of_the_one_in_use() {
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
    fn a_replacement_long_after_the_end_makes_a_token_last_no_longer() {
        let current = token(TokenState::Current, true);
        let replaced_at = current.expires_at + 365 * DAY_MS;
        let token = TokenView { state: TokenState::Former, replaced_at: Some(replaced_at), ..current };
        assert!(!token.is_accepted(token.expires_at + DAY_MS + JUMP_MS));
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
        assert_eq!(replaced(&[carried.clone(), same_hour], now), None, "it may still have been the last one");
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
