use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::exit::Exit;
use host_api::types::plugins::Plugins;

/// A client of a server that answers once, with `body`, and the server's address.
async fn client_of(body: Vec<u8>) -> (Client, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _asked = stream.read(&mut [0; 4_096]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await.unwrap();
        // The client may have gone before the end.
        let _cut = stream.write_all(&body).await;
    });
    let base = base_url(&format!("http://{address}/")).unwrap();
    (Client::new(base, &Secret::new("k-0123456789").unwrap()).unwrap(), address)
}

/// The result of calling a server that answers with a body of `length` bytes.
async fn asked(length: usize) -> Result<String, String> {
    let (client, address) = client_of(vec![b'x'; length]).await;
    let text = client.text(ApiCall::get(&["plugins"])).await;
    text.map_err(|failure| failure.people().replace(&address.to_string(), "ADDRESS"))
}

#[tokio::test]
async fn a_document_is_printed_as_it_came_also_with_members_that_are_not_known() {
    let document = json!({"plugins": [], "later": {"a": 1}});
    let (client, _) = client_of(document.to_string().into_bytes()).await;
    let ApiResponse { value, json } = client.ask::<Plugins>(ApiCall::get(&["plugins"])).await.ok().unwrap();
    assert_eq!((value.plugins.len(), json), (0, document));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_may_stand_for_something_done() {
    let (client, address) = client_of(br#"{"plugins": "ada@example.com"}"#.to_vec()).await;
    let failure = client.ask::<Plugins>(ApiCall::get(&["plugins"])).await.err().unwrap();
    assert_eq!(failure.exit(), Exit::Refused);
    assert_eq!(
        failure.people().replace(&address.to_string(), "ADDRESS"),
        "error: cannot read the answer of http://ADDRESS/: plugins: invalid type: string, expected a list; the \
         call may have been carried out\nnext: use the connector-host of the service's version"
    );
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_up_to_a_bound() {
    assert_eq!(asked(MAX_ANSWER).await.map(|text| text.len()), Ok(MAX_ANSWER));
    assert_eq!(
        asked(MAX_ANSWER + 1).await.unwrap_err(),
        "error: the answer of http://ADDRESS/ has more than 67108864 bytes and was not read to its end; the \
         call may have been carried out\nnext: ask for less with --limit, or check the --server address"
    );
}

#[test]
fn plain_http_goes_to_this_machine_alone() {
    for url in ["http://127.0.0.1:8080", "http://[::1]:1", "http://localhost:1/x/", "https://c.example.com"] {
        assert!(base_url(url).is_ok(), "{url}");
    }
    for url in ["http://c.example.com", "http://10.0.0.1", "http://localhost.example.com", "http://0.0.0.0"] {
        assert!(
            base_url(url).unwrap_err().starts_with("plain HTTP is allowed only to this machine"),
            "{url}"
        );
    }
    for url in ["", "127.0.0.1:8080", "localhost:8080", "ftp://127.0.0.1", "unix:/run/x"] {
        assert!(base_url(url).unwrap_err().starts_with("expected an address"), "{url}");
    }
    for url in ["https://u:p-123@c.example.com", "https://c.example.com/?key=k-123"] {
        let wrong = base_url(url).unwrap_err();
        assert!(wrong.starts_with("no user") && !wrong.contains("123"), "{url}");
    }
}
