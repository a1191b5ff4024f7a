//! Post-quantum pre-shared keys (RFC 8784): a key that both ends share is mixed into SK_d, SK_pi
//! and SK_pr, so that a quantum computer that breaks the key exchange still has not got the traffic.

use std::sync::Arc;

use super::Handshake;
use crate::{
    Connection, Environment, Identification, Secret,
    config::Ppk,
    crypto::Prf,
    sa::{
        event::Failure,
        payloads::{Payloads, notify},
        secured::Secured,
    },
    wire::{NotifyType, Payload},
};

/// Types of PPK_IDENTITY (RFC 8784 section 5.1). What an opaque one means is up to the ends: here it
/// is a name, like the other.
const PPK_ID_OPAQUE: u8 = 1;
const PPK_ID_FIXED: u8 = 2;

/// The keys that a PPK takes part in.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the names of RFC 8784")]
pub(in crate::sa) struct Mixed {
    pub(in crate::sa) sk_d: Secret,
    pub(super) sk_pi: Secret,
    pub(super) sk_pr: Secret,
}

impl Mixed {
    /// SK_x = prf+(PPK, SK_x') (RFC 8784 section 3).
    fn new(prf: Prf, ppk: &Secret, sk_d: &Secret, (sk_pi, sk_pr): (&Secret, &Secret)) -> Self {
        let mix = |key: &Secret| prf.plus(ppk.expose(), &[key.expose()], prf.output_len());
        Self {
            sk_d: mix(sk_d),
            sk_pi: mix(sk_pi),
            sk_pr: mix(sk_pr),
        }
    }
}

impl Handshake {
    fn mix(&mut self, ppk: &Secret, secured: &Secured) {
        let keys = (&self.sk_pi, &self.sk_pr);
        self.ppk = Some(Mixed::new(secured.prf, ppk, &secured.sk_d, keys));
    }

    /// What would be, had no PPK been mixed in.
    pub(super) fn without_ppk<T>(&mut self, make: impl FnOnce(&Self) -> T) -> T {
        let mixed = self.ppk.take();
        let made = make(self);
        self.ppk = mixed;
        made
    }
}

/// Initiator: whether it says in IKE_SA_INIT that it has a PPK.
pub(in crate::sa) fn is_offered(
    connection: &Connection,
    env: &dyn Environment,
) -> Result<bool, Failure> {
    let Some(ppk) = &connection.ppk else {
        return Ok(false);
    };
    if own(ppk, env).is_some() {
        Ok(true)
    } else if ppk.required {
        Err(Failure::NoPpk)
    } else {
        Ok(false)
    }
}

pub(in crate::sa) fn use_ppk() -> Payload {
    notify(NotifyType::USE_PPK, Vec::new())
}

fn own<'a>(ppk: &'a Ppk, env: &dyn Environment) -> Option<(&'a Identification, Arc<Secret>)> {
    let id = ppk.id.exact()?;
    Some((id, env.ppk(id)?))
}

/// Initiator: IKE_SA_INIT is over. A PPK that is required must be there, and the responder must take it.
pub(super) fn check(
    handshake: &Handshake,
    connection: &Connection,
    env: &dyn Environment,
) -> Result<(), Failure> {
    match &connection.ppk {
        Some(ppk) if ppk.required && own(ppk, env).is_none() => Err(Failure::NoPpk),
        Some(ppk) if ppk.required && !handshake.announced.ppk => Err(Failure::PpkRefused),
        _ => Ok(()),
    }
}

/// Initiator: AUTH is about to be made. Mixes the PPK in if the responder takes it.
pub(super) fn apply(
    handshake: &mut Handshake,
    connection: &Connection,
    secured: &Secured,
    env: &dyn Environment,
) {
    let own = connection.ppk.as_ref().and_then(|ppk| own(ppk, env));
    if let (Some((_, secret)), true) = (own, handshake.announced.ppk) {
        handshake.mix(&secret, secured);
    }
}

/// Initiator: whether the responder may choose to do without the PPK that was mixed in. It then needs
/// the AUTH of one that has none.
pub(super) fn is_optional(handshake: &Handshake, connection: &Connection) -> bool {
    let optional = connection.ppk.as_ref().is_some_and(|ppk| !ppk.required);
    optional && handshake.ppk.is_some()
}

/// Initiator: to be sent with AUTH, if a PPK was mixed in. `without` is the data of the AUTH without it.
pub(super) fn announce(
    handshake: &Handshake,
    connection: &Connection,
    without: Option<Vec<u8>>,
) -> Vec<Payload> {
    let id = connection.ppk.as_ref().and_then(|ppk| ppk.id.exact());
    let (Some(id), Some(_)) = (id, &handshake.ppk) else {
        return Vec::new();
    };
    let mut data = vec![PPK_ID_FIXED];
    data.extend(id.to_string().into_bytes());
    let mut payloads = vec![notify(NotifyType::PPK_IDENTITY, data)];
    payloads.extend(without.map(|auth| notify(NotifyType::NO_PPK_AUTH, auth)));
    payloads
}

/// Initiator: the response to our AUTH tells whether the responder has the PPK, too. Without it the
/// original keys count, as they do in an AUTH that comes before ours, as with EAP.
pub(super) fn read_answer(
    handshake: &mut Handshake,
    connection: &Connection,
    payloads: &Payloads,
) -> Result<(), Failure> {
    if handshake.ppk.is_some() && payloads.notify(NotifyType::PPK_IDENTITY).is_none() {
        if connection.ppk.as_ref().is_some_and(|ppk| ppk.required) {
            return Err(Failure::PpkRefused);
        }
        handshake.ppk = None;
    }
    Ok(())
}

/// Responder: what becomes of a request with AUTH.
pub(super) struct Offered {
    /// The initiator has a PPK by this name.
    id: Option<Identification>,
    /// It can do without.
    without: Option<Vec<u8>>,
    named: bool,
}

impl Offered {
    pub(super) fn read(handshake: &Handshake, payloads: &Payloads) -> Self {
        let identity = payloads.notify(NotifyType::PPK_IDENTITY);
        let identity = identity.filter(|_| handshake.announced.ppk);
        let without = payloads.notify(NotifyType::NO_PPK_AUTH);
        Self {
            id: identity.and_then(|notify| read_identity(&notify.data)),
            without: without.map(|notify| notify.data.clone()),
            named: identity.is_some(),
        }
    }

    fn secret(&self, connection: &Connection, env: &dyn Environment) -> Option<Arc<Secret>> {
        let (ppk, id) = (connection.ppk.as_ref()?, self.id.as_ref()?);
        ppk.id.matches(id).then(|| env.ppk(id)).flatten()
    }

    /// Whether the PPK of this connection is used.
    pub(super) fn applies(&self, connection: &Connection, env: &dyn Environment) -> bool {
        self.secret(connection, env).is_some()
    }

    /// Whether the connection can be meant: if one end requires a PPK, both must have it.
    pub(super) fn suits(&self, connection: &Connection, env: &dyn Environment) -> bool {
        let ours = connection.ppk.as_ref().is_some_and(|ppk| ppk.required);
        let theirs = self.named && self.without.is_none();
        !ours && !theirs || self.applies(connection, env)
    }

    /// Mixes the PPK in, and gives the AUTH that is to be judged (RFC 8784 section 3, table 1).
    pub(super) fn judge(
        self,
        handshake: &mut Handshake,
        connection: &Connection,
        auth: &[u8],
        (secured, env): (&Secured, &dyn Environment),
    ) -> Result<Vec<u8>, Failure> {
        if let Some(secret) = self.secret(connection, env) {
            handshake.mix(&secret, secured);
            return Ok(auth.to_vec());
        }
        match self.without {
            _ if !self.named => Ok(auth.to_vec()),
            Some(without) => Ok(without),
            None => Err(Failure::NoPpk),
        }
    }
}

fn read_identity(data: &[u8]) -> Option<Identification> {
    let (PPK_ID_FIXED | PPK_ID_OPAQUE, id) = data.split_first().map(|(kind, id)| (*kind, id))?
    else {
        return None;
    };
    Identification::from_config(str::from_utf8(id).ok()?).ok()
}

/// Responder: the PPK was used.
pub(super) fn answer(handshake: &Handshake) -> Option<Payload> {
    let used = handshake.ppk.is_some();
    used.then(|| notify(NotifyType::PPK_IDENTITY, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proposal::PrfId;

    #[test]
    fn keys_are_mixed_as_prf_plus_says() {
        let prf = Prf::new(PrfId::HMAC_SHA2_256).unwrap();
        let (ppk, key) = (Secret::new(*b"ppk"), Secret::new([7; 32]));
        let mixed = Mixed::new(prf, &ppk, &key, (&Secret::new([8; 32]), &key));
        // T1 = prf(K, S | 0x01), which has all the octets there are.
        let t1 = prf.compute(b"ppk", &[&[7; 32], &[1]]);
        assert_eq!(mixed.sk_d.expose(), t1.expose());
        assert_eq!(mixed.sk_pr.expose(), t1.expose());
        assert_ne!(mixed.sk_pi.expose(), t1.expose());
    }

    #[test]
    fn identities() {
        let name = Identification::Fqdn("ppk.example".into());
        assert_eq!(read_identity(b"\x02ppk.example"), Some(name.clone()));
        assert_eq!(read_identity(b"\x01ppk.example"), Some(name));
        for bad in [&b""[..], b"\x02", b"\x03ppk.example", b"\x02\xff\xfe"] {
            assert_eq!(read_identity(bad), None);
        }
    }
}
