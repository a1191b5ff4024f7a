use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use holdfast_pki::{PathPolicy, Validator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::credentials::Authority;

const CA: &[u8] = include_bytes!("../../../../pki/testdata/ca.pem");
const MOON: &[u8] = include_bytes!("../../../../pki/testdata/moon.pem");
const SUN: &[u8] = include_bytes!("../../../../pki/testdata/sun.pem");
const LIST: &[u8] = include_bytes!("../../../../pki/testdata/crl.pem");
const RESPONSE: &[u8] = include_bytes!("../../../../pki/testdata/ocsp-response.der");

/// A web server that gives one answer to everybody.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// `answer` is the head of it and the body.
    async fn new(head: String, body: &'static [u8], pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let head = head.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    tokio::time::sleep(pause).await;
                    let _ = stream.write_all(head.as_bytes()).await;
                    let _ = stream.write_all(body).await;
                });
            }
        });
        Self { address, asked }
    }

    async fn ok(body: &'static [u8]) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::new(head, body, Duration::ZERO).await
    }

    fn uri(&self) -> String {
        format!("http://{}/x?y", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn certificate(pem: &[u8]) -> Arc<Certificate> {
    Arc::new(Certificate::parse(pem).expect("a certificate"))
}

fn path(end_entity: &[u8]) -> ValidPath {
    let (anchors, policy) = ([certificate(CA)], PathPolicy::default());
    let validator = Validator {
        anchors: &anchors,
        intermediates: &[],
        pinned: &[],
        policy: &policy,
    };
    validator
        .validate(&certificate(end_entity), &[], now())
        .expect("a path")
}

/// A store with an authority that is asked at these places.
fn store(crl_uris: &[String], ocsp_uris: &[String]) -> Store {
    let mut store = Store::default();
    let authority = Authority {
        certificate: certificate(CA),
        crl_uris: crl_uris.to_vec(),
        ocsp_uris: ocsp_uris.to_vec(),
        cert_uri_base: None,
    };
    store.add_authority("lab", authority).expect("room");
    store
}

/// What is found about an end entity, as text.
async fn judge(
    revocations: &Revocations,
    store: &Store,
    end_entity: &[u8],
    from_peer: FromPeer,
    required: Requirement,
) -> Result<(), String> {
    let path = path(end_entity);
    let judged = revocations.judge(store, &path, from_peer, required).await;
    judged.map_err(|distrusted| distrusted.to_string())
}

async fn strict(revocations: &Revocations, store: &Store, end_entity: &[u8]) -> Result<(), String> {
    judge(
        revocations,
        store,
        end_entity,
        FromPeer::default(),
        Requirement::Strict,
    )
    .await
}

/// sun's certificate has no URIs: only the authority's are asked.
#[tokio::test]
async fn a_list_is_fetched_once() {
    let server = Server::ok(LIST).await;
    let store = store(&[server.uri()], &[]);
    let revocations = Revocations::default();
    let revoked = strict(&revocations, &store, SUN)
        .await
        .expect_err("revoked");
    assert!(
        revoked.contains("CN=sun.example\" was revoked"),
        "{revoked}"
    );
    strict(&revocations, &store, MOON).await.expect("good");
    assert_eq!(server.asked(), 1);
    assert!(matches!(&revocations.cached()[..], [Fetched::List(_)]));
    revocations.flush(false, true);
    assert_eq!(revocations.cached().len(), 1);
    revocations.flush(true, true);
    assert!(revocations.cached().is_empty());
    strict(&revocations, &store, SUN)
        .await
        .expect_err("revoked");
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_responder_is_asked_once_for_each_certificate() {
    let server = Server::ok(RESPONSE).await;
    let store = store(&[], &[server.uri()]);
    let revocations = Revocations::default();
    for _ in 0..2 {
        strict(&revocations, &store, SUN)
            .await
            .expect_err("revoked");
        strict(&revocations, &store, MOON).await.expect("good");
    }
    assert_eq!(server.asked(), 2);
    assert!(matches!(
        &revocations.cached()[..],
        [Fetched::Response(_), Fetched::Response(_)]
    ));
}

#[tokio::test]
async fn many_who_wait_make_one_fetch() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LIST.len());
    let server = Server::new(head, LIST, Duration::from_millis(300)).await;
    let store = store(&[server.uri()], &[]);
    let revocations = Revocations::default();
    let all = (0..20).map(|_| strict(&revocations, &store, SUN));
    let judged = futures::future::join_all(all).await;
    assert!(judged.iter().all(Result::is_err), "{judged:?}");
    assert_eq!(server.asked(), 1);
}

/// What goes wrong, and that it is not tried again at once. Relaxed does not mind.
#[tokio::test]
async fn failures_are_remembered() {
    let list = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let loops = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n".to_owned();
    for (what, head, body, requests) in [
        (
            "missing",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &b""[..],
            1,
        ),
        ("no list", list(MOON.len()), MOON, 1),
        ("too long", list(1 << 30), LIST, 1),
        ("breaks off", list(LIST.len() + 1), LIST, 1),
        ("redirections", loops, b"", 4),
        ("another protocol", "220 smtp\r\n".to_owned(), b"", 1),
    ] {
        let server = Server::new(head, body, Duration::ZERO).await;
        let store = store(&[server.uri()], &[]);
        let revocations = Revocations::default();
        for _ in 0..3 {
            let unknown = strict(&revocations, &store, SUN).await.expect_err(what);
            assert!(
                unknown.contains("nobody who could tell was reached"),
                "{what}: {unknown}"
            );
        }
        assert_eq!(server.asked(), requests, "{what}");
        let none = FromPeer::default;
        judge(&revocations, &store, SUN, none(), Requirement::Relaxed)
            .await
            .expect(what);
        judge(&revocations, &store, SUN, none(), Requirement::IfUri)
            .await
            .expect_err(what);
    }
}

#[tokio::test]
async fn redirections_are_followed() {
    let server = Server::ok(LIST).await;
    let head = format!(
        "HTTP/1.1 301 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        server.uri()
    );
    let first = Server::new(head, b"", Duration::ZERO).await;
    let store = store(&[first.uri()], &[]);
    let revoked = strict(&Revocations::default(), &store, SUN)
        .await
        .expect_err("revoked");
    assert!(revoked.contains("was revoked"), "{revoked}");
}

/// A server that never answers: whoever waits gives up, and those after it do not wait again.
#[tokio::test]
async fn patience_ends() {
    let server = Server::new(String::new(), b"", Duration::from_secs(600)).await;
    let store = store(&[server.uri()], &[]);
    let revocations = Revocations::default();
    let begin = Instant::now();
    strict(&revocations, &store, SUN)
        .await
        .expect_err("no answer");
    assert!(
        begin.elapsed() < PATIENCE + Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    let begin = Instant::now();
    strict(&revocations, &store, SUN)
        .await
        .expect_err("no answer");
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn files_are_for_operators() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.pem");
    std::fs::write(&file, LIST).expect("written");
    let uri = |path: &std::path::Path| format!("file://{}", path.display());
    let by_operator = store(&[uri(&file)], &[]);
    let revoked = strict(&Revocations::default(), &by_operator, SUN)
        .await
        .expect_err("revoked");
    assert!(revoked.contains("was revoked"), "{revoked}");
    strict(
        &Revocations::default(),
        &store(&[uri(folder.path())], &[]),
        SUN,
    )
    .await
    .expect_err("a folder");
    let by_certificate = fetch::list(&uri(&file), false).await;
    assert!(matches!(by_certificate, Err(fetch::FetchError::Scheme)));
    let https = fetch::list("https://ca.example/x", true).await;
    assert!(matches!(https, Err(fetch::FetchError::Scheme)));
}

#[tokio::test]
async fn what_was_loaded_or_sent_is_not_fetched() {
    let list = Arc::new(RevocationList::parse(LIST).expect("a list"));
    let response = Arc::new(OcspResponse::parse(RESPONSE).expect("a response"));
    let server = Server::ok(LIST).await;
    let revocations = Revocations::default();
    let mut loaded = store(&[server.uri()], &[]);
    loaded
        .add_revocation_list(RevocationList::clone(&list))
        .expect("room");
    strict(&revocations, &loaded, SUN)
        .await
        .expect_err("revoked");
    strict(&revocations, &loaded, MOON).await.expect("good");
    let fresh = store(&[server.uri()], &[]);
    for from_peer in [
        FromPeer {
            lists: vec![list],
            ..FromPeer::default()
        },
        FromPeer {
            responses: vec![response],
            ..FromPeer::default()
        },
    ] {
        let judged = |end_entity| {
            judge(
                &revocations,
                &fresh,
                end_entity,
                from_peer.clone(),
                Requirement::Strict,
            )
        };
        judged(SUN).await.expect_err("revoked");
        judged(MOON).await.expect("good");
    }
    assert_eq!(server.asked(), 0);
}
