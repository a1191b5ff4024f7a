//! EAP for IKE_SAs (RFC 7296 section 2.16): one conversation in each round that uses it. The methods
//! and RADIUS are in `holdfast-eap`; here they get credentials, sockets and time.
//!
//! A conversation belongs to its IKE_SA, which lends it out for each step: a TLS handshake computes
//! on a thread for such things, and a RADIUS server is waited for without one.

mod authenticator;
mod peer;
mod radius;
mod tls;

use std::{cell::Cell, net::SocketAddr, rc::Rc, sync::Arc};

use holdfast_eap::{Authenticator, Peer, Step, Success, Type};
use holdfast_ike::{
    Identification, Secret,
    config::{LocalAuth, RemoteAuth},
    sa::{
        CredentialAnswer, CredentialRequest, Failure,
        credential::{Answer, Eap, Question},
    },
};

use crate::{credentials, environment::Shared};

pub(crate) use radius::Radius;

/// One conversation.
pub(crate) struct Conversation {
    round: usize,
    side: Side,
}

enum Side {
    /// We prove ourselves.
    Peer(Box<Peer>),
    /// The peer proves itself to us.
    Authenticator(Box<Authenticator>, Expected),
    /// The peer proves itself to a server.
    Radius(Box<radius::PassThrough>, Expected),
}

/// Who the peer has to be.
struct Expected(Option<Arc<str>>);

/// Where an IKE_SA keeps its conversation.
pub(crate) type Place = Rc<Cell<Option<Box<Conversation>>>>;

/// Answers one question of an IKE_SA: those about EAP here, the others at the desk.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    place: Place,
    request: CredentialRequest,
    remote: SocketAddr,
) -> CredentialAnswer {
    match request.question {
        Question::Eap(question) => step(shared, &place, question, remote).await,
        question => {
            let id = request.id;
            credentials::answer(shared, CredentialRequest { id, question }).await
        }
    }
}

/// Takes one step. The conversation is borrowed from its place, and put back unless it is over.
async fn step(
    shared: Arc<Shared>,
    place: &Cell<Option<Box<Conversation>>>,
    question: Box<Eap>,
    remote: SocketAddr,
) -> CredentialAnswer {
    let round = question.round;
    let ongoing = place.take().filter(|ongoing| ongoing.round == round);
    let mut conversation = match (ongoing, &question.message) {
        (Some(ongoing), Some(_)) => ongoing,
        (_, Some(_)) => peer(&shared, &question)?,
        (_, None) => authenticator(&shared, &question, remote)?,
    };
    let message = question.message;
    let (conversation, answer) = match &mut conversation.side {
        Side::Radius(pass_through, expected) => {
            let step = pass_through.step(&shared, message).await;
            let answer = Ok(expected.judge(step));
            (conversation, answer)
        }
        Side::Peer(_) | Side::Authenticator(..) => {
            let seat = shared.desk.seat().await;
            let job = tokio::task::spawn_blocking(move || {
                let _seat = seat;
                let answer = conversation.compute(&shared, message.as_deref());
                (conversation, answer)
            });
            // A panic has been told already.
            job.await.map_err(|_| Failure::AuthenticationFailed)?
        }
    };
    if matches!(answer, Ok(Answer::EapMessage(_))) {
        place.set(Some(conversation));
    }
    answer
}

fn peer(shared: &Arc<Shared>, question: &Eap) -> Result<Box<Conversation>, Failure> {
    let local = question.connection.local.get(question.round);
    let Some(LocalAuth::Eap(local)) = local.map(|local| &local.auth) else {
        return Err(Failure::AuthenticationFailed);
    };
    let peer = peer::begin(shared, question, local)?;
    Ok(Box::new(Conversation {
        round: question.round,
        side: Side::Peer(Box::new(peer)),
    }))
}

fn authenticator(
    shared: &Arc<Shared>,
    question: &Eap,
    remote: SocketAddr,
) -> Result<Box<Conversation>, Failure> {
    let configured = question.connection.remote.get(question.round);
    let Some(RemoteAuth::Eap(configured)) = configured.map(|remote| &remote.auth) else {
        return Err(Failure::AuthenticationFailed);
    };
    let asks = configured.identity.as_deref() == Some(ANY);
    let expected = Expected(configured.identity.clone().filter(|_| !asks));
    let known = match &expected.0 {
        Some(identity) => Some(identity.as_bytes().to_vec()),
        None if asks => None,
        None => question.remote_id.as_ref().map(octets),
    };
    let side = if configured.method.as_deref() == Some("radius") {
        let begun = radius::PassThrough::begin(shared, question, known, remote)?;
        Side::Radius(Box::new(begun), expected)
    } else {
        let begun = authenticator::begin(shared, question, configured, known)?;
        Side::Authenticator(Box::new(begun), expected)
    };
    let round = question.round;
    Ok(Box::new(Conversation { round, side }))
}

/// The identity by which an authenticator is told to ask for one.
const ANY: &str = "%any";

impl Conversation {
    /// What takes time but waits for nobody.
    fn compute(&mut self, shared: &Shared, message: Option<&[u8]>) -> CredentialAnswer {
        let mut random = |octets: &mut [u8]| shared.random(octets);
        match (&mut self.side, message) {
            (Side::Peer(peer), Some(message)) => {
                let step = peer.handle(message, &mut random);
                if let Some(notice) = peer.notice() {
                    let notice = String::from_utf8_lossy(notice);
                    tracing::info!(notice = %notice.escape_debug(), "the EAP server says");
                }
                Ok(outcome(step))
            }
            (Side::Authenticator(authenticator, _), None) => {
                Ok(Answer::EapMessage(authenticator.start(&mut random)))
            }
            (Side::Authenticator(authenticator, expected), Some(message)) => {
                let step = authenticator.handle(message, &mut random);
                if let (Step::Send(_), Some(why)) = (&step, authenticator.refusal()) {
                    let identity = authenticator.identity().map(text).unwrap_or_default();
                    tracing::warn!(identity, %why, "EAP failed");
                }
                Ok(expected.judge(step))
            }
            (Side::Peer(_), None) | (Side::Radius(..), _) => Err(Failure::AuthenticationFailed),
        }
    }
}

impl Expected {
    /// A peer that proved to be somebody else is refused.
    fn judge(&self, step: Step) -> Answer {
        if let Step::Done {
            result: Ok(success),
            ..
        } = &step
            && let Some(expected) = &self.0
            && success.identity != expected.as_bytes()
        {
            let identity = text(&success.identity);
            tracing::warn!(%identity, %expected, "EAP proved another identity than eap_id");
            return Answer::EapFailure {
                message: None,
                failure: Failure::Eap("the peer is not the one that eap_id names"),
            };
        }
        outcome(step)
    }
}

fn outcome(step: Step) -> Answer {
    match step {
        Step::Send(message) => Answer::EapMessage(message),
        Step::Done {
            packet,
            result: Ok(success),
        } => {
            let identity = identity(&success.identity);
            tracing::debug!(method = %success.method, ?identity, "EAP succeeded");
            Answer::EapSuccess {
                mutual: is_mutual(&success),
                msk: Some(Secret::new(success.msk.octets().to_vec())),
                message: packet,
                identity,
            }
        }
        Step::Done {
            packet,
            result: Err(why),
        } => {
            tracing::warn!(%why, "EAP failed");
            Answer::EapFailure {
                message: packet,
                failure: failure(&why),
            }
        }
        // Nothing is lost inside an IKE_SA, so nothing better will come.
        Step::Discard(why) => {
            tracing::warn!(%why, "EAP failed");
            Answer::EapFailure {
                message: None,
                failure: Failure::Eap("the peer broke the protocol"),
            }
        }
    }
}

/// Whether the method proves both ends to each other (RFC 5998 section 4).
fn is_mutual(success: &Success) -> bool {
    matches!(success.method, Type::TLS | Type::MSCHAPV2)
}

/// The same in the words of IKE, for operators; details are in the log.
fn failure(failure: &holdfast_eap::Failure) -> Failure {
    use holdfast_eap::Failure as Why;
    Failure::Eap(match failure {
        Why::Refused => "the server refused us, or the peer gave up",
        Why::MsChap { code: 646 } => "logging on is not allowed at this hour",
        Why::MsChap { code: 647 } => "the account is disabled",
        Why::MsChap { code: 648 } => "the password has expired",
        Why::MsChap { code: 649 } => "the account may not dial in",
        Why::MsChap { .. } => "the server refused the user or the password",
        Why::WrongPassword => "the user is unknown or the password is wrong",
        Why::ServerUnproven => "the server does not know the password",
        Why::NoCommonMethod => "the two ends have no EAP method in common",
        Why::Tls(_) => "the TLS handshake failed: see the log for the reason",
        Why::Protocol(why) => why,
    })
}

/// What stands for an identity in EAP.
fn octets(id: &Identification) -> Vec<u8> {
    match id {
        Identification::Fqdn(name) | Identification::Rfc822(name) => name.clone().into_bytes(),
        Identification::KeyId(octets) => octets.clone(),
        other => other.to_string().into_bytes(),
    }
}

/// An identity of EAP as one of IKE, to look it up and to show it.
fn identity(octets: &[u8]) -> Option<Identification> {
    let known = str::from_utf8(octets).ok().filter(|text| !text.is_empty());
    match known.and_then(|text| Identification::from_config(text).ok()) {
        Some(id) => Some(id),
        None if octets.is_empty() => None,
        None => Some(Identification::KeyId(octets.to_vec())),
    }
}

/// For the log: whatever the peer sent, in one line.
fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).escape_debug().to_string()
}
