//! One handshake, from either side.

use std::{
    io::{Cursor, Read, Write},
    sync::Arc,
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, Connection, Error, ProtocolVersion,
    ServerConfig, ServerConnection, SupportedProtocolVersion,
    client::Resumption,
    pki_types::{ServerName, UnixTime},
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SingleCertAndKey},
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};
use zeroize::Zeroizing;

use super::{
    Endpoint, Identity, Versions,
    certificates::{Judge, Untrusted},
    fragments::{Fragments, Received},
    provider,
};
use crate::{Discard, Failure, Msk, Type};

/// What a packet leads to.
pub(crate) enum Progress {
    /// Send this, and wait.
    Send(Vec<u8>),
    /// Both sides are proven. A peer has this left to say.
    Proven(Vec<u8>, Msk),
    /// It is over. This is left to be said: an alert.
    Failed(Option<Vec<u8>>, Failure),
    /// As if it had never come.
    Discard(Discard),
}

/// One side of a handshake.
pub(crate) struct Session {
    connection: Connection,
    fragments: Fragments,
    fragment: usize,
    /// With TLS 1.3 an octet of data says that no more of the handshake follows (RFC 9190 section
    /// 2.5): sent by the authenticator, awaited by the peer.
    committed: bool,
    started: bool,
    failed: Option<Failure>,
}

/// Nothing here depends on time: nothing is resumed, and chains are judged by the caller.
#[derive(Debug)]
struct NoTime;

impl TimeProvider for NoTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::ZERO))
    }
}

impl Session {
    /// The peer's side.
    pub(crate) fn peer(endpoint: &Endpoint) -> Result<Self, Failure> {
        let judge = Arc::new(Judge::new(&endpoint.verifier, None));
        let mut config = ClientConfig::builder_with_details(provider(), Arc::new(NoTime))
            .with_protocol_versions(versions(endpoint.versions))
            .map_err(|error| describe(&error))?
            .dangerous()
            .with_custom_certificate_verifier(judge)
            .with_client_cert_resolver(resolver(&endpoint.identity));
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        // Certificates say who the server is, and the verifier knows who it should be: this name
        // never leaves the library.
        let name = ServerName::try_from("eap.invalid").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name);
        let connection = connection.map_err(|error| describe(&error))?;
        Ok(Self::new(connection.into(), endpoint.fragment))
    }

    /// The authenticator's side, for the peer of this identity, and the first request.
    pub(crate) fn authenticator(
        endpoint: &Endpoint,
        identity: Option<&[u8]>,
    ) -> Result<(Self, Vec<u8>), Failure> {
        let judge = Arc::new(Judge::new(&endpoint.verifier, identity));
        let mut config = ServerConfig::builder_with_details(provider(), Arc::new(NoTime))
            .with_protocol_versions(versions(endpoint.versions))
            .map_err(|error| describe(&error))?
            .with_client_cert_verifier(judge)
            .with_cert_resolver(resolver(&endpoint.identity));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let connection = ServerConnection::new(Arc::new(config));
        let connection = connection.map_err(|error| describe(&error))?;
        let session = Self::new(connection.into(), endpoint.fragment);
        Ok((session, Fragments::start()))
    }

    fn new(connection: Connection, fragment: usize) -> Self {
        Self {
            connection,
            fragments: Fragments::default(),
            fragment,
            committed: false,
            started: false,
            failed: None,
        }
    }

    /// Why the other side is refused, once it is.
    pub(crate) fn refusal(&self) -> Option<Failure> {
        self.failed.clone()
    }

    pub(crate) fn handle(&mut self, data: &[u8]) -> Progress {
        let is_peer = matches!(self.connection, Connection::Client(_));
        match self.fragments.receive(data) {
            Ok(Received::Start) if is_peer && !self.started => self.flight(),
            Ok(Received::Piece) if !self.fragments.pending() => {
                Progress::Send(self.fragments.next(self.fragment))
            }
            Ok(Received::Acknowledgement) => self.acknowledged(is_peer),
            Ok(Received::Message(message)) if !self.fragments.pending() => {
                if let Err(error) = self.feed(&message) {
                    return self.fail(describe(&error), is_peer);
                }
                self.flight()
            }
            Ok(_) => Progress::Discard(Discard::Unexpected),
            Err(discard) => Progress::Discard(discard),
        }
    }

    /// Gives the library what the other side sent.
    fn feed(&mut self, message: &[u8]) -> Result<(), Error> {
        let mut cursor = Cursor::new(message);
        while (cursor.position() as usize) < message.len() {
            let read = self.connection.read_tls(&mut cursor);
            let read = read.map_err(|error| Error::General(error.to_string()))?;
            self.connection.process_new_packets()?;
            if read == 0 {
                return Err(Error::General("data after the end".to_owned()));
            }
        }
        let mut commitment = [0; 2];
        let read = self.connection.reader().read(&mut commitment);
        match (&self.connection, read) {
            (Connection::Client(_), Ok(1)) if commitment[0] == 0 => self.committed = true,
            (_, Ok(1..)) => return Err(Error::General("unexpected data".to_owned())),
            // Nothing was sent, or the other side closed.
            _ => {}
        }
        Ok(())
    }

    /// What the library wants to send now.
    fn flight(&mut self) -> Progress {
        self.started = true;
        let tls13 = self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let done = !self.connection.is_handshaking();
        if let Connection::Server(server) = &mut self.connection
            && tls13
            && done
            && !self.committed
        {
            self.committed = true;
            if server.writer().write_all(&[0]).is_err() {
                let failure = Failure::Tls("the connection is closed".to_owned());
                return Progress::Failed(None, failure);
            }
        }
        let message = self.written();
        let nothing = message.is_empty();
        self.fragments.queue(message);
        if matches!(self.connection, Connection::Client(_)) && nothing && self.is_proven() {
            return self.proven();
        }
        Progress::Send(self.fragments.next(self.fragment))
    }

    fn written(&mut self) -> Vec<u8> {
        let mut message = Vec::new();
        while self.connection.wants_write() {
            if self.connection.write_tls(&mut message).is_err() {
                break;
            }
        }
        message
    }

    /// The other side has nothing to say, or wants the next piece.
    fn acknowledged(&mut self, is_peer: bool) -> Progress {
        if self.fragments.pending() {
            return Progress::Send(self.fragments.next(self.fragment));
        }
        if let Some(failure) = self.failed.clone() {
            return Progress::Failed(None, failure);
        }
        if !is_peer && self.is_proven() {
            return self.proven();
        }
        Progress::Discard(Discard::Unexpected)
    }

    fn is_proven(&self) -> bool {
        let committed = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => self.committed,
            _ => true,
        };
        committed && !self.connection.is_handshaking()
    }

    fn proven(&mut self) -> Progress {
        match self.msk() {
            Ok(msk) => Progress::Proven(self.fragments.next(self.fragment), msk),
            Err(error) => Progress::Failed(None, describe(&error)),
        }
    }

    /// RFC 9190 section 2.3 and RFC 5216 section 2.3: MSK and EMSK, 64 octets each.
    fn msk(&self) -> Result<Msk, Error> {
        let (label, context): (&[u8], Option<&[u8]>) = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => {
                (b"EXPORTER_EAP_TLS_Key_Material", Some(&[Type::TLS.0]))
            }
            _ => (b"client EAP encryption", None),
        };
        let mut material = Zeroizing::new([0; 128]);
        let octets = material.as_mut_slice();
        self.connection
            .export_keying_material(octets, label, context)?;
        Ok(Msk::new(&material[..Msk::LENGTH]))
    }

    /// Tells the other side why, if it is not the one that told us.
    fn fail(&mut self, failure: Failure, is_peer: bool) -> Progress {
        let alert = self.written();
        if alert.is_empty() {
            // A peer still has to answer.
            let answer = is_peer.then(|| vec![0]);
            return Progress::Failed(answer, failure);
        }
        self.fragments.queue(alert);
        let data = self.fragments.next(self.fragment);
        if is_peer {
            return Progress::Failed(Some(data), failure);
        }
        self.failed = Some(failure);
        Progress::Send(data)
    }
}

fn versions(versions: Versions) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match versions {
        Versions::Both => &BOTH,
        Versions::Tls12 => &BOTH[1..],
        Versions::Tls13 => &BOTH[..1],
    }
}

fn resolver(identity: &Identity) -> Arc<SingleCertAndKey> {
    let chain = identity.chain.iter().map(|der| der.clone().into());
    let key = CertifiedKey::new(chain.collect(), Arc::clone(&identity.key));
    Arc::new(SingleCertAndKey::from(key))
}

fn describe(error: &Error) -> Failure {
    if let Error::InvalidCertificate(CertificateError::Other(other)) = error
        && let Some(Untrusted(why)) = other.0.downcast_ref()
    {
        return Failure::Tls(why.clone());
    }
    Failure::Tls(error.to_string())
}
