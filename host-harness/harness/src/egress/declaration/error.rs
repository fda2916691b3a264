//! The errors in a manifest, with messages for the connector's author and the operator.
//! Tested in `src/egress/declaration/check/tests.rs`.

use strum::VariantNames;

use host_model::{
    contract::{Claim, Interface, manifest::RequestPart},
    text::UnfitText,
};

/// A rule of the contract that a manifest breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A name is not in lower-case kebab case.
    #[error("{what} {found:?}: expected a lower-case word such as api-key, of at most 64 characters")]
    NotAName {
        /// What the name refers to.
        what: &'static str,
        /// The name.
        found: String,
    },
    /// Two entries of the same kind have the same name.
    #[error("{what} {name} is declared twice")]
    Twice {
        /// The kind.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A list is longer than an operator could read.
    #[error("{what} has {count} entries; at most {limit} are allowed")]
    TooManyEntries {
        /// The entry that it belongs to.
        what: String,
        /// The number of entries.
        count: usize,
        /// The maximum number of entries.
        limit: usize,
    },
    /// A text is too long, or contains characters that could change what an operator reads.
    #[error("{what} {why}")]
    UnfitText {
        /// The text.
        what: String,
        /// What is wrong with it.
        why: UnfitText,
    },
    /// A host or a link could be taken for another one.
    #[error(
        "{what} {ascii:?} is written with characters outside ASCII; write it as it is quoted here, in ASCII"
    )]
    NotAscii {
        /// The text.
        what: String,
        /// The text in ASCII.
        ascii: String,
    },
    /// A setting has a name that the host fills in itself.
    #[error("setting {0}: the host itself fills in that name")]
    ReservedSetting(String),
    /// The default is not among the options.
    #[error("setting {setting}: its default {default:?} is not among its options")]
    DefaultNotAnOption {
        /// The setting.
        setting: String,
        /// The default.
        default: String,
    },
    /// A secret would be public.
    #[error("setting {0}: a secret has no default and no options, since a manifest is public")]
    PublicSecret(String),
    /// A limit allows no requests, or more than a host can count.
    #[error(
        "limit {0}: expected 1 to 1,000,000 requests, in a period of 1 ms to 31 days or at the same time"
    )]
    ImpossibleLimit(String),
    /// The setting for the host is missing or secret.
    #[error("operation {operation}: its host-setting {setting} is not a setting, or is secret")]
    UnknownHostSetting {
        /// The operation.
        operation: String,
        /// The name.
        setting: String,
    },
    /// The host does not send this method.
    #[error("operation {operation}: method {method:?} is not one of GET, HEAD, POST, PUT, PATCH, DELETE")]
    UnknownMethod {
        /// The operation.
        operation: String,
        /// The method.
        method: String,
    },
    /// The path contains more than a path.
    #[error(
        "operation {operation}: path {path:?} must begin with one slash and contain only printable ASCII, with no `?`, \
         `#`, `%`, backslash, and no segment that is empty (except at the end), `.` or `..`"
    )]
    BadPath {
        /// The operation.
        operation: String,
        /// The path.
        path: String,
    },
    /// `used-by` contains an unknown interface.
    #[error(
        "operation {operation}: used-by names {interface:?}, which is not an interface of the contract ({})",
        interfaces()
    )]
    UsedByNoInterface {
        /// The operation.
        operation: String,
        /// The name.
        interface: String,
    },
    /// The operation can never be sent.
    #[error("operation {0}: no interface uses it and it captures no secret, so it is never sent")]
    UsedByNobody(String),
    /// `limits` contains an unknown limit.
    #[error("operation {operation}: {limit} is not one of the manifest's limits")]
    UnknownLimit {
        /// The operation.
        operation: String,
        /// The name.
        limit: String,
    },
    /// The operation has too many limits.
    #[error("operation {0}: it counts against more than 8 limits")]
    TooManyLimits(String),
    /// Nothing fills a blank.
    #[error(
        "operation {operation}: nothing fills the blank {{{blank}}}: it is neither a setting nor a captured secret, \
         and the host, which alone sends this operation, has no values for it"
    )]
    NothingFills {
        /// The operation.
        operation: String,
        /// The blank.
        blank: String,
    },
    /// A blank's name is close to one that the host fills in.
    #[error(
        "operation {operation}: its {place} contains {{{blank}}}, which is neither a setting nor a captured secret: did you \
         mean {{{meant}}}? If it is a value of the request, choose another name; if it is literal text, write a space \
         inside the braces"
    )]
    MisspelledBlank {
        /// The operation.
        operation: String,
        /// The part of the request.
        place: String,
        /// The blank.
        blank: String,
        /// The name that was probably meant.
        meant: String,
    },
    /// The webhook token is used outside its interface.
    #[error(
        "operation {0}: nothing fills the blank {{webhook-token}} unless only webhook-token uses the operation"
    )]
    TokenOutOfPlace(String),
    /// A captured secret is not used.
    #[error(
        "operation {operation}: it captures the unknown secret {secret}: no blank and no secret setting has that name"
    )]
    UnknownSecret {
        /// The operation.
        operation: String,
        /// The name.
        secret: String,
    },
    /// A captured secret has the name of a non-secret setting.
    #[error("operation {operation}: it captures {secret}, which is a setting that is not secret")]
    CapturesOpenSetting {
        /// The operation.
        operation: String,
        /// The name.
        secret: String,
    },
    /// Fetching a secret requires the secret itself.
    #[error("operation {0}: it needs a secret that only it or an operation that depends on it can fetch")]
    CircularExchange(String),
    /// The header is reserved for the host.
    #[error("operation {operation}: it may not write the header {header}, which the host writes itself")]
    ForbiddenHeader {
        /// The operation.
        operation: String,
        /// The header.
        header: String,
    },
    /// The name is not valid for this part of the request.
    #[error("operation {operation}: {name:?} cannot be the name of a {place} field")]
    BadFieldName {
        /// The operation.
        operation: String,
        /// The part of the request.
        place: RequestPart,
        /// The name.
        name: String,
    },
    /// The value contains characters that are not allowed there.
    #[error(
        "operation {operation}: the value of its field {field} contains characters that a {place} cannot carry"
    )]
    BadFieldValue {
        /// The operation.
        operation: String,
        /// The part of the request.
        place: RequestPart,
        /// The field.
        field: String,
    },
    /// There is no body into which the field can be written.
    #[error(
        "operation {operation}: its body field {field} needs a content-type of JSON or application/x-www-form-urlencoded"
    )]
    NoBodyForField {
        /// The operation.
        operation: String,
        /// The field.
        field: String,
    },
    /// The content type is invalid.
    #[error("operation {operation}: content-type {found:?} is not a media type")]
    BadContentType {
        /// The operation.
        operation: String,
        /// The content type.
        found: String,
    },
    /// The response header's name is invalid.
    #[error("operation {operation}: response header {found:?} is not a header name")]
    BadResponseHeader {
        /// The operation.
        operation: String,
        /// The name.
        found: String,
    },
    /// A method that changes something is declared as a read.
    #[error("operation {operation}: {method} cannot have the effect read; only GET, HEAD and POST can")]
    NeverReads {
        /// The operation.
        operation: String,
        /// The method.
        method: String,
    },
    /// None of the identifier kinds can identify a person.
    #[error(
        "identifier-kinds: none of them can identify a person, so no request could name one; at least one must identify"
    )]
    NothingIdentifies,
    /// An identifier kind depends on a missing or secret setting.
    #[error("identifier kind {kind}: it identifies by {setting:?}, which is not a setting, or is secret")]
    UnknownCondition {
        /// The kind.
        kind: String,
        /// The name.
        setting: String,
    },
    /// An identifier kind depends on a setting but lists no values.
    #[error(
        "identifier kind {kind}: expected 1 to 200 non-empty values of the setting {setting} for which it \
         identifies"
    )]
    EmptyCondition {
        /// The kind.
        kind: String,
        /// The setting.
        setting: String,
    },
    /// An identifier kind depends on a value that its setting can never have.
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
    /// An outcome is exempted twice.
    #[error("proves-without: {0} is listed twice")]
    ExemptTwice(Claim),
    /// An exemption has no reason.
    #[error("proves-without {0}: expected a reason for the operator")]
    NoReason(Claim),
    /// The component does not export the interface of the exempted outcome.
    #[error(
        "proves-without {0}: it does not export {interface}, which reports this outcome",
        interface = .0.interface()
    )]
    ExemptNotOffered(Claim),
    /// The webhook token is in a place that the host does not check.
    #[error(
        "webhook-token-slot: a {place} called {name:?} is not allowed; expected a header or a query parameter"
    )]
    BadTokenSlot {
        /// The part of the delivery.
        place: RequestPart,
        /// The name.
        name: String,
    },
}

fn interfaces() -> String {
    Interface::VARIANTS.join(", ")
}
