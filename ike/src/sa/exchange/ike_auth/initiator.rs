//! The initiator's side.
//!
//! In each request it proves itself by the present round, or goes on with EAP; in each response it
//! judges the responder's round, if there is one. It is done when both ends have no round left.

mod proof;
mod resumed;

use std::sync::Arc;

use proof::Signed;

use super::{
    Context, EAP_MESSAGES, Handshake, SHARED_KEY, address_id,
    announcement::{certificate_requests, several_rounds},
    another_auth_follows, authentication, certificates,
    extras::Asking,
    goes_on, local_id,
    outcome::{AuthRefusal, Authenticated, InitiatorStep},
    ppk, shared_key,
};
use crate::{
    ChildConfig, Connection, Environment, Identification, Path, Secret,
    config::{LocalAuth, RemoteAuth},
    sa::{
        credential::{Answer, CredentialAnswer, Eap, Question, Verify},
        ends::Ends,
        event::Failure,
        io::Role,
        negotiation::ChildOffer,
        payloads::{Payloads, notify},
    },
    wire::{NotifyType, Payload},
};

/// The initiator's side.
pub(in crate::sa) struct Initiator {
    pub(in crate::sa) handshake: Handshake,
    pub(in crate::sa) child: Option<ChildOffer>,
    /// The responder may have answered another form of our first request than the one that AUTH
    /// covers.
    pub(in crate::sa) ambiguous: bool,
    connection: Arc<Connection>,
    asking: Asking,
    /// Of our present round.
    local_id: Identification,
    proving: Proving,
    /// What EAP made, from its success until the responder has proved that it has it too.
    key: Option<EapKey>,
    /// Of the responder's last round.
    remote_id: Option<Identification>,
    /// Its rounds that were good.
    remote_rounds: usize,
    /// It has announced another one.
    remote_goes_on: bool,
    waiting: Option<Waiting>,
}

/// Where we stand in proving our identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proving {
    /// This round is next.
    Round(usize),
    /// In this one EAP is going on.
    Eap { round: usize, messages: usize },
    /// In this one EAP is done: AUTH by its key is next.
    Key(usize),
    /// No round is left.
    Done,
}

struct EapKey {
    msk: Option<Secret>,
    mutual: bool,
}

/// What the next request waits for, with the response that it follows.
enum Waiting {
    Signature,
    /// The signature of one that has no PPK.
    SecondSignature(Signed),
    Verdict(Payloads),
    Eap,
}

impl Initiator {
    pub(in crate::sa) fn new(
        handshake: Handshake,
        connection: Arc<Connection>,
        child: Option<Arc<ChildConfig>>,
        asking: Asking,
        path: Path,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let child = child
            .map(|config| {
                let ends = Ends::asking(path, &connection.vips);
                ChildOffer::in_ike_auth(config, &ends, env)
            })
            .transpose()?;
        Ok(Self {
            handshake,
            child,
            ambiguous: false,
            local_id: local_id(&connection, 0, path),
            connection,
            asking,
            proving: Proving::Round(0),
            key: None,
            remote_id: None,
            remote_rounds: 0,
            remote_goes_on: true,
            waiting: None,
        })
    }

    pub(in crate::sa) fn child_name(&self) -> Option<&Arc<str>> {
        self.child.as_ref().map(|offer| &offer.config.name)
    }

    /// The first request.
    pub(in crate::sa) fn begin(&mut self, cx: &mut Context<'_>) -> Result<InitiatorStep, Failure> {
        if self.handshake.resumed.is_some() {
            return self.resume(cx);
        }
        if self.has_several_rounds() && !self.handshake.announced.several_rounds {
            return Err(Failure::Protocol("it takes one authentication round only"));
        }
        ppk::check(&self.handshake, &self.connection, cx.env)?;
        self.go_on(cx)
    }

    pub(in crate::sa) fn on_response(
        &mut self,
        payloads: &Payloads,
        cx: &mut Context<'_>,
    ) -> Result<InitiatorStep, AuthRefusal> {
        self.check_refusal(payloads)?;
        if let Some(question) = self.judge(payloads, cx)? {
            self.waiting = Some(Waiting::Verdict(payloads.clone()));
            return Ok(InitiatorStep::Ask(question));
        }
        Ok(self.after_proof(payloads, cx)?)
    }

    /// The answer to what was asked.
    pub(in crate::sa) fn on_answer(
        &mut self,
        answer: CredentialAnswer,
        cx: &mut Context<'_>,
    ) -> Result<InitiatorStep, AuthRefusal> {
        let step = match (self.waiting.take(), answer?) {
            (
                Some(Waiting::Signature),
                Answer::Signed {
                    method,
                    auth,
                    certificates: own,
                },
            ) => {
                let signed = Signed {
                    auth: authentication(method, auth),
                    certificates: certificates(own).collect(),
                };
                self.signed(signed, cx)?
            }
            (Some(Waiting::SecondSignature(signed)), Answer::Signed { auth, .. }) => {
                self.prove_by_signature(signed, Some(auth), cx)
            }
            (Some(Waiting::Verdict(payloads)), Answer::Verified { .. }) => {
                self.accept(&payloads);
                self.after_proof(&payloads, cx)?
            }
            (Some(Waiting::Eap), Answer::EapMessage(message)) => {
                InitiatorStep::Send(vec![Payload::Eap(message)])
            }
            (Some(Waiting::Eap), Answer::EapSuccess { msk, mutual, .. }) => {
                self.end_eap(EapKey { msk, mutual })?;
                self.go_on(cx)?
            }
            (Some(Waiting::Eap), Answer::EapFailure { failure, .. }) => return Err(failure.into()),
            _ => return Err(Failure::AuthenticationFailed.into()),
        };
        Ok(step)
    }

    /// An error that leaves nothing to hope for. One beside AUTH, or when all is proved, concerns
    /// the CHILD_SA only.
    fn check_refusal(&self, payloads: &Payloads) -> Result<(), AuthRefusal> {
        let proves = payloads.authentication().is_some() || payloads.eap().is_some();
        let fatal = payloads.notify(NotifyType::AUTHENTICATION_FAILED).is_some();
        if !fatal && (proves || self.is_proved()) {
            return Ok(());
        }
        match payloads.error() {
            // Our secret need not be wrong, and another attempt may well succeed.
            Some(Failure::AuthenticationRefused) if self.ambiguous => {
                Err(AuthRefusal::Theirs(Failure::TemporaryFailure))
            }
            Some(_) if fatal => Err(AuthRefusal::Theirs(Failure::AuthenticationRefused)),
            Some(failure) => Err(AuthRefusal::Theirs(failure)),
            None => Ok(()),
        }
    }

    /// Judges what proof of the responder's a response has. A question, if somebody else must.
    fn judge(
        &mut self,
        payloads: &Payloads,
        cx: &mut Context<'_>,
    ) -> Result<Option<Question>, Failure> {
        if self.handshake.resumed.is_some() {
            return self.judge_resumed(payloads, cx).map(|()| None);
        }
        let wanted = self.connection.remote.get(self.remote_rounds);
        if let (Some(id), true) = (payloads.id_responder(), self.remote_goes_on) {
            if !wanted.is_some_and(|round| round.id.matches(id)) {
                return Err(Failure::IdentityMismatch);
            }
            self.remote_id = Some(id.clone());
        }
        let Some((method, auth)) = payloads.authentication() else {
            return self.may_lack_proof(payloads).map(|()| None);
        };
        ppk::read_answer(&mut self.handshake, &self.connection, payloads)?;
        let id = self.remote_id.as_ref().ok_or(Failure::InvalidSyntax)?;
        if let Some(key) = self.key.take() {
            let msk = key.msk.as_ref();
            let (handshake, secured) = (&self.handshake, cx.secured);
            let proves = handshake.proves_shared_key(Role::Responder, secured, msk, id, auth);
            if method != SHARED_KEY || !proves {
                return Err(Failure::AuthenticationFailed);
            }
            if self.remote_goes_on {
                // By EAP alone (RFC 5998).
                self.accept(payloads);
            }
            return Ok(None);
        }
        let id = payloads.id_responder().ok_or(Failure::InvalidSyntax)?;
        let wanted = wanted.ok_or(Failure::AuthenticationFailed)?;
        match (&wanted.auth, method) {
            (RemoteAuth::Psk | RemoteAuth::Any(_), SHARED_KEY) => {
                let psk = shared_key(&self.local_id, id, cx.env)?;
                let (signer, handshake) = (Role::Responder, &self.handshake);
                if !handshake.proves_shared_key(signer, cx.secured, Some(&psk), id, auth) {
                    return Err(Failure::AuthenticationFailed);
                }
                self.accept(payloads);
                Ok(None)
            }
            (RemoteAuth::PublicKey(_) | RemoteAuth::Any(_), method) if method != SHARED_KEY => {
                Ok(Some(Question::Verify(Box::new(Verify {
                    connections: vec![Arc::clone(&self.connection)],
                    round: self.remote_rounds,
                    remote_id: id.clone(),
                    method,
                    auth: auth.to_vec(),
                    octets: self
                        .handshake
                        .acceptable_octets(Role::Responder, cx.secured, id),
                    certificates: payloads.certificates(),
                }))))
            }
            _ => Err(Failure::AuthenticationFailed),
        }
    }

    /// A response without AUTH.
    fn may_lack_proof(&self, payloads: &Payloads) -> Result<(), Failure> {
        let proved = !self.remote_goes_on && self.key.is_none();
        let wanted = self.connection.remote.get(self.remote_rounds);
        let by_eap = wanted.is_some_and(|round| matches!(round.auth, RemoteAuth::Eap(_)))
            && self.remote_id.is_some();
        if proved || by_eap && payloads.eap().is_some() {
            Ok(())
        } else {
            Err(Failure::InvalidSyntax)
        }
    }

    /// The responder's round is good.
    fn accept(&mut self, payloads: &Payloads) {
        self.remote_rounds += 1;
        self.remote_goes_on = goes_on(payloads);
    }

    fn is_proved(&self) -> bool {
        self.proving == Proving::Done && !self.remote_goes_on && self.key.is_none()
    }

    /// What follows once the responder's proof, if there was one, is good.
    fn after_proof(
        &mut self,
        payloads: &Payloads,
        cx: &mut Context<'_>,
    ) -> Result<InitiatorStep, Failure> {
        if let Proving::Eap { round, messages } = self.proving {
            let message = payloads.eap().ok_or(Failure::InvalidSyntax)?;
            if messages >= EAP_MESSAGES {
                return Err(Failure::Protocol("EAP does not come to an end"));
            }
            self.proving = Proving::Eap {
                round,
                messages: messages + 1,
            };
            self.waiting = Some(Waiting::Eap);
            return Ok(InitiatorStep::Ask(Question::Eap(Box::new(Eap {
                connection: Arc::clone(&self.connection),
                round,
                local_id: self.local_id.clone(),
                remote_id: self.remote_id.clone(),
                message: Some(message.to_vec()),
            }))));
        }
        if self.is_proved() {
            return self.finish(payloads, cx);
        }
        self.go_on(cx)
    }

    fn end_eap(&mut self, key: EapKey) -> Result<(), Failure> {
        let Proving::Eap { round, .. } = self.proving else {
            return Err(Failure::AuthenticationFailed);
        };
        if self.remote_goes_on && !(key.mutual && key.msk.is_some()) {
            // RFC 5998 section 3: the responder has proved nothing.
            return Err(Failure::AuthenticationFailed);
        }
        self.key = Some(key);
        self.proving = Proving::Key(round);
        Ok(())
    }

    fn finish(
        &mut self,
        payloads: &Payloads,
        cx: &mut Context<'_>,
    ) -> Result<InitiatorStep, Failure> {
        if self.remote_rounds != self.connection.remote.len() {
            return Err(Failure::AuthenticationFailed);
        }
        let remote_id = self.remote_id.clone().ok_or(Failure::InvalidSyntax)?;
        let answered = self.asking.read_answer(payloads, &self.connection, cx)?;
        let child = self
            .child
            .as_ref()
            .map(|offer| answered.judge_child(offer, payloads, &self.connection, cx.path));
        Ok(InitiatorStep::Done(Box::new(Authenticated {
            local_id: self.local_id.clone(),
            remote_id,
            answered,
            child,
        })))
    }

    /// The next request.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<InitiatorStep, Failure> {
        match self.proving {
            Proving::Round(round) => self.begin_round(round, cx),
            Proving::Key(_) => {
                let msk = self.key.as_ref().and_then(|key| key.msk.clone());
                Ok(self.prove_by_key(msk.as_ref(), cx))
            }
            // The responder has another round: it may go on.
            Proving::Done => Ok(InitiatorStep::Send(Vec::new())),
            Proving::Eap { .. } => Err(Failure::InvalidSyntax),
        }
    }

    fn begin_round(
        &mut self,
        round: usize,
        cx: &mut Context<'_>,
    ) -> Result<InitiatorStep, Failure> {
        self.local_id = local_id(&self.connection, round, cx.path);
        let connection = Arc::clone(&self.connection);
        let local = connection.local.get(round).ok_or(Failure::NoConnection)?;
        match &local.auth {
            LocalAuth::Psk => {
                let psk = shared_key(&self.local_id, &self.expected_id(cx.path), cx.env)?;
                Ok(self.prove_by_key(Some(&psk), cx))
            }
            LocalAuth::PublicKey(_) => {
                ppk::apply(&mut self.handshake, &connection, cx.secured, cx.env);
                self.waiting = Some(Waiting::Signature);
                Ok(self.ask_signature(round, self.octets(cx)))
            }
            LocalAuth::Eap(_) => {
                self.proving = Proving::Eap { round, messages: 0 };
                Ok(InitiatorStep::Send(self.round(round, Vec::new(), None, cx)))
            }
        }
    }

    /// Whom we expect, for finding the shared key before the responder has said who it is.
    fn expected_id(&self, path: Path) -> Identification {
        let known = self.remote_id.as_ref();
        known
            .or(self.connection.remote_id().exact())
            .cloned()
            .unwrap_or_else(|| address_id(path.remote.ip()))
    }

    /// The request that ends our present round.
    fn prove(
        &mut self,
        certificates: Vec<Payload>,
        auth: Payload,
        cx: &mut Context<'_>,
    ) -> InitiatorStep {
        let (round, by_key) = match self.proving {
            Proving::Key(round) => (round, true),
            Proving::Round(round) | Proving::Eap { round, .. } => (round, false),
            Proving::Done => return InitiatorStep::Send(Vec::new()),
        };
        let mut payloads = if by_key {
            vec![auth]
        } else {
            self.round(round, certificates, Some(auth), cx)
        };
        let next = round + 1;
        if next < self.connection.local.len() {
            payloads.push(another_auth_follows());
            self.proving = Proving::Round(next);
        } else {
            self.proving = Proving::Done;
        }
        InitiatorStep::Send(payloads)
    }

    /// The request that begins a round. All that concerns more than our identity is in the first.
    fn round(
        &self,
        round: usize,
        certificates: Vec<Payload>,
        auth: Option<Payload>,
        cx: &mut Context<'_>,
    ) -> Vec<Payload> {
        let mut payloads = vec![Payload::IdInitiator(self.local_id.clone())];
        payloads.extend(certificates);
        let first = round == 0;
        if first {
            let connections: [&Connection; 1] = [&self.connection];
            payloads.extend(certificate_requests(&connections, cx.env));
        }
        if let (true, Some(id)) = (first, self.connection.remote_id().exact()) {
            payloads.push(Payload::IdResponder(id.clone()));
        }
        payloads.extend(auth);
        if first {
            payloads.extend(self.asks_for_eap_only());
            if self.has_several_rounds() {
                payloads.push(several_rounds());
            }
            payloads.extend(self.asking.payloads(&self.connection, cx));
            if let Some(offer) = &self.child {
                payloads.extend(offer.payloads(None));
            }
        }
        payloads
    }

    fn has_several_rounds(&self) -> bool {
        self.connection.local.len() > 1 || self.connection.remote.len() > 1
    }

    /// The responder may leave its own proof to EAP (RFC 5998).
    fn asks_for_eap_only(&self) -> Option<Payload> {
        let first = self.connection.remote.first()?;
        let only = matches!(first.auth, RemoteAuth::Eap(_));
        only.then(|| notify(NotifyType::EAP_ONLY_AUTHENTICATION, Vec::new()))
    }
}
