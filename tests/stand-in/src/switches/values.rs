//! The values of each switch.

use clap::ValueEnum;

/// Defines an enum whose values can be given on the command line. The first value is the default.
macro_rules! switch {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident $(, $(#[$value_doc:meta])* $value:ident)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
        pub enum $name {
            $(#[$first_doc])* #[default] $first,
            $($(#[$value_doc])* $value,)*
        }
    };
}

switch! {
    /// The code of the answer to an invalid key.
    BadKey {
        /// `BadApiKey`.
        BadApiKey,
        /// `Success`, although the status is 401.
        Success,
    }
}
switch! {
    /// The answer to a malformed body.
    BadBody {
        /// A path and a sentence, without any part of the request.
        Short,
        /// Echoes body and headers, including the key; messages are arrays.
        Echo2022,
        /// Echoes body and headers; messages are strings.
        Echo2017,
    }
}
switch! {
    /// The code of a refusal whose code is not documented.
    NotAllowed {
        /// `BadParams`.
        BadParams,
        /// `GenericError`.
        GenericError,
    }
}
switch! {
    /// Whether rate limits apply.
    RateLimits {
        /// Iterable's published limits.
        Published,
        /// No limits.
        Off,
    }
}
switch! {
    /// The body of a 429.
    LimitBody {
        /// With `rateLimitLimit`, `rateLimitRemaining` and `rateLimitReset`.
        Detailed,
        /// `Exceeded rate limit.` without params.
        Plain,
        /// Names the limit, the endpoint and the project.
        Old,
        /// `Too Many Requests` as plain text.
        Text,
    }
}
switch! {
    /// The `Retry-After` header of a 429.
    RetryAfter {
        /// In seconds.
        Seconds,
        /// As an HTTP date.
        Date,
        /// No header.
        Absent,
    }
}
switch! {
    /// The status for a body over 4 MB.
    TooLarge {
        /// 400.
        Status400,
        /// 413.
        Status413,
    }
}
switch! {
    /// The delay until a read shows a write.
    ReadLag {
        /// Three seconds.
        ThreeSeconds,
        /// At once.
        None,
        /// Twelve seconds.
        TwelveSeconds,
        /// A minute.
        OneMinute,
    }
}
switch! {
    /// The additional delay of look-ups by userId.
    UserIdLag {
        /// No additional delay.
        None,
        /// Twenty seconds.
        TwentySeconds,
    }
}
switch! {
    /// The answer for an unknown userId.
    UnknownUserId {
        /// 400 with a sentence as plain text.
        Text400,
        /// 200 `{}`.
        Empty200,
        /// 400 with the code `error.users.noUserWithIdExists`.
        Code400,
        /// 404 with that code.
        Code404,
        /// 500 with that code.
        Code500,
    }
}
switch! {
    /// The answer to deleting an unknown userId.
    DeleteUnknown {
        /// `User does not exist. Email:  UserId: 42`.
        DoesNotExist,
        /// `No users with userId 42 exist`.
        Old,
    }
}
switch! {
    /// The delay until forgetting takes effect.
    ForgetDelay {
        /// Ten minutes.
        TenMinutes,
        /// A minute.
        OneMinute,
        /// At once.
        None,
    }
}
switch! {
    /// The answer to forgetting an unknown person.
    ForgetUnknown {
        /// A success; collection is blocked.
        Accepted,
        /// 400 `User does not exist`; nothing is blocked.
        Refused,
    }
}
switch! {
    /// The answer to forgetting a person who is already forgotten.
    ForgetAgain {
        /// A success.
        Accepted,
        /// `ForgottenUserError`.
        Refused,
    }
}
switch! {
    /// The status of `ForgottenUserError`.
    ForgottenStatus {
        /// 409.
        Status409,
        /// 400.
        Status400,
    }
}
switch! {
    /// The identifiers that are forgotten.
    ForgetReach {
        /// The given one.
        Given,
        /// Every identifier of the person.
        Whole,
    }
}
switch! {
    /// The encoding of the hashes of forgotten identifiers.
    HashEncoding {
        /// Lower-case hex.
        Hex,
        /// Base64.
        Base64,
    }
}
switch! {
    /// The form of a forgotten userId that is hashed.
    UserIdHash {
        /// Its lower-case form.
        LowerCase,
        /// The unmodified userId.
        AsIs,
    }
}
switch! {
    /// The answer of the additive Subscriptions API.
    SubscriptionsApi {
        /// 404 `NotFound`.
        Off,
        /// 200 `Success`.
        Success,
        /// 200 with the code `Accepted`.
        Accepted,
        /// 202 without a body.
        Empty202,
    }
}
switch! {
    /// Whether opt-in message types are enabled.
    OptIn {
        /// Not enabled: setting them is an error.
        Off,
        /// Enabled; the catalogue has one.
        On,
    }
}
switch! {
    /// The answer to writing a channel, message type or list that does not exist.
    UnknownItem {
        /// Stored as given.
        Stored,
        /// Refused.
        Refused,
    }
}
switch! {
    /// The answer to writing subscriptions for an unknown userId.
    UnknownSubscriber {
        /// Refused: `User does not exist`.
        Refused,
        /// The person is created.
        Created,
    }
}
switch! {
    /// The fields of a message type.
    MessageTypeShape {
        /// Every documented field.
        Full,
        /// Only id, name and channelId.
        WithoutPolicy,
    }
}
switch! {
    /// The channels of a new project.
    Media {
        /// Email and push.
        Recorded,
        /// Also SMS, in-app and `WhatsApp`.
        Many,
    }
}
switch! {
    /// The answer to setting a webhook endpoint without https through the API.
    PlainEndpoint {
        /// Refused.
        Refused,
        /// Accepted if it is a loopback address.
        Loopback,
    }
}
switch! {
    /// The answer to updating a webhook that does not exist.
    UnknownWebhook {
        /// 400 `BadParams`.
        BadParams,
        /// 404 `NotFound`.
        NotFound,
    }
}
switch! {
    /// The delay until deliveries carry a new token.
    TokenDelay {
        /// A minute.
        OneMinute,
        /// At once.
        None,
    }
}
switch! {
    /// How a delivery carries a webhook's OAuth2 token.
    TokenHeader {
        /// `Authorization: OAuth2 <token>`.
        Oauth2,
        /// `Authorization: Bearer <token>`.
        Bearer,
        /// `Authorization: <token>`.
        Bare,
        /// `Authorization: Basic <token>`.
        Basic,
        /// No header.
        Absent,
    }
}
switch! {
    /// The number of events that one write triggers.
    EventGrouping {
        /// One event for everything joined, one for everything left.
        PerKind,
        /// One event per item.
        PerItem,
    }
}
switch! {
    /// The shape of an event.
    EventShape {
        /// Every documented field.
        Full,
        /// Only the userId at the top, with a null email; applies to people who have a userId.
        UserIdOnly,
        /// Identifiers only in `dataFields`.
        OnlyInDataFields,
        /// No `messageTypeIds`.
        WithoutMessageTypeIds,
        /// Profile fields of every type next to the documented ones.
        ExtraFields,
        /// The address in upper case.
        UpperCaseEmail,
        /// Ids as text, the message's channel as a word.
        NumbersAsText,
        /// `createdAt` in ISO 8601, with milliseconds.
        IsoTime,
        /// `createdAt` is null.
        NullTime,
        /// The event's name in lower case.
        OtherCase,
    }
}
switch! {
    /// The fault injected into deliveries.
    DeliveryFault {
        /// No fault: each arrives once, in order.
        None,
        /// Each arrives twice.
        Duplicate,
        /// Every other one, starting with the first, arrives a minute late.
        Reorder,
        /// Each is five minutes late.
        Late,
        /// None arrives.
        Drop,
    }
}
switch! {
    /// The retries after a delivery that is not answered with 2xx.
    DeliveryRetry {
        /// No retry.
        None,
        /// Three retries, ten seconds apart.
        Thrice,
    }
}
