//! Configured traffic selectors, one a line: each is read back from what is printed of it, and
//! narrowing the first half of the lines by the second keeps the rules of RFC 7296 section 2.9.
#![no_main]

use holdfast_ike::{TrafficSelector, config::SelectorTemplate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut selectors = Vec::new();
    for line in text.lines().take(16) {
        let _ = SelectorTemplate::from_config(line);
        let Ok(selector) = TrafficSelector::from_config(line) else {
            continue;
        };
        assert!(selector.start <= selector.end);
        assert_eq!(selector.start.is_ipv4(), selector.end.is_ipv4());
        assert_eq!(
            TrafficSelector::from_config(&selector.to_string()),
            Ok(selector)
        );
        let subnets = selector.subnets();
        assert_eq!(
            subnets.first().map(|net| net.network()),
            Some(selector.start)
        );
        assert_eq!(
            subnets.last().map(|net| net.broadcast()),
            Some(selector.end)
        );
        selectors.push(selector);
    }
    let (offered, allowed) = selectors.split_at(selectors.len() / 2);
    let narrowed = TrafficSelector::narrow(offered, allowed);
    for (index, selector) in narrowed.iter().enumerate() {
        assert!(offered.iter().any(|offer| selector.is_subset_of(offer)));
        assert!(allowed.iter().any(|allow| selector.is_subset_of(allow)));
        let others = narrowed
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        for (_, other) in others {
            assert!(!selector.is_subset_of(other));
        }
    }
    for offer in offered {
        for allow in allowed {
            let common = offer.intersection(allow);
            assert_eq!(common, allow.intersection(offer));
            if let Some(common) = common {
                assert!(narrowed.iter().any(|selector| selector.contains(&common)));
            }
        }
    }
});
