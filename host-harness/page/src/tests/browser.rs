//! A browser without scripts: it keeps cookies and sends forms.

use axum::{Router, body::Body};
use host_api::{
    page::{ApiClient, ClientAddress},
    testing::ApiBench,
};
use host_service::settings::ConfigFile;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::pages;

pub(super) struct Browser {
    pages: Router,
    pub(super) cookie: Option<String>,
}

/// What the browser received.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) html: String,
}

impl Received {
    /// Where it redirects to.
    pub(super) fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    #[track_caller]
    pub(super) fn assert_shows(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.html.contains(part), "no {part:?} in {}", self.html);
        }
    }

    #[track_caller]
    pub(super) fn assert_hides(&self, parts: &[&str]) {
        for part in parts {
            assert!(!self.html.contains(part), "{part:?} in {}", self.html);
        }
    }
}

impl Browser {
    pub(super) fn of(bench: &ApiBench) -> Self {
        let config = ConfigFile::read(bench.file("connector-host.toml")).unwrap().service.unwrap();
        let api = ApiClient::of(&bench.parts);
        let pages = pages(api.clone(), &bench.parts, &config).unwrap();
        Self { pages: pages.in_front_of(api, &bench.parts), cookie: None }
    }

    /// Returns a browser that has signed in with `key`.
    pub(super) async fn signed_in(bench: &ApiBench, key: &str) -> Self {
        let mut browser = Self::of(bench);
        let signed_in = browser.post("/sign-in", &[("key", key), ("next", "/")]).await;
        assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{signed_in:?}");
        browser
    }

    pub(super) async fn get(&mut self, path: &str) -> Received {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Received {
        self.send(posted(path, form)).await
    }

    /// Sends a request as a browser on the machine of the service does.
    pub(super) async fn send(&mut self, mut request: Request<Body>) -> Received {
        request.extensions_mut().insert(ClientAddress(Some([127, 0, 0, 1].into())));
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert("localhost:7400".parse().unwrap());
        headers.entry("sec-fetch-site").or_insert("same-origin".parse().unwrap());
        if let Some(cookie) = &self.cookie {
            headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        let answer = self.pages.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let html = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        let html = without_exact_numbers(&html);
        if let Some(set) = parts.headers.get(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            self.cookie = (!set.contains("Max-Age=0")).then(|| set.split(';').next().unwrap().to_owned());
        }
        Received { status: parts.status, headers: parts.headers, html }
    }
}

/// Returns the document without the elements around numbers, so that tests read them as users do.
fn without_exact_numbers(html: &str) -> String {
    let mut parts = html.split("<data value=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    let number = |part: &str| part.split_once("\">").unwrap().1.replacen("</data>", "", 1);
    parts.fold(first, |shown, part| shown + &number(part))
}

/// Returns a form as a browser sends it.
pub(super) fn posted(path: &str, form: &[(&str, &str)]) -> Request<Body> {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    request.body(Body::from(body)).unwrap()
}
