//! What is inside a ticket: all that the gateway needs to know of an IKE_SA that is no more.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{
    Identification, Secret,
    crypto::IkeSuite,
    proposal::{AdditionalKeyExchanges, EncryptionId, IntegrityId, KeyExchangeMethod, PrfId},
    wire::{WireError, payload_type, reader::Reader},
};

/// The content of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketContent {
    /// The connection that was chosen.
    pub connection: Arc<str>,
    /// The algorithms. Further key exchanges have done their part in `sk_d`.
    pub suite: IkeSuite,
    /// SK_d of the IKE_SA in which the ticket was given.
    pub sk_d: Secret,
    /// Who we were.
    pub local_id: Identification,
    /// Who the client was.
    pub remote_id: Identification,
    /// Who the client was for EAP.
    pub eap_id: Option<Identification>,
}

impl TicketContent {
    /// The octets.
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        let suite = &self.suite;
        // Enough to need no second buffer, which would leave a part of the key behind.
        let mut out = Zeroizing::new(Vec::with_capacity(2048));
        let integrity = suite.integrity.unwrap_or(IntegrityId::NONE);
        for number in [
            suite.encryption.0,
            suite.key_bits,
            integrity.0,
            suite.prf.0,
            suite.key_exchange.0,
        ] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        write_field(&mut out, self.sk_d.expose());
        write_field(&mut out, &self.local_id.body());
        write_field(&mut out, &self.remote_id.body());
        let eap_id = self.eap_id.as_ref().map(Identification::body);
        write_field(&mut out, &eap_id.unwrap_or_default());
        out.extend_from_slice(self.connection.as_bytes());
        out
    }

    /// Reads what [`TicketContent::write`] wrote.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(octets: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(octets);
        let suite = IkeSuite {
            encryption: EncryptionId(reader.u16()?),
            key_bits: reader.u16()?,
            integrity: Some(IntegrityId(reader.u16()?)).filter(|id| *id != IntegrityId::NONE),
            prf: PrfId(reader.u16()?),
            key_exchange: KeyExchangeMethod(reader.u16()?),
            additional: AdditionalKeyExchanges::NONE,
        };
        let sk_d = Secret::new(read_field(&mut reader)?);
        let local_id = read_id(read_field(&mut reader)?)?;
        let remote_id = read_id(read_field(&mut reader)?)?;
        let eap_id = match read_field(&mut reader)? {
            [] => None,
            body => Some(read_id(body)?),
        };
        let connection = str::from_utf8(reader.rest()).map_err(|_| malformed())?;
        Ok(Self {
            connection: connection.into(),
            suite,
            sk_d,
            local_id,
            remote_id,
            eap_id,
        })
    }
}

fn write_field(out: &mut Vec<u8>, field: &[u8]) {
    let length = u16::try_from(field.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&field[..length.into()]);
}

fn read_field<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let length = reader.u16()?;
    reader.take(length.into())
}

fn read_id(body: &[u8]) -> Result<Identification, WireError> {
    let ([id_type, 0, 0, 0], data) = body.split_first_chunk::<4>().ok_or(WireError::Truncated)?
    else {
        return Err(malformed());
    };
    Identification::parse(*id_type, data).map_err(|_| malformed())
}

fn malformed() -> WireError {
    WireError::Malformed {
        payload: payload_type::NOTIFY,
        reason: "not a ticket",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn content(name: &str, sk_d: Vec<u8>, id: Vec<u8>, eap: Option<String>) -> TicketContent {
        TicketContent {
            connection: name.into(),
            suite: IkeSuite {
                encryption: EncryptionId::AES_CBC,
                key_bits: 256,
                integrity: Some(IntegrityId::HMAC_SHA2_256_128),
                prf: PrfId::HMAC_SHA2_512,
                key_exchange: KeyExchangeMethod::CURVE_25519,
                additional: AdditionalKeyExchanges::NONE,
            },
            sk_d: Secret::new(sk_d),
            local_id: Identification::Fqdn("gateway.example".into()),
            remote_id: Identification::KeyId(id),
            eap_id: eap.map(Identification::Fqdn),
        }
    }

    proptest! {
        #[test]
        fn round_trip(
            name in ".{1,40}",
            sk_d in proptest::collection::vec(any::<u8>(), 0..64),
            id in proptest::collection::vec(any::<u8>(), 0..64),
            eap in proptest::option::of("[a-z.]{1,20}"),
        ) {
            let content = content(&name, sk_d, id, eap);
            prop_assert_eq!(TicketContent::read(&content.write()), Ok(content));
        }

        #[test]
        fn anything_else_is_an_error(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(content) = TicketContent::read(&octets) {
                prop_assert_eq!(&**content.write(), &octets);
            }
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let content = content("gw", vec![1; 32], vec![2; 8], Some("carol".into()));
        let octets = content.write();
        for length in 0..octets.len() - "gw".len() {
            assert!(TicketContent::read(&octets[..length]).is_err(), "{length}");
        }
    }
}
