//! The values of each switch.

use clap::ValueEnum;

/// An enum whose values a command line can name; the first is the default.
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
    /// Whether a key's refusal carries its own code.
    BadKey {
        /// `BadApiKey`.
        BadApiKey,
        /// `Success`, though the status is 401.
        Success,
    }
}
switch! {
    /// How a malformed body is refused.
    BadBody {
        /// A path and a sentence, nothing of the request.
        Short,
        /// Echoes body and headers, the key among them; messages are arrays.
        Echo2022,
        /// Echoes body and headers; messages are strings.
        Echo2017,
    }
}
switch! {
    /// The code where something is not allowed and the code is unknown.
    NotAllowed {
        /// `BadParams`.
        BadParams,
        /// `GenericError`.
        GenericError,
    }
}
switch! {
    /// Whether the limits count.
    RateLimits {
        /// Iterable's published ones.
        Published,
        /// None.
        Off,
    }
}
switch! {
    /// The body of a 429.
    LimitBody {
        /// With `rateLimitLimit`, `rateLimitRemaining` and `rateLimitReset`.
        Detailed,
        /// `Exceeded rate limit.` and no params.
        Plain,
        /// Names the limit, the endpoint and the project.
        Old,
        /// `Too Many Requests` as plain text.
        Text,
    }
}
switch! {
    /// The header that says when to come back after a 429.
    RetryAfter {
        /// In seconds.
        Seconds,
        /// As an HTTP date.
        Date,
        /// Left out.
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
    /// How long until a read shows a write.
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
    /// How much longer what is looked up by userId lags.
    UserIdLag {
        /// No longer.
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
    /// How deleting an unknown userId is refused.
    DeleteUnknown {
        /// `User does not exist. Email:  UserId: 42`.
        DoesNotExist,
        /// `No users with userId 42 exist`.
        Old,
    }
}
switch! {
    /// How long forgetting takes to come into effect.
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
    /// Forgetting a person whom nobody knows.
    ForgetUnknown {
        /// A success; collection is blocked.
        Accepted,
        /// 400 `User does not exist`; nothing is blocked.
        Refused,
    }
}
switch! {
    /// Forgetting a person who is forgotten already.
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
    /// Which identifiers are forgotten.
    ForgetReach {
        /// The given one.
        Given,
        /// Every identifier of the person.
        Whole,
    }
}
switch! {
    /// How the hashes of forgotten identifiers are written.
    HashEncoding {
        /// Lower-case hex.
        Hex,
        /// Base64.
        Base64,
    }
}
switch! {
    /// What is hashed of a forgotten userId.
    UserIdHash {
        /// Its lower-case form.
        LowerCase,
        /// The userId as it is.
        AsIs,
    }
}
switch! {
    /// The additive Subscriptions API.
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
    /// Opt-in message types.
    OptIn {
        /// Not enabled: setting them is an error.
        Off,
        /// Enabled; the catalogue has one.
        On,
    }
}
switch! {
    /// Writing a channel, message type or list that does not exist.
    UnknownItem {
        /// Stored as it is.
        Stored,
        /// Refused.
        Refused,
    }
}
switch! {
    /// Writing subscriptions for an unknown userId.
    UnknownSubscriber {
        /// Refused: `User does not exist`.
        Refused,
        /// The person is created.
        Created,
    }
}
switch! {
    /// What a message type shows.
    MessageTypeShape {
        /// Every documented field.
        Full,
        /// id, name and channelId alone.
        WithoutPolicy,
    }
}
switch! {
    /// The channels of a fresh project.
    Media {
        /// Email and push.
        Recorded,
        /// Also SMS, in-app and `WhatsApp`.
        Many,
    }
}
switch! {
    /// An endpoint for webhooks that is not https, set through the API.
    PlainEndpoint {
        /// Refused.
        Refused,
        /// Taken where it is loopback.
        Loopback,
    }
}
switch! {
    /// Updating a webhook that does not exist.
    UnknownWebhook {
        /// 400 `BadParams`.
        BadParams,
        /// 404 `NotFound`.
        NotFound,
    }
}
switch! {
    /// How long until deliveries carry a new token.
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
    /// How many events one write makes.
    EventGrouping {
        /// One for all that was joined, one for all that was left.
        PerKind,
        /// One for each item.
        PerItem,
    }
}
switch! {
    /// The shape of an event.
    EventShape {
        /// Every documented field.
        Full,
        /// The userId alone at the top, a null email; only for people who have a userId.
        UserIdOnly,
        /// Identifiers only in `dataFields`.
        OnlyInDataFields,
        /// No `messageTypeIds`.
        WithoutMessageTypeIds,
        /// Profile fields of every type beside the others.
        ExtraFields,
        /// The address in upper case.
        UpperCaseEmail,
        /// Ids as text, and the message's channel as a word.
        NumbersAsText,
        /// `createdAt` in ISO 8601, with milliseconds.
        IsoTime,
        /// `createdAt` null.
        NullTime,
        /// The event's name in lower case.
        OtherCase,
    }
}
switch! {
    /// What befalls deliveries on their way.
    DeliveryFault {
        /// Nothing: each once, in order.
        None,
        /// Each arrives twice.
        Duplicate,
        /// Every first one arrives a minute after the second.
        Reorder,
        /// Each is five minutes late.
        Late,
        /// None arrives.
        Drop,
    }
}
switch! {
    /// What follows a delivery that was not answered with 2xx.
    DeliveryRetry {
        /// Nothing.
        None,
        /// Three more tries, ten seconds apart.
        Thrice,
    }
}
