//! What is posted to operators and to platforms: alarms and consent events, signed.

pub mod alarms;
pub mod forward;
pub mod post;
