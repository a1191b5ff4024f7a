//! Stateless cookies against floods of IKE_SA_INIT requests (RFC 7296 section 2.6).

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::{
    Environment, IkeSpi, Secret,
    crypto::{hmac_sha256, verify},
};

/// How long a secret makes new cookies; it is accepted for as long again.
const SECRET_LIFE: Duration = Duration::from_secs(60);

/// Makes and checks cookies: `version | HMAC-SHA256(secret, Ni | IPi | SPIi)`.
#[derive(Debug, Default)]
pub(super) struct Cookies {
    secrets: Option<[Secret; 2]>,
    version: u8,
    renewed: Option<Instant>,
}

impl Cookies {
    /// The cookie for this initiator.
    pub(super) fn make(
        &mut self,
        nonce: &[u8],
        address: IpAddr,
        spi: IkeSpi,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Vec<u8> {
        self.renew(now, env);
        let version = self.version;
        self.secrets.as_ref().map_or_else(Vec::new, |[current, _]| {
            let mut cookie = vec![version];
            cookie.extend_from_slice(&mac(current, nonce, address, spi));
            cookie
        })
    }

    /// Whether `cookie` was made for this initiator not long ago.
    pub(super) fn check(
        &mut self,
        cookie: &[u8],
        nonce: &[u8],
        address: IpAddr,
        spi: IkeSpi,
        now: Instant,
        env: &mut dyn Environment,
    ) -> bool {
        self.renew(now, env);
        let (Some([current, previous]), Some((version, received))) =
            (&self.secrets, cookie.split_first())
        else {
            return false;
        };
        let secret = match self.version.wrapping_sub(*version) {
            0 => current,
            1 => previous,
            _ => return false,
        };
        verify(received, &mac(secret, nonce, address, spi))
    }

    fn renew(&mut self, now: Instant, env: &mut dyn Environment) {
        let age = self.renewed.map(|at| now.saturating_duration_since(at));
        if age.is_some_and(|age| age < SECRET_LIFE) {
            return;
        }
        // After a long pause the previous secret must not be accepted either.
        let previous = match self.secrets.take() {
            Some([current, _]) if age.is_some_and(|age| age < SECRET_LIFE * 2) => current,
            _ => random_secret(env),
        };
        self.secrets = Some([random_secret(env), previous]);
        self.version = self.version.wrapping_add(1);
        self.renewed = Some(now);
    }
}

fn random_secret(env: &mut dyn Environment) -> Secret {
    let mut bytes = [0; 32];
    env.random(&mut bytes);
    Secret::new(bytes)
}

fn mac(secret: &Secret, nonce: &[u8], address: IpAddr, spi: IkeSpi) -> [u8; 32] {
    match address {
        IpAddr::V4(address) => hmac_sha256(secret.expose(), &[nonce, &address.octets(), &spi.0]),
        IpAddr::V6(address) => hmac_sha256(secret.expose(), &[nonce, &address.octets(), &spi.0]),
    }
}
