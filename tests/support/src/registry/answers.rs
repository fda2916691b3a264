//! The stand-in's answers.

use std::{
    future::pending,
    pin::Pin,
    sync::atomic::Ordering::SeqCst,
    task::{Context, Poll},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Response, request::Parts};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::{Value, json};

use super::{INDEX, Instead, REPOSITORY, Referrers, RegistryStandIn, Requires, State, digest};

/// A body of one piece, whose length need not be known and which need not end.
pub(super) struct Content {
    piece: Option<Bytes>,
    length: Option<u64>,
    ends: bool,
}

impl Content {
    fn whole(piece: Bytes) -> Self {
        Self {
            length: Some(piece.len() as u64),
            piece: Some(piece).filter(|piece| !piece.is_empty()),
            ends: true,
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.piece.take() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

type Answered = Response<Content>;

fn answer(status: u16, headers: &[(&'static str, String)], body: impl Into<Bytes>) -> Answered {
    let mut answer = Response::new(Content::whole(body.into()));
    *answer.status_mut() = status.try_into().unwrap();
    for (name, value) in headers {
        answer.headers_mut().append(*name, value.parse().unwrap());
    }
    answer
}

fn error(status: u16, code: &str) -> Answered {
    answer(status, &[], json!({"errors": [{"code": code}]}).to_string())
}

impl State {
    pub(super) async fn answer(&self, head: &Parts, authorization: Option<&str>, content: Bytes) -> Answered {
        let target = head.uri.to_string();
        let instead = self
            .switches
            .lock()
            .instead
            .iter()
            .find(|(end, _)| target.ends_with(*end))
            .map(|(_, it)| it.clone());
        match instead {
            Some(Instead::Answer(status, headers, body)) => return answer(status, &headers, body),
            Some(Instead::Unmeasured(body)) => {
                return Response::new(Content { piece: Some(body), length: None, ends: true });
            }
            Some(Instead::Half(body)) => {
                let length = Some(body.len() as u64 * 2);
                return Response::new(Content { piece: Some(body), length, ends: false });
            }
            Some(Instead::Silence) => pending().await,
            None => {}
        }
        if head.uri.path() == "/token" {
            return self.issued(authorization);
        }
        if let Some(digest) = head.uri.path().strip_prefix("/stored/") {
            return self.blob(digest);
        }
        if let Some(refused) = self.refused(authorization) {
            return refused;
        }
        let path = head.uri.path().strip_prefix(&format!("/v2/{REPOSITORY}/")).unwrap_or_default();
        let parts: Vec<_> = path.split('/').collect();
        match (head.method.as_str(), parts.as_slice()) {
            ("POST" | "PUT", _) if self.switches.lock().is_read_only => error(403, "DENIED"),
            ("GET", ["manifests", name]) => self.manifest(name),
            ("PUT", ["manifests", name]) => self.put_manifest(name, &head.headers, content),
            ("GET" | "HEAD", ["blobs", digest]) => {
                let place = self.switches.lock().blobs_at.clone();
                match place {
                    Some(place) => {
                        answer(307, &[("location", format!("{place}{digest}?signature=s3cret"))], "")
                    }
                    None => self.blob(digest),
                }
            }
            ("POST", ["blobs", "uploads", ""]) => {
                let own = format!("/v2/{REPOSITORY}/blobs/uploads/1?state=abc");
                let place = self.switches.lock().uploads_at.clone().unwrap_or(own);
                answer(202, &[("location", place)], "")
            }
            ("PUT", ["blobs", "uploads", "1"]) => {
                self.put_blob(head.uri.query().unwrap_or_default(), content)
            }
            ("GET", ["referrers", subject]) => self.referrers(subject, head.uri.query()),
            _ => error(404, "UNKNOWN"),
        }
    }

    /// The token service's answer.
    fn issued(&self, authorization: Option<&str>) -> Answered {
        if authorization.is_some_and(|given| given != basic()) {
            return answer(401, &[], "");
        }
        answer(200, &[], json!({"token": format!("t-{}", self.token.load(SeqCst))}).to_string())
    }

    fn refused(&self, authorization: Option<&str>) -> Option<Answered> {
        let (expected, challenge) = match &self.switches.lock().requires {
            Requires::Nothing => return None,
            Requires::Basic => (basic(), "Basic realm=\"registry\"".to_owned()),
            Requires::Token { realm } => {
                let scope = "repository:another:pull,push,delete";
                let bearer = format!("Bearer realm=\"{realm}\",service=\"the registry\",scope=\"{scope}\"");
                (format!("Bearer t-{}", self.token.load(SeqCst)), bearer)
            }
        };
        let body = json!({"errors": [{"code": "UNAUTHORIZED"}]}).to_string();
        (authorization != Some(&expected)).then(|| answer(401, &[("www-authenticate", challenge)], body))
    }

    fn manifest(&self, name: &str) -> Answered {
        match self.manifests.lock().get(name) {
            Some((kind, content)) => {
                let digest = digest(content);
                let headers = [("content-type", kind.clone()), ("docker-content-digest", digest)];
                answer(200, &headers, content.clone())
            }
            None => error(404, "MANIFEST_UNKNOWN"),
        }
    }

    fn put_manifest(&self, name: &str, headers: &HeaderMap, content: Bytes) -> Answered {
        let digest = digest(&content);
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        let read: Value = serde_json::from_slice(&content).unwrap();
        // A registry takes nothing that refers to what it does not have.
        for named in read["layers"].as_array().into_iter().flatten().chain(read.get("config")) {
            if !self.blobs.lock().contains_key(named["digest"].as_str().unwrap()) {
                return error(400, "MANIFEST_BLOB_UNKNOWN");
            }
        }
        let mut manifests = self.manifests.lock();
        manifests.insert(digest.clone(), (kind.clone(), content.clone()));
        manifests.insert(name.to_owned(), (kind, content));
        let mut sent = vec![("docker-content-digest", digest)];
        let lists = !matches!(self.switches.lock().referrers, Referrers::Unknown);
        if let Some(subject) = read["subject"]["digest"].as_str().filter(|_| lists) {
            sent.push(("oci-subject", subject.to_owned()));
        }
        answer(201, &sent, "")
    }

    fn blob(&self, digest: &str) -> Answered {
        match self.blobs.lock().get(digest) {
            Some(content) => answer(200, &[], content.clone()),
            None => error(404, "BLOB_UNKNOWN"),
        }
    }

    fn put_blob(&self, query: &str, content: Bytes) -> Answered {
        let digest = digest(&content);
        if query != format!("state=abc&digest={}", digest.replace(':', "%3A")) {
            return error(400, "DIGEST_INVALID");
        }
        self.blobs.lock().insert(digest, content);
        answer(201, &[], "")
    }

    fn referrers(&self, subject: &str, query: Option<&str>) -> Answered {
        let entry = |(name, (kind, content)): (&String, &(String, Bytes))| {
            let read: Value = serde_json::from_slice(content).unwrap();
            let refers = read["subject"]["digest"] == subject && name.starts_with("sha256:");
            // As some registries do, the type is that of the configuration.
            let of_config = read["config"]["mediaType"].clone();
            let size = content.len();
            refers
                .then(|| json!({"mediaType": kind, "digest": name, "size": size, "artifactType": of_config}))
        };
        let mut entries: Vec<Value> = self.manifests.lock().iter().filter_map(entry).collect();
        let mut headers = vec![("content-type", INDEX.to_owned())];
        match self.switches.lock().referrers {
            Referrers::Listed => {}
            Referrers::Unknown => return answer(404, &[], "404 page not found\n"),
            Referrers::Paged => {
                let page: usize =
                    query.map(|query| query["page=".len()..].parse().unwrap()).unwrap_or_default();
                if page + 1 < entries.len() {
                    headers.push((
                        "link",
                        format!("</v2/{REPOSITORY}/referrers/{subject}?page={}>; rel=\"next\"", page + 1),
                    ));
                }
                entries = entries.into_iter().skip(page).take(1).collect();
            }
        }
        answer(
            200,
            &headers,
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string(),
        )
    }
}

fn basic() -> String {
    let (user, password) = RegistryStandIn::LOGIN;
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
