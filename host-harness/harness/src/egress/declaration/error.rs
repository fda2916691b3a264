//! What can be wrong with a manifest: a sentence for each, for the connector's author and whoever was handed the plugin.

use strum::VariantNames;

use host_model::contract::{Claim, Interface, manifest::Place};

/// A rule of the contract that a manifest breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A name that is no lower-case-kebab word.
    #[error("{what} {found:?}: expected a lower-case word such as api-key, of at most 64 characters")]
    NotAName {
        /// What it names.
        what: &'static str,
        /// The name.
        found: String,
    },
    /// Two of a kind with one name.
    #[error("two {what}s are called {name}")]
    Twice {
        /// The kind.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Text or a list that is longer than an operator could read.
    #[error("{what} is longer than {limit} {unit}")]
    TooLong {
        /// Whose.
        what: String,
        /// How long it may be.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// Text that would show as something else on a terminal or in a log.
    #[error(
        "{what}: expected plain text, without control characters, of at most 256 characters where it is a value"
    )]
    NotPlain {
        /// Whose.
        what: String,
    },
    /// A setting with a name that the contract fills itself.
    #[error("setting {0}: the host itself fills in that name")]
    ReservedSetting(String),
    /// A default that the options do not allow.
    #[error("setting {setting}: its default {default:?} is not among its options")]
    DefaultNotAnOption {
        /// The setting.
        setting: String,
        /// The default.
        default: String,
    },
    /// A secret that everybody would know.
    #[error("setting {0}: a secret has no default and no options, since a manifest is public")]
    PublicSecret(String),
    /// A limit under which nothing could be sent, or that no host could keep count of.
    #[error(
        "limit {0}: expected 1 to 1,000,000 requests, in a period of 1 ms to 31 days or at the same time"
    )]
    ImpossibleLimit(String),
    /// The setting that should hold the host is missing or secret.
    #[error("operation {operation}: its host-setting {setting} is no setting, or a secret one")]
    UnknownHostSetting {
        /// The operation.
        operation: String,
        /// The name.
        setting: String,
    },
    /// A method that the host does not send.
    #[error("operation {operation}: method {method:?} is not one of GET, HEAD, POST, PUT, PATCH, DELETE")]
    UnknownMethod {
        /// The operation.
        operation: String,
        /// The method.
        method: String,
    },
    /// A path that is more than a path.
    #[error(
        "operation {operation}: path {path:?} must begin with one slash and hold only printable ASCII, with no `?`, `#`, \
         `%`, backslash, and no segment that is empty (but for one at the end), `.` or `..`"
    )]
    BadPath {
        /// The operation.
        operation: String,
        /// The path.
        path: String,
    },
    /// `used-by` names no interface.
    #[error(
        "operation {operation}: used-by names {interface:?}, which is no interface of the contract ({})",
        interfaces()
    )]
    UsedByNoInterface {
        /// The operation.
        operation: String,
        /// The name.
        interface: String,
    },
    /// An operation that nobody can send.
    #[error("operation {0}: no interface uses it and it captures no secret, so it is never sent")]
    UsedByNobody(String),
    /// `limits` names no limit.
    #[error("operation {operation}: {limit} is none of the manifest's limits")]
    UnknownLimit {
        /// The operation.
        operation: String,
        /// The name.
        limit: String,
    },
    /// More limits than a vendor has.
    #[error("operation {0}: it counts against more than 8 limits")]
    TooManyLimits(String),
    /// A blank that stays open.
    #[error(
        "operation {operation}: nothing fills the blank {{{blank}}}: it is no setting and no captured secret, and the host, \
         which alone sends this operation, has no values for it"
    )]
    NothingFills {
        /// The operation.
        operation: String,
        /// The blank.
        blank: String,
    },
    /// The webhook token outside its interface.
    #[error(
        "operation {0}: nothing fills the blank {{webhook-token}} unless webhook-token alone uses the operation"
    )]
    TokenOutOfPlace(String),
    /// A captured secret that nobody uses.
    #[error(
        "operation {operation}: it captures the unknown secret {secret}: no blank and no secret setting has that name"
    )]
    UnknownSecret {
        /// The operation.
        operation: String,
        /// The name.
        secret: String,
    },
    /// A captured secret under the name of an open setting.
    #[error("operation {operation}: it captures {secret}, which is a setting that is not secret")]
    CapturesOpenSetting {
        /// The operation.
        operation: String,
        /// The name.
        secret: String,
    },
    /// A secret that is fetched by using itself.
    #[error("operation {0}: it needs a secret that only itself, or an operation that needs it, can fetch")]
    CircularExchange(String),
    /// A header that is the host's own business.
    #[error("operation {operation}: it may not write the header {header}, which the host writes itself")]
    ForbiddenHeader {
        /// The operation.
        operation: String,
        /// The header.
        header: String,
    },
    /// A name that cannot stand where it should.
    #[error("operation {operation}: {name:?} cannot be the name of a {place} field")]
    BadFieldName {
        /// The operation.
        operation: String,
        /// The part of the request.
        place: Place,
        /// The name.
        name: String,
    },
    /// Text that cannot stand in a header.
    #[error(
        "operation {operation}: the value of its field {field} holds characters that a {place} cannot carry"
    )]
    BadFieldValue {
        /// The operation.
        operation: String,
        /// The part of the request.
        place: Place,
        /// The field.
        field: String,
    },
    /// A body field with no body to write it into.
    #[error(
        "operation {operation}: its body field {field} needs a content-type of JSON or application/x-www-form-urlencoded"
    )]
    NoBodyForField {
        /// The operation.
        operation: String,
        /// The field.
        field: String,
    },
    /// A content type that cannot be sent.
    #[error("operation {operation}: content-type {found:?} is no media type")]
    BadContentType {
        /// The operation.
        operation: String,
        /// The content type.
        found: String,
    },
    /// A response header that is no header.
    #[error("operation {operation}: response header {found:?} is no header name")]
    BadResponseHeader {
        /// The operation.
        operation: String,
        /// The name.
        found: String,
    },
    /// A method that changes something, declared to read.
    #[error("operation {operation}: {method} is never of effect read; GET, HEAD and POST can be")]
    NeverReads {
        /// The operation.
        operation: String,
        /// The method.
        method: String,
    },
    /// Identifier kinds of which none can identify.
    #[error(
        "identifier-kinds: none of them can identify a person, so no request could name one; at least one kind identifies"
    )]
    NothingIdentifies,
    /// An identifier kind that depends on a setting that is missing or secret.
    #[error("identifier kind {kind}: it identifies by {setting:?}, which is no setting, or a secret one")]
    UnknownCondition {
        /// The kind.
        kind: String,
        /// The name.
        setting: String,
    },
    /// An identifier kind that depends on a setting without saying on which values.
    #[error(
        "identifier kind {kind}: expected 1 to 200 values of the setting {setting}, none of them empty, under which it \
         identifies"
    )]
    EmptyCondition {
        /// The kind.
        kind: String,
        /// The setting.
        setting: String,
    },
    /// An identifier kind that depends on a value that its setting never has.
    #[error(
        "identifier kind {kind}: it identifies if {setting} is {value:?}, which is not among the setting's options"
    )]
    ImpossibleCondition {
        /// The kind.
        kind: String,
        /// The setting.
        setting: String,
        /// The value.
        value: String,
    },
    /// Two reasons for one outcome.
    #[error("proves-without: {0} is listed twice")]
    ExemptTwice(Claim),
    /// An outcome to be taken on trust without a reason.
    #[error("proves-without {0}: expected the reason, for the operator")]
    NoReason(Claim),
    /// An outcome of an interface that the component does not export.
    #[error("proves-without {0}: it does not export {interface}, which reports that", interface = .0.interface())]
    ExemptNotOffered(Claim),
    /// The webhook token where the host does not look for it.
    #[error(
        "webhook-token-slot: a {place} called {name:?} is no place for it; a header or a query parameter is"
    )]
    BadTokenSlot {
        /// The part of the delivery.
        place: Place,
        /// The name.
        name: String,
    },
}

fn interfaces() -> String {
    Interface::VARIANTS.join(", ")
}
