//! Answers to what IKE_SAs ask: a signature is what it signs, and EAP a number that both ends count up
//! until it is enough.

use holdfast_ike::{
    Secret,
    sa::{
        CredentialAnswer, Failure,
        credential::{Answer, Eap, Question},
    },
};

/// RFC 7427's authentication method.
const DIGITAL_SIGNATURE: u8 = 14;
/// The authenticator is content with this number.
const ENOUGH: u8 = 3;
const SUCCESS: u8 = 0xff;

pub(crate) fn answer(question: Question) -> CredentialAnswer {
    match question {
        Question::Sign(sign) => Ok(Answer::Signed {
            method: DIGITAL_SIGNATURE,
            auth: sign.octets,
            certificates: Vec::new(),
        }),
        Question::Verify(verify) if verify.octets.contains(&verify.auth) => {
            Ok(Answer::Verified { connection: 0 })
        }
        Question::Verify(_) => Err(Failure::AuthenticationFailed),
        Question::Eap(eap) => Ok(converse(&eap)),
    }
}

/// An authenticator asks with even numbers, its peer answers with the next.
fn converse(eap: &Eap) -> Answer {
    let success = |message| Answer::EapSuccess {
        message,
        msk: Some(Secret::new(*b"what both have made of their words")),
        mutual: false,
        identity: None,
    };
    match eap.message.as_deref() {
        None => Answer::EapMessage(vec![0]),
        Some([SUCCESS]) => success(None),
        Some([number]) if number % 2 == 0 => Answer::EapMessage(vec![number + 1]),
        Some([number]) if *number < ENOUGH => Answer::EapMessage(vec![number + 1]),
        Some([_]) => success(Some(vec![SUCCESS])),
        Some(_) => Answer::EapFailure {
            message: None,
            failure: Failure::Eap("not a number"),
        },
    }
}
