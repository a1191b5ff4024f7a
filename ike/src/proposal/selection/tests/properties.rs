//! Whatever is offered and configured: what is selected is accepted.

use proptest::prelude::*;

use super::*;
use crate::proposal::notation::tests::any_proposal;

fn any_list(protocol: Protocol) -> impl Strategy<Value = Vec<Proposal>> {
    prop::collection::vec(any_proposal(protocol), 0..4).prop_map(numbered)
}

/// Offers as peers may make them: also with things left out, said twice or unheard of.
fn any_offer(protocol: Protocol) -> impl Strategy<Value = Vec<Proposal>> {
    let extra = prop_oneof![
        Just(NO_INTEGRITY),
        Just(NO_ESN),
        Just(ESN),
        Just(SHA384),
        Just(NO_KEY_EXCHANGE),
        Just(X25519),
        Just(Transform::Integrity(IntegrityId::HMAC_SHA2_256_128)),
        Just(Transform::Encryption(EncryptionId::AES_CBC, Some(256))),
        Just(Transform::Encryption(EncryptionId::AES_GCM_16, None)),
        (0..8_u8, any::<u16>())
            .prop_map(|(transform_type, id)| Transform::Unknown { transform_type, id }),
    ];
    let extras = prop::collection::vec((extra, any::<prop::sample::Index>()), 0..4);
    (any_list(protocol), extras, any::<prop::sample::Index>()).prop_map(
        |(mut offer, extras, removed)| {
            for proposal in &mut offer {
                for (extra, position) in &extras {
                    let position = position.index(proposal.transforms.len() + 1);
                    proposal.transforms.insert(position, *extra);
                }
            }
            if extras.len() > 2 && !offer.is_empty() {
                let transforms = &mut offer[0].transforms;
                transforms.remove(removed.index(transforms.len()));
            }
            offer
        },
    )
}

fn any_use() -> impl Strategy<Value = KeyExchangeUse> {
    prop_oneof![Just(KeyExchangeUse::Strip), Just(KeyExchangeUse::Negotiate)]
}

/// As an initiator must offer it in that exchange.
fn as_sent(mut offer: Vec<Proposal>, key_exchange: KeyExchangeUse) -> Vec<Proposal> {
    if key_exchange == KeyExchangeUse::Strip {
        for proposal in &mut offer {
            proposal.transforms.retain(|transform| {
                !matches!(transform.transform_type(), 4 | 6..=12)
                    || *transform == Transform::KeyExchange(KeyExchangeMethod::NONE)
            });
        }
    }
    offer
}

fn is_one_of_each_type(proposal: &Proposal) -> bool {
    let mut types: Vec<u8> = proposal
        .transforms
        .iter()
        .map(Transform::transform_type)
        .collect();
    types.sort_unstable();
    types.windows(2).all(|pair| pair[0] != pair[1])
}

proptest! {
    #[test]
    fn ike_answers_are_accepted(
        offered in any_offer(Protocol::Ike),
        configured in any_list(Protocol::Ike),
    ) {
        if let Some(selected) = select_ike(&offered, &configured) {
            prop_assert!(is_one_of_each_type(&selected.proposal));
            let accepted = accept_ike(&offered, std::slice::from_ref(&selected.proposal));
            prop_assert_eq!(accepted, Some(selected.suite));
            // We are never talked into what is not configured.
            let agreed = select_ike(std::slice::from_ref(&selected.proposal), &configured);
            prop_assert_eq!(agreed.map(|agreed| agreed.suite), Some(selected.suite));
        }
    }

    #[test]
    fn esp_answers_are_accepted(
        offered in any_offer(Protocol::Esp),
        configured in any_list(Protocol::Esp),
        key_exchange in any_use(),
    ) {
        let offered = as_sent(offered, key_exchange);
        if let Some(selected) = select_esp(&offered, &configured, key_exchange) {
            prop_assert!(is_one_of_each_type(&selected.proposal));
            let accepted = accept_esp(&offered, std::slice::from_ref(&selected.proposal));
            prop_assert_eq!(accepted, Some(selected.suite));
        }
    }

    #[test]
    fn the_same_configuration_on_both_sides_agrees(
        configured in any_list(Protocol::Ike),
        children in any_list(Protocol::Esp),
        key_exchange in any_use(),
    ) {
        prop_assert_eq!(select_ike(&configured, &configured).is_some(), !configured.is_empty());
        let sent = as_sent(children.clone(), key_exchange);
        let selected = select_esp(&sent, &children, key_exchange);
        prop_assert_eq!(selected.is_some(), !children.is_empty());
    }
}
