//! What was fetched, until it is out of date; and what could not be, until it is worth another try.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use holdfast_pki::{
    Certificate, Evidence, KeyId, OcspRequest, OcspResponse, RevocationList, revocation::MOST_AGE,
};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::{Semaphore, watch};

use super::{
    Link,
    fetch::{FetchError, list, response},
    now,
};

/// Sources that are remembered.
const MOST_SOURCES: usize = 1024;

/// Octets of what is remembered.
const MOST_OCTETS: usize = 64 * 1024 * 1024;

/// How long a source that failed is left alone: twice as long each time.
const FIRST_RETRY: Duration = Duration::from_secs(30);
const LAST_RETRY: Duration = Duration::from_secs(900);

/// Where something is fetched from, and what tells it from other things there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    List {
        uri: String,
        by_operator: bool,
    },
    /// About the certificate with this serial number, of the issuer with this key.
    Responder {
        uri: String,
        serial: Box<[u8]>,
        issuer: KeyId,
    },
}

/// What is fetched.
#[derive(Clone, Debug)]
pub(crate) enum Fetched {
    /// A revocation list.
    List(Arc<RevocationList>),
    /// An OCSP response.
    Response(Arc<OcspResponse>),
}

pub(super) struct Cache {
    slots: Mutex<HashMap<Source, Slot>>,
    /// Fetches that may be under way, and readings of what they brought: each takes memory, that of a
    /// long list several times its length.
    fetches: Semaphore,
    readings: Semaphore,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
            fetches: Semaphore::new(16),
            readings: Semaphore::new(2),
        }
    }
}

#[derive(Default)]
struct Slot {
    found: Option<Fetched>,
    /// When it is out of date, in seconds since 1970.
    until: i64,
    /// Closes when the fetch that is under way ends.
    under_way: Option<watch::Receiver<()>>,
    failures: u32,
    retry_at: Option<Instant>,
}

impl Source {
    pub(super) fn list(uri: &str, by_operator: bool) -> Self {
        let uri = uri.to_owned();
        Self::List { uri, by_operator }
    }

    pub(super) fn responder(uri: &str, certificate: &Certificate, issuer: &Certificate) -> Self {
        Self::Responder {
            uri: uri.to_owned(),
            serial: certificate.serial().into(),
            issuer: issuer.public_key().id(),
        }
    }

    fn uri(&self) -> &str {
        match self {
            Self::List { uri, .. } | Self::Responder { uri, .. } => uri,
        }
    }
}

impl Fetched {
    fn octets(&self) -> usize {
        match self {
            Self::List(list) => list.der().len(),
            Self::Response(response) => response.der().len(),
        }
    }

    /// When it is out of date.
    fn until(&self) -> i64 {
        match self {
            Self::List(list) => list.next_update().unwrap_or_default(),
            Self::Response(response) => {
                let newer_soon = response.produced_at() + MOST_AGE;
                response.next_update().unwrap_or(newer_soon)
            }
        }
    }
}

impl Cache {
    /// What the source says, fetched if need be. `None` if it cannot be had now.
    pub(super) async fn get(
        self: &Arc<Self>,
        source: &Source,
        link: &Link,
        evidence: &Arc<Evidence>,
    ) -> Option<Fetched> {
        let mut under_way = match self.look(source) {
            Look::Found(kind) => return Some(kind),
            Look::Failed => return None,
            Look::Wait(under_way) => under_way,
            Look::Fetch(done, under_way) => {
                let (cache, source) = (Arc::clone(self), source.clone());
                let (link, evidence) = (link.clone(), Arc::clone(evidence));
                tokio::spawn(async move {
                    let found = cache.fetch(&source, link, evidence).await;
                    cache.put(source, found);
                    drop(done);
                });
                under_way
            }
        };
        // Nothing is ever sent: this ends when the other end is dropped, even by a panic.
        let _ = under_way.changed().await;
        match self.slots().get(source) {
            Some(slot) if slot.retry_at.is_none() => slot.found.clone(),
            _ => None,
        }
    }

    fn look(&self, source: &Source) -> Look {
        let mut slots = self.slots();
        if !slots.contains_key(source) {
            make_room(&mut slots);
        }
        let slot = slots.entry(source.clone()).or_default();
        if let Some(kind) = &slot.found
            && now() <= slot.until
        {
            return Look::Found(kind.clone());
        }
        if let Some(under_way) = &slot.under_way
            && under_way.has_changed().is_ok()
        {
            return Look::Wait(under_way.clone());
        }
        if slot.retry_at.is_some_and(|at| Instant::now() < at) {
            return Look::Failed;
        }
        let (done, under_way) = watch::channel(());
        slot.under_way = Some(under_way.clone());
        Look::Fetch(done, under_way)
    }

    fn put(&self, source: Source, found: Result<Fetched, FetchError>) {
        let mut slots = self.slots();
        let slot = slots.entry(source).or_default();
        slot.under_way = None;
        if let Ok(found) = found {
            // Out of date as it comes: good for those who wait, and asked for again later.
            let retry = now().saturating_add_unsigned(FIRST_RETRY.as_secs());
            slot.until = found.until().max(retry);
            slot.found = Some(found);
            slot.failures = 0;
            slot.retry_at = None;
        } else {
            let wait = FIRST_RETRY.saturating_mul(1 << slot.failures.min(8));
            slot.failures += 1;
            slot.retry_at = Some(Instant::now() + wait.min(LAST_RETRY));
        }
        make_room(&mut slots);
    }

    async fn fetch(
        &self,
        source: &Source,
        link: Link,
        evidence: Arc<Evidence>,
    ) -> Result<Fetched, FetchError> {
        // The semaphores are never closed.
        let _turn = self.fetches.acquire().await;
        let uri = source.uri();
        tracing::info!(uri, "fetching what is known about revoked certificates");
        let found = match source {
            Source::List { by_operator, .. } => {
                let octets = list(uri, *by_operator).await?;
                let _turn = self.readings.acquire().await;
                blocking(move || read_list(&octets, &link, &evidence)).await
            }
            Source::Responder { .. } => {
                let mut nonce = [0; 32];
                SystemRandom::new()
                    .fill(&mut nonce)
                    .map_err(|_| FetchError::Random)?;
                let request = OcspRequest::new(&link.certificate, &link.issuer, nonce);
                let octets = response(uri, request.der()).await?;
                let _turn = self.readings.acquire().await;
                blocking(move || read_response(&octets, &request, &link, &evidence)).await
            }
        };
        found.inspect_err(|error| tracing::warn!(uri, %error, "nothing learnt about revocation"))
    }

    pub(super) fn all(&self) -> Vec<Fetched> {
        let slots = self.slots();
        slots
            .values()
            .filter_map(|slot| slot.found.clone())
            .collect()
    }

    pub(super) fn flush(&self, lists: bool, responses: bool) {
        self.slots().retain(|source, slot| {
            let flushed = match source {
                Source::List { .. } => lists,
                Source::Responder { .. } => responses,
            };
            // Who waits is not forgotten.
            !flushed || slot.under_way.is_some()
        });
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Source, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Look {
    Found(Fetched),
    Failed,
    Wait(watch::Receiver<()>),
    Fetch(watch::Sender<()>, watch::Receiver<()>),
}

/// Removes what is out of date first.
fn make_room(slots: &mut HashMap<Source, Slot>) {
    let octets = |slot: &Slot| slot.found.as_ref().map_or(0, Fetched::octets);
    let mut total: usize = slots.values().map(octets).sum();
    while slots.len() >= MOST_SOURCES || total > MOST_OCTETS {
        let idle = slots.iter().filter(|(_, slot)| slot.under_way.is_none());
        let Some(first) = idle
            .min_by_key(|(_, slot)| slot.until)
            .map(|(key, _)| key.clone())
        else {
            return;
        };
        total -= slots.remove(&first).as_ref().map_or(0, octets);
    }
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    let done = tokio::task::spawn_blocking(job).await;
    done.unwrap_or(Err(FetchError::NotTrusted))
}

/// What nobody vouches for is not kept: it would keep the right one out.
fn read_list(octets: &[u8], link: &Link, evidence: &Evidence) -> Result<Fetched, FetchError> {
    let list = RevocationList::parse(octets)?;
    if !evidence.trusts_list(&list, &link.issuer) {
        return Err(FetchError::NotTrusted);
    }
    Ok(Fetched::List(Arc::new(list)))
}

fn read_response(
    octets: &[u8],
    request: &OcspRequest,
    link: &Link,
    evidence: &Evidence,
) -> Result<Fetched, FetchError> {
    let response = OcspResponse::parse(octets)?;
    // Responders that make their answers in advance leave it out (RFC 5019 section 4).
    if response
        .nonce()
        .is_some_and(|nonce| nonce != request.nonce())
    {
        return Err(FetchError::Nonce);
    }
    if !evidence.trusts_response(&response, &link.certificate, &link.issuer, now()) {
        return Err(FetchError::NotTrusted);
    }
    Ok(Fetched::Response(Arc::new(response)))
}
