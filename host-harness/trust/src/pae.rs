//! What a DSSE signature is over.

/// Returns the pre-authentication encoding of a payload and its type: both with their lengths, so that neither can be
/// read as part of the other. Source: the DSSE protocol v1.0.0,
/// <https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md>.
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_encoded_as_there() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn lengths_are_those_in_bytes() {
        assert_eq!(pre_authentication_encoding("é", "é!".as_bytes()), "DSSEv1 2 é 3 é!".as_bytes());
        assert_eq!(pre_authentication_encoding("", b""), b"DSSEv1 0  0 ");
    }
}
