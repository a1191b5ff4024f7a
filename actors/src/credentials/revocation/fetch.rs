//! One fetch, over HTTP or from a file. Bounded in time, in octets and in redirections.

use std::{
    fs::File,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use holdfast_config::confinement::{OUTSIDE, RESTART, is_shut_out};
use holdfast_pki::{MAX_INPUT, MAX_LIST, ParseError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, StatusCode, Uri, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// For all of one fetch.
const LIMIT: Duration = Duration::from_secs(8);

/// For a connection to one address.
const CONNECT: Duration = Duration::from_secs(3);

const MOST_REDIRECTIONS: usize = 3;
const MOST_ADDRESSES: usize = 3;

/// Why nothing is learnt from a source.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(
        "the scheme of the URI is not supported, only http is, and file where an operator wrote it"
    )]
    Scheme,
    #[error("it is not a URI with a host")]
    Uri,
    #[error("the name of the host is not known")]
    Host,
    #[error("no connection: {0}")]
    Connect(#[from] std::io::Error),
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer was {0}")]
    Status(StatusCode),
    #[error("too many redirections")]
    Redirections,
    #[error("the answer is too long, or breaks off")]
    Body,
    #[error("no answer in {} s", LIMIT.as_secs())]
    Time,
    #[error("it is not a file")]
    NotFile,
    #[error("the file cannot be read: {0}")]
    File(std::io::Error),
    #[error("{OUTSIDE}; {RESTART}")]
    ShutOut,
    #[error("{0}")]
    Parse(#[from] ParseError),
    #[error("nobody signed it who may, or it is about something else")]
    NotTrusted,
    #[error("the nonce is not that of the request")]
    Nonce,
    #[error("no random numbers")]
    Random,
}

/// Fetches a revocation list. Files are for operators: a certificate cannot have us read ours.
pub(super) async fn list(uri: &str, by_operator: bool) -> Result<Vec<u8>, FetchError> {
    if let Some(path) = uri.strip_prefix("file://") {
        if !by_operator {
            return Err(FetchError::Scheme);
        }
        let path = PathBuf::from(path);
        let read = tokio::task::spawn_blocking(move || file(&path));
        return timeout(LIMIT, read)
            .await
            .map_err(|_| FetchError::Time)?
            .unwrap_or(Err(FetchError::NotFile));
    }
    in_time(uri, None, MAX_LIST).await
}

/// Asks an OCSP responder (RFC 6960 appendix A).
pub(super) async fn response(uri: &str, request: &[u8]) -> Result<Vec<u8>, FetchError> {
    in_time(uri, Some(Bytes::copy_from_slice(request)), MAX_INPUT).await
}

fn file(path: &Path) -> Result<Vec<u8>, FetchError> {
    let failed = |error| {
        if is_shut_out(path, &error) {
            FetchError::ShutOut
        } else {
            FetchError::File(error)
        }
    };
    // Pipes and devices would have us wait.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(FetchError::NotFile);
    }
    let mut octets = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_LIST as u64 + 1).read_to_end(&mut octets))
        .map_err(failed)?;
    Ok(octets)
}

async fn in_time(uri: &str, body: Option<Bytes>, most: usize) -> Result<Vec<u8>, FetchError> {
    let fetched = timeout(LIMIT, http(uri, body, most)).await;
    fetched.map_err(|_| FetchError::Time)?
}

async fn http(uri: &str, body: Option<Bytes>, most: usize) -> Result<Vec<u8>, FetchError> {
    let mut uri: Uri = uri.parse().map_err(|_| FetchError::Uri)?;
    for _ in 0..=MOST_REDIRECTIONS {
        match exchange(&uri, body.clone(), most).await? {
            Reply::Body(octets) => return Ok(octets),
            Reply::Elsewhere(next) => uri = absolute(&uri, &next)?,
        }
    }
    Err(FetchError::Redirections)
}

enum Reply {
    Body(Vec<u8>),
    Elsewhere(String),
}

async fn exchange(uri: &Uri, body: Option<Bytes>, most: usize) -> Result<Reply, FetchError> {
    let authority = uri.authority().ok_or(FetchError::Uri)?;
    if uri.scheme_str() != Some("http") {
        return Err(FetchError::Scheme);
    }
    let stream = connect(authority.host(), authority.port_u16().unwrap_or(80)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let target = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder()
        .uri(target)
        .header(header::HOST, authority.as_str())
        .header(
            header::USER_AGENT,
            concat!("holdfast/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::CONNECTION, "close");
    let request = match body {
        Some(body) => request
            .method("POST")
            .header(header::CONTENT_TYPE, "application/ocsp-request")
            .body(Full::new(body)),
        None => request.body(Full::default()),
    };
    let request = request.map_err(|_| FetchError::Uri)?;
    let reply = Box::pin(async move { read(sender.send_request(request).await?, most).await });
    // The connection has to be driven while the exchange waits; what becomes of it, the exchange
    // learns.
    match futures::future::select(reply, connection).await {
        futures::future::Either::Left((reply, _)) => reply,
        futures::future::Either::Right((_, reply)) => reply.await,
    }
}

async fn read(response: Response<Incoming>, most: usize) -> Result<Reply, FetchError> {
    let status = response.status();
    let location = response.headers().get(header::LOCATION);
    if status.is_redirection()
        && let Some(next) = location.and_then(|location| location.to_str().ok())
    {
        return Ok(Reply::Elsewhere(next.to_owned()));
    }
    if status != StatusCode::OK {
        return Err(FetchError::Status(status));
    }
    let body = Limited::new(response.into_body(), most).collect().await;
    let body = body.map_err(|_| FetchError::Body)?;
    Ok(Reply::Body(body.to_bytes().to_vec()))
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, FetchError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = tokio::net::lookup_host((bare, port)).await;
    let addresses: Vec<SocketAddr> = addresses.map_err(|_| FetchError::Host)?.collect();
    let mut error = FetchError::Host;
    for address in addresses.into_iter().take(MOST_ADDRESSES) {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(refused)) => error = refused.into(),
            Err(_) => error = FetchError::Time,
        }
    }
    Err(error)
}

/// A redirection names a whole URI, or a path at the same host.
fn absolute(uri: &Uri, next: &str) -> Result<Uri, FetchError> {
    let next: Uri = next.parse().map_err(|_| FetchError::Uri)?;
    if next.scheme().is_some() {
        return Ok(next);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = next.into_parts().path_and_query;
    Uri::from_parts(parts).map_err(|_| FetchError::Uri)
}
