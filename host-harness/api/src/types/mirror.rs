//! Enums of the API that mirror the host's own, variant by variant.

/// Declares an enum of the API and its conversion from the host's enum, which has the same variants. A missing or
/// additional variant does not compile.
macro_rules! mirror {
    (
        $(#[$meta:meta])*
        pub enum $name:ident mirrors $host:ty {
            $($(#[$variant_meta:meta])* $variant:ident,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl From<$host> for $name {
            fn from(host: $host) -> Self {
                type Host = $host;
                match host {
                    $(Host::$variant => Self::$variant,)+
                }
            }
        }

        impl From<$name> for $host {
            fn from(api: $name) -> Self {
                type Host = $host;
                match api {
                    $($name::$variant => Host::$variant,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            /// The word as the API writes it.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                serde::Serialize::serialize(self, f)
            }
        }
    };
}

pub(super) use mirror;
