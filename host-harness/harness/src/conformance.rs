//! Proves a version of a connector before it serves, in its own sandbox and with nothing sent to a vendor.
//!
//! [`Cases`] are calls with scripted answers and expected outcomes, shipped with the component or by the operator. A
//! built-in set, which knows no vendor, calls each function with answers of each kind. A [`Prover`] runs both, and returns
//! a [`Proof`]. Nothing in a proof comes from a person, as long as the cases are about made-up people.

mod built_in;
mod call;
mod case;
mod cases;
mod difference;
mod findings;
mod function;
mod jump_clock;
mod made_up;
mod outcome;
mod proof;
mod prover;
mod script;
mod stage;

pub use case::Case;
pub use case::CaseError;
pub use cases::{Cases, CasesError, texts_of_folder};
pub use function::ConnectorFunction;
pub use made_up::made_up_secret;
pub(crate) use made_up::token_answers;
pub use proof::{PartResult, PartSource, Proof, ProofPart, ProofResult, UsedLimits};
pub use prover::Prover;
pub(crate) use stage::isolated;
