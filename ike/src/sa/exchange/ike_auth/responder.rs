//! The responder's side.
//!
//! Each request is judged by the initiator's present round; each response proves one of our rounds,
//! as long as there are any. It is done when both ends have no round left. What the first request
//! asked for beside is answered only then.

mod resumed;

use std::sync::Arc;

use super::{
    Context, EAP_MESSAGES, Handshake, SHARED_KEY, another_auth_follows, authentication,
    certificates,
    extras::Asked,
    goes_on, local_id,
    outcome::{AuthResponse, Rejection, ResponderStep},
    ppk, shared_key,
};
use crate::{
    Connection, Identification, Secret,
    config::{LocalAuth, RemoteAuth},
    sa::{
        Candidate,
        credential::{Answer, CredentialAnswer, Eap, Question, Sign, Verify},
        event::Failure,
        io::Role,
        payloads::Payloads,
    },
    wire::{NotifyType, Payload},
};

/// The responder's side.
pub(in crate::sa) struct Responder {
    pub(in crate::sa) handshake: Handshake,
    /// The connections that the initiator may still mean, best first. Never empty.
    candidates: Vec<Candidate>,
    /// The first request.
    first: Option<Payloads>,
    local_id: Option<Identification>,
    /// Our rounds that are proved.
    local_rounds: usize,
    remote_id: Option<Identification>,
    /// Who EAP has proven: addresses are kept for that identity.
    eap_id: Option<Identification>,
    remote: Remote,
    waiting: Option<Waiting>,
    /// The response that is being made.
    answer: Vec<Payload>,
    eap: Option<Payload>,
}

/// Where the initiator stands in proving its identity.
enum Remote {
    /// This round is next.
    Round(usize),
    /// In this one EAP is going on.
    Eap { round: usize, messages: usize },
    /// In this one EAP is done: AUTH by its key is next.
    Key { round: usize, msk: Option<Secret> },
    /// No round is left.
    Done,
}

/// What the response waits for.
enum Waiting {
    /// The request whose proof is judged.
    Verdict(Payloads),
    Eap,
    Signature,
}

impl Responder {
    /// `candidates` must not be empty.
    pub(in crate::sa) fn new(handshake: Handshake, candidates: Vec<Candidate>) -> Self {
        Self {
            handshake,
            candidates,
            first: None,
            local_id: None,
            local_rounds: 0,
            remote_id: None,
            eap_id: None,
            remote: Remote::Round(0),
            waiting: None,
            answer: Vec::new(),
            eap: None,
        }
    }

    pub(in crate::sa) fn on_request(
        &mut self,
        payloads: &Payloads,
        cx: &mut Context<'_>,
    ) -> Result<ResponderStep, Rejection> {
        self.answer = Vec::new();
        self.first.get_or_insert_with(|| payloads.clone());
        if let Some(question) = self.judge(payloads, cx)? {
            return Ok(ResponderStep::Ask(question));
        }
        Ok(self.prove(cx)?)
    }

    /// The answer to what was asked.
    pub(in crate::sa) fn on_answer(
        &mut self,
        answer: CredentialAnswer,
        cx: &mut Context<'_>,
    ) -> Result<ResponderStep, Rejection> {
        let step = match (self.waiting.take(), answer?) {
            (Some(Waiting::Verdict(payloads)), Answer::Verified { connection }) => {
                if connection >= self.candidates.len() {
                    return Err(Failure::AuthenticationFailed.into());
                }
                self.candidates.drain(..connection);
                self.accept(&payloads)?;
                self.prove(cx)?
            }
            (Some(Waiting::Eap), answer) => {
                self.on_eap(answer)?;
                self.prove(cx)?
            }
            (
                Some(Waiting::Signature),
                Answer::Signed {
                    method,
                    auth,
                    certificates: own,
                },
            ) => {
                self.answer.extend(certificates(own));
                self.proved(authentication(method, auth));
                self.conclude(cx)?
            }
            _ => return Err(Failure::AuthenticationFailed.into()),
        };
        Ok(step)
    }

    /// Judges what a request has of the initiator's proof. A question, if somebody else must.
    fn judge(
        &mut self,
        payloads: &Payloads,
        cx: &mut Context<'_>,
    ) -> Result<Option<Question>, Failure> {
        match &mut self.remote {
            Remote::Round(_) if self.handshake.resumed.is_some() => {
                self.judge_resumed(payloads, cx).map(|()| None)
            }
            Remote::Round(round) => {
                let round = *round;
                self.begin_round(round, payloads, cx)
            }
            Remote::Eap { round, messages } => {
                let message = payloads.eap().ok_or(Failure::InvalidSyntax)?;
                if *messages >= EAP_MESSAGES {
                    return Err(Failure::Protocol("EAP does not come to an end"));
                }
                *messages += 1;
                let round = *round;
                self.ask_eap(round, Some(message.to_vec()), cx).map(Some)
            }
            Remote::Key { .. } => self.judge_key(payloads, cx).map(|()| None),
            // We have another round and it has none.
            Remote::Done => Ok(None),
        }
    }

    fn begin_round(
        &mut self,
        round: usize,
        payloads: &Payloads,
        cx: &mut Context<'_>,
    ) -> Result<Option<Question>, Failure> {
        let id = payloads.id_initiator().ok_or(Failure::InvalidSyntax)?;
        self.narrow_by_identity(round, id, payloads, cx)?;
        self.remote_id = Some(id.clone());
        let Some((method, auth)) = payloads.authentication() else {
            // Its absence asks for EAP (RFC 7296 section 2.16).
            self.narrow(|connection| {
                let remote = connection.remote.get(round);
                remote.is_some_and(|remote| matches!(remote.auth, RemoteAuth::Eap(_)))
            })?;
            self.remote = Remote::Eap { round, messages: 0 };
            return self.ask_eap(round, None, cx).map(Some);
        };
        let shared = method == SHARED_KEY;
        self.narrow(|connection| {
            let remote = connection.remote.get(round).map(|remote| &remote.auth);
            match remote {
                Some(RemoteAuth::Psk) => shared,
                Some(RemoteAuth::PublicKey(_)) => !shared,
                Some(RemoteAuth::Any(_)) => true,
                Some(RemoteAuth::Eap(_)) | None => false,
            }
        })?;
        let auth = self.judge_ppk(payloads, auth, cx)?;
        if shared {
            let psk = shared_key(&self.presumed_local_id(cx), id, cx.env)?;
            let (signer, handshake) = (Role::Initiator, &self.handshake);
            if !handshake.proves_shared_key(signer, cx.secured, Some(&psk), id, &auth) {
                return Err(Failure::AuthenticationFailed);
            }
            return self.accept(payloads).map(|()| None);
        }
        let octets = self
            .handshake
            .acceptable_octets(Role::Initiator, cx.secured, id);
        self.waiting = Some(Waiting::Verdict(payloads.clone()));
        let connections = self.candidates.iter();
        Ok(Some(Question::Verify(Box::new(Verify {
            connections: connections
                .map(|candidate| Arc::clone(&candidate.connection))
                .collect(),
            round,
            remote_id: id.clone(),
            method,
            auth,
            octets,
            certificates: payloads.certificates(),
        }))))
    }

    /// The AUTH that counts. Only connections remain for which the initiator has PPK enough, and which
    /// mean the same by it.
    fn judge_ppk(
        &mut self,
        payloads: &Payloads,
        auth: &[u8],
        cx: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let offered = ppk::Offered::read(&self.handshake, payloads);
        let env = &*cx.env;
        self.candidates
            .retain(|candidate| offered.suits(&candidate.connection, env));
        let candidate = self.candidates.first().ok_or(Failure::NoPpk)?.clone();
        let applies = offered.applies(&candidate.connection, env);
        self.candidates
            .retain(|other| offered.applies(&other.connection, env) == applies);
        let with = (cx.secured, env);
        offered.judge(&mut self.handshake, &candidate.connection, auth, with)
    }

    /// Keeps the connections that have such a peer, and the identity that it asks for.
    fn narrow_by_identity(
        &mut self,
        round: usize,
        id: &Identification,
        payloads: &Payloads,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let asked = payloads.id_responder().filter(|_| round == 0);
        self.candidates.retain(|Candidate { connection, .. }| {
            let remote = connection.remote.get(round);
            remote.is_some_and(|remote| remote.id.matches(id))
                && asked.is_none_or(|asked| asked.is_same(&local_id(connection, 0, cx.path)))
        });
        if self.candidates.is_empty() {
            return Err(Failure::NoConnection);
        }
        Ok(())
    }

    fn narrow(&mut self, fits: impl Fn(&Connection) -> bool) -> Result<(), Failure> {
        self.candidates
            .retain(|candidate| fits(&candidate.connection));
        if self.candidates.is_empty() {
            return Err(Failure::AuthenticationFailed);
        }
        Ok(())
    }

    fn connection(&self) -> Result<&Arc<Connection>, Failure> {
        let candidate = self.candidates.first().ok_or(Failure::NoConnection)?;
        Ok(&candidate.connection)
    }

    /// Who we will say we are, or have said already.
    fn presumed_local_id(&self, cx: &Context<'_>) -> Identification {
        let known = self.local_id.clone();
        known.unwrap_or_else(|| match self.connection() {
            Ok(connection) => local_id(connection, 0, cx.path),
            Err(_) => super::address_id(cx.path.local.ip()),
        })
    }

    /// The initiator's round is good. Only connections with as many rounds as it announces remain.
    fn accept(&mut self, payloads: &Payloads) -> Result<(), Failure> {
        let (Remote::Round(round) | Remote::Eap { round, .. } | Remote::Key { round, .. }) =
            self.remote
        else {
            return Err(Failure::InvalidSyntax);
        };
        let next = round + 1;
        let goes_on = goes_on(payloads);
        self.narrow(|connection| (connection.remote.len() > next) == goes_on)?;
        self.remote = if goes_on {
            Remote::Round(next)
        } else {
            Remote::Done
        };
        Ok(())
    }

    fn ask_eap(
        &mut self,
        round: usize,
        message: Option<Vec<u8>>,
        cx: &Context<'_>,
    ) -> Result<Question, Failure> {
        self.waiting = Some(Waiting::Eap);
        Ok(Question::Eap(Box::new(Eap {
            connection: Arc::clone(self.connection()?),
            round,
            local_id: self.presumed_local_id(cx),
            remote_id: self.remote_id.clone(),
            message,
        })))
    }

    fn on_eap(&mut self, answer: Answer) -> Result<(), Rejection> {
        match answer {
            Answer::EapMessage(message) => {
                self.eap = Some(Payload::Eap(message));
                Ok(())
            }
            Answer::EapSuccess {
                message,
                msk,
                mutual,
                identity,
            } => {
                let Remote::Eap { round, .. } = self.remote else {
                    return Err(Failure::AuthenticationFailed.into());
                };
                if self.proves_by_eap() && !(mutual && msk.is_some()) {
                    return Err(Failure::AuthenticationFailed.into());
                }
                self.eap = message.map(Payload::Eap);
                self.eap_id = identity;
                self.remote = Remote::Key { round, msk };
                Ok(())
            }
            Answer::EapFailure { message, failure } => Err(Rejection {
                failure,
                payloads: message.map(Payload::Eap).into_iter().collect(),
            }),
            Answer::Signed { .. } | Answer::Verified { .. } => {
                Err(Failure::AuthenticationFailed.into())
            }
        }
    }

    /// AUTH by the key that EAP made, which proves both ends (RFC 7296 section 2.16).
    fn judge_key(&mut self, payloads: &Payloads, cx: &Context<'_>) -> Result<(), Failure> {
        let (method, auth) = payloads.authentication().ok_or(Failure::InvalidSyntax)?;
        let Remote::Key { msk, .. } = &mut self.remote else {
            return Err(Failure::InvalidSyntax);
        };
        let msk = msk.take();
        // EAP was about the first connection.
        self.candidates.truncate(1);
        let auth = self.judge_ppk(payloads, auth, cx)?;
        let id = self.remote_id.as_ref().ok_or(Failure::InvalidSyntax)?;
        let (msk, handshake) = (msk.as_ref(), &self.handshake);
        let proves = handshake.proves_shared_key(Role::Initiator, cx.secured, msk, id, &auth);
        if method != SHARED_KEY || !proves {
            return Err(Failure::AuthenticationFailed);
        }
        let own = self.presumed_local_id(cx);
        let own = handshake.shared_key_auth(Role::Responder, cx.secured, msk, &own);
        let by_eap = self.proves_by_eap();
        self.accept(payloads)?;
        self.answer.push(authentication(SHARED_KEY, own));
        if by_eap {
            self.local_rounds += 1;
        }
        Ok(())
    }

    /// Whether our present round is proved by nothing but EAP (RFC 5998).
    fn proves_by_eap(&self) -> bool {
        let connection = self.connection();
        connection.is_ok_and(|connection| {
            let local = connection.local.get(self.local_rounds);
            local.is_some_and(|local| matches!(local.auth, LocalAuth::Eap(_)))
        })
    }

    /// Proves our present round, unless the response has an AUTH already.
    fn prove(&mut self, cx: &mut Context<'_>) -> Result<ResponderStep, Failure> {
        let connection = Arc::clone(self.connection()?);
        let (Some(local), true) = (
            connection.local.get(self.local_rounds),
            self.answer.is_empty(),
        ) else {
            return self.conclude(cx);
        };
        let id = local_id(&connection, self.local_rounds, cx.path);
        let named = self.local_id.replace(id.clone());
        if self.local_rounds == 0 {
            // From now on only those remain that we can still be.
            self.narrow(|other| other.local == connection.local)?;
        }
        match &local.auth {
            LocalAuth::Psk => {
                let remote = self.remote_id.as_ref().ok_or(Failure::InvalidSyntax)?;
                let psk = shared_key(&id, remote, cx.env)?;
                let (signer, handshake) = (Role::Responder, &self.handshake);
                let auth = handshake.shared_key_auth(signer, cx.secured, Some(&psk), &id);
                self.answer.push(Payload::IdResponder(id));
                self.proved(authentication(SHARED_KEY, auth));
                self.conclude(cx)
            }
            LocalAuth::PublicKey(_) => {
                let octets = self.handshake.octets(Role::Responder, cx.secured, &id);
                self.answer.push(Payload::IdResponder(id.clone()));
                self.waiting = Some(Waiting::Signature);
                let first = self.first.as_ref();
                Ok(ResponderStep::Ask(Question::Sign(Box::new(Sign {
                    round: self.local_rounds,
                    local_id: id,
                    remote_id: self.remote_id.clone(),
                    octets,
                    hashes: self.handshake.announced.hashes.clone(),
                    authorities: first
                        .map(Payloads::certificate_requests)
                        .unwrap_or_default(),
                    connection,
                }))))
            }
            LocalAuth::Eap(_) => {
                let first = self.first.as_ref();
                let agreed = first
                    .and_then(|first| first.notify(NotifyType::EAP_ONLY_AUTHENTICATION))
                    .is_some();
                if !agreed || matches!(self.remote, Remote::Done) {
                    return Err(Failure::AuthenticationFailed);
                }
                if named.is_none_or(|named| named != id) {
                    self.answer.push(Payload::IdResponder(id));
                }
                self.conclude(cx)
            }
        }
    }

    /// Our present round is proved.
    fn proved(&mut self, auth: Payload) {
        self.answer.push(auth);
        self.local_rounds += 1;
    }

    /// The response is complete but for what ends IKE_AUTH.
    fn conclude(&mut self, cx: &mut Context<'_>) -> Result<ResponderStep, Failure> {
        let candidate = self.candidates.first().ok_or(Failure::NoConnection)?;
        let connection = Arc::clone(&candidate.connection);
        let mut answer = std::mem::take(&mut self.answer);
        answer.extend(self.eap.take());
        if self.local_rounds < connection.local.len() && !self.proves_by_eap() {
            answer.push(another_auth_follows());
        } else if let (Remote::Done, Some(first)) = (&self.remote, &self.first) {
            let remote_id = self.remote_id.clone().ok_or(Failure::InvalidSyntax)?;
            let with_child = first.ts_initiator().is_some();
            if !connection.childless.permits(with_child) {
                return Err(Failure::Childless);
            }
            let asked = Asked::read(first);
            let mut given =
                asked.answer(&connection, self.eap_id.as_ref().unwrap_or(&remote_id), cx)?;
            answer.extend(ppk::answer(&self.handshake));
            answer.append(&mut given.payloads);
            answer.extend(self.ticket(&connection, first, &remote_id, cx));
            let child = given.grant(first, &connection.children, cx);
            if let Some(Err(Failure::InvalidSyntax)) = child {
                for lease in &given.leases {
                    cx.env.release_lease(lease);
                }
                // Fatal for the IKE_SA, not only for its child (RFC 7296 section 2.21.2).
                return Err(Failure::InvalidSyntax);
            }
            return Ok(ResponderStep::Done(Box::new(AuthResponse {
                candidate: candidate.clone(),
                local_id: self.presumed_local_id(cx),
                remote_id,
                asked,
                given,
                payloads: answer,
                child,
            })));
        }
        Ok(ResponderStep::Respond(answer))
    }
}
