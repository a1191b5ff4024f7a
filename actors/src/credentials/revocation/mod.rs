//! Asks about what is known of revoked certificates, and whom to ask.
//!
//! Fetching is done beside whoever asks: one task for each source, however many wait for it, and it
//! goes on and fills the cache when the last of them has run out of patience. What is asked is signed,
//! so it is fetched over plain HTTP; over HTTPS one would have to ask about that certificate first.

mod cache;
mod fetch;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use holdfast_pki::{
    Certificate, Evidence, OcspResponse, Requirement, RevocationList, Status, ValidPath,
};

use super::Store;
use cache::{Cache, Source};

pub(crate) use cache::Fetched;

/// How long an IKE_AUTH waits for all answers together. Requests of IKE_AUTH are sent again for
/// minutes, but whoever waits is half-open.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sources of each kind that are asked about one certificate.
const MOST_SOURCES: usize = 4;

/// Lists, and responses, of a peer that are looked at.
const MOST_FROM_PEER: usize = 16;

/// What a peer brought along about its own certificates.
#[derive(Clone, Debug, Default)]
pub(crate) struct FromPeer {
    /// From CERT payloads of the encoding 7 (RFC 7296 section 3.6).
    pub(crate) lists: Vec<Arc<RevocationList>>,
    /// From CERT payloads of the encoding 14 (RFC 4806).
    pub(crate) responses: Vec<Arc<OcspResponse>>,
}

/// Why a path must not be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate \"{subject}\" {why}")]
pub(crate) struct Distrusted {
    subject: String,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Why(Status);

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Status::Revoked(Some(reason)) => write!(f, "was revoked: {reason}"),
            Status::Revoked(None) => f.write_str("was revoked"),
            Status::Stale => f.write_str("may have been revoked: what is known is out of date"),
            Status::Good | Status::Unknown => {
                f.write_str("may have been revoked: nobody who could tell was reached")
            }
        }
    }
}

/// The cache, and those who fill it.
#[derive(Default)]
pub(crate) struct Revocations {
    cache: Arc<Cache>,
}

impl Revocations {
    /// Whether no certificate of a valid path is known to be revoked, as far as is required. Takes
    /// [`PATIENCE`] at most.
    pub(crate) async fn judge(
        &self,
        store: &Store,
        path: &ValidPath,
        from_peer: FromPeer,
        required: Requirement,
    ) -> Result<(), Distrusted> {
        let mut evidence = Evidence {
            lists: store.revocation_lists().map(Arc::clone).collect(),
            responses: from_peer
                .responses
                .into_iter()
                .take(MOST_FROM_PEER)
                .collect(),
            responders: store.ocsp_signers().map(Arc::clone).collect(),
            ..Evidence::default()
        };
        evidence
            .lists
            .extend(from_peer.lists.into_iter().take(MOST_FROM_PEER));
        let evidence = Arc::new(evidence);
        let links = path.links().map(|(certificate, issuer)| {
            let link = Link::new(store, certificate, issuer);
            self.check(link, Arc::clone(&evidence), required)
        });
        futures::future::try_join_all(links).await.map(drop)
    }

    async fn check(
        &self,
        link: Link,
        evidence: Arc<Evidence>,
        required: Requirement,
    ) -> Result<(), Distrusted> {
        let has_source = !link.sources.is_empty();
        let subject = Arc::clone(&link.certificate);
        let mut best = link.status(Arc::clone(&evidence)).await;
        if undecided(best) {
            let asking = self.ask(&link, &evidence, &mut best);
            if tokio::time::timeout(PATIENCE, asking).await.is_err() {
                tracing::warn!(subject = %subject.subject(), "nobody answered in time about revocation");
            }
        }
        if required.is_met(best, has_source) {
            tracing::debug!(subject = %subject.subject(), status = ?best, "asked about revocation");
            return Ok(());
        }
        let subject = subject.subject().to_string();
        Err(Distrusted {
            subject,
            why: Why(best),
        })
    }

    /// Asks one source after another until one knows.
    async fn ask(&self, link: &Link, evidence: &Arc<Evidence>, best: &mut Status) {
        for source in &link.sources {
            let Some(found) = self.cache.get(source, link, evidence).await else {
                continue;
            };
            let mut more = Evidence {
                lists: Vec::new(),
                responses: Vec::new(),
                ..Evidence::clone(evidence)
            };
            match found {
                Fetched::List(list) => more.lists.push(list),
                Fetched::Response(response) => more.responses.push(response),
            }
            match link.status(Arc::new(more)).await {
                Status::Unknown => {}
                status => *best = status,
            }
            if !undecided(*best) {
                return;
            }
        }
    }

    /// What is in the cache.
    pub(crate) fn cached(&self) -> Vec<Fetched> {
        self.cache.all()
    }

    /// Forgets what is in the cache, of one kind or of all.
    pub(crate) fn flush(&self, lists: bool, responses: bool) {
        self.cache.flush(lists, responses);
    }
}

fn undecided(status: Status) -> bool {
    matches!(status, Status::Unknown | Status::Stale)
}

/// A certificate, its issuer, and whom to ask about it.
#[derive(Clone)]
struct Link {
    certificate: Arc<Certificate>,
    issuer: Arc<Certificate>,
    sources: Vec<Source>,
}

impl Link {
    /// OCSP first, because it answers about this one certificate; and where the operator says before
    /// where the certificate says.
    fn new(store: &Store, certificate: &Arc<Certificate>, issuer: &Arc<Certificate>) -> Self {
        let own = store
            .authorities()
            .map(|(_, authority)| authority)
            .filter(|authority| {
                authority.certificate.subject().is_same(issuer.subject())
                    && authority.certificate.public_key() == issuer.public_key()
            });
        let (mut responders, mut lists) = (Vec::new(), Vec::new());
        for authority in own {
            let about = |uri: &String| Source::responder(uri, certificate, issuer);
            responders.extend(authority.ocsp_uris.iter().map(about));
            lists.extend(authority.crl_uris.iter().map(|uri| Source::list(uri, true)));
        }
        let about = |uri: &String| Source::responder(uri, certificate, issuer);
        responders.extend(certificate.ocsp_uris().iter().map(about));
        lists.extend(
            certificate
                .crl_uris()
                .iter()
                .map(|uri| Source::list(uri, false)),
        );
        responders.truncate(MOST_SOURCES);
        lists.truncate(MOST_SOURCES);
        responders.append(&mut lists);
        Self {
            certificate: Arc::clone(certificate),
            issuer: Arc::clone(issuer),
            sources: responders,
        }
    }

    /// Signatures over long lists take their time.
    async fn status(&self, evidence: Arc<Evidence>) -> Status {
        let (certificate, issuer) = (Arc::clone(&self.certificate), Arc::clone(&self.issuer));
        let job = move || evidence.status(&certificate, &issuer, now());
        tokio::task::spawn_blocking(job)
            .await
            .unwrap_or(Status::Unknown)
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

#[cfg(test)]
mod tests;
