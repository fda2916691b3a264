//! Measures the lists of the operator's page on a large database: the time to the first byte, and the size.

use std::{path::Path, time::Duration};

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpStream,
    time::Instant,
};

use super::ServiceProcess;

/// The number of requests that the lists are chosen from.
const REQUESTS: i64 = 100_000;
/// Every how many of them one waits, and one has failed.
const SHARE: i64 = 5;
/// How often each screen is opened.
const OPENED: usize = 50;
/// A list feels immediate up to here.
const MAX_FIRST_BYTE: Duration = Duration::from_millis(50);
/// Maximum size of a page with everything that it loads, in bytes.
const MAX_WEIGHT: usize = 100_000;

const SCREENS: [&str; 14] = [
    "/",
    "/requests",
    "/requests?state=waiting",
    "/requests?state=failed",
    "/requests?connection=c7",
    "/requests?late=true",
    "/connections",
    "/connections?health=ready",
    "/alarms",
    "/plugins",
    "/audit",
    "/keys",
    "/bulk-acts",
    "/person",
];
/// What every screen loads. The browser asks for it again with each one, since nothing is stored.
const PARTS: [&str; 4] = ["/page/style.css", "/page/page.js", "/page/htmx.min.js", "/page/icon.svg"];

/// Fills the database of `service`, and prints a table.
pub(super) async fn measure(service: ServiceProcess) {
    let service = service.filled_by(fill).await;
    let cookie = sign_in(&service).await;
    let mut parts = 0;
    for part in PARTS {
        parts += get(&service, part, &cookie).await.size;
    }
    println!(
        "\n| screen, of {REQUESTS} requests and {} connections | first byte, p50 | p99 | with everything |",
        service.connections
    );
    println!("|---|---:|---:|---:|");
    for screen in SCREENS {
        let mut first_bytes = Vec::new();
        let mut weight = 0;
        for _ in 0..OPENED {
            let opened = get(&service, screen, &cookie).await;
            assert_eq!(opened.status, 200, "{screen}");
            first_bytes.push(opened.first_byte);
            weight = opened.size + parts;
        }
        first_bytes.sort_unstable();
        let at = |percent: usize| first_bytes[(OPENED - 1) * percent / 100];
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        println!(
            "| {screen} | {:.1} ms | {:.1} ms | {:.1} KB |",
            ms(at(50)),
            ms(at(99)),
            weight as f64 / 1_000.0
        );
        assert!(at(50) < MAX_FIRST_BYTE, "{screen}: the first byte takes {:?}", at(50));
        assert!(weight < MAX_WEIGHT, "{screen} weighs {weight} bytes");
    }
}

/// Repeats the requests that are there until there are enough: most are done, some wait for long, some have failed.
async fn fill(database: &Path) {
    let options = SqliteConnectOptions::new().filename(database);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let columns =
        "SELECT name FROM pragma_table_info('requests') WHERE name NOT IN ('seq', 'id', 'idempotency_key')";
    let columns: Vec<String> = sqlx::query_scalar(columns).fetch_all(&mut database).await.unwrap();
    let columns = columns.join(", ");
    let repeat = format!(
        "INSERT INTO requests (id, {columns}) SELECT r.id || '-' || n, {columns} FROM requests r, \
         (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < \
         {REQUESTS} / (SELECT COUNT(*) FROM requests) + 1) SELECT n FROM numbers) LIMIT {REQUESTS}"
    );
    let later = "4102444800000";
    for sql in [
        repeat,
        format!("UPDATE requests SET state = 'open', finished_at = NULL WHERE seq % {SHARE} = 1"),
        format!(
            "INSERT INTO open_requests (seq, tenant, connection, person, action, received_at, state, step, next_at, generation) \
             SELECT seq, tenant, connection, person, action, received_at, 'waiting', step, {later}, generation FROM requests \
             WHERE state = 'open'"
        ),
        format!(
            "UPDATE requests SET state = 'failed', reason = 'the vendor refused it' WHERE seq % {SHARE} = 2"
        ),
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
    }
    database.close().await.unwrap();
}

/// Signs in with the service's API key. Returns the header with the session.
async fn sign_in(service: &ServiceProcess) -> String {
    let form = format!("key={}&next=/", service.key);
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nhost: {}\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        service.address,
        form.len()
    );
    let answer = exchange(service, &head).await;
    assert_eq!(answer.status, 303);
    let cookie = answer.cookie.unwrap();
    format!("cookie: {}\r\n", cookie.split(';').next().unwrap())
}

async fn get(service: &ServiceProcess, path: &str, cookie: &str) -> Opened {
    exchange(service, &format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{cookie}\r\n", service.address)).await
}

/// An answer, on a connection of its own.
struct Opened {
    status: u16,
    first_byte: Duration,
    cookie: Option<String>,
    /// Of the body, in bytes.
    size: usize,
}

async fn exchange(service: &ServiceProcess, request: &str) -> Opened {
    let stream = TcpStream::connect(&service.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = BufStream::new(stream);
    let began = Instant::now();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let first_byte = began.elapsed();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let (mut cookie, mut size) = (None, 0);
    while line.trim_end() != "" {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        match line.trim_end().split_once(": ") {
            Some(("set-cookie", value)) => cookie = Some(value.to_owned()),
            Some(("content-length", value)) => size = value.parse().unwrap(),
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; size]).await.unwrap();
    Opened { status, first_byte, cookie, size }
}
