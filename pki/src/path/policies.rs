//! Certificate policies (RFC 5280 section 6.1), without the tree: only the policies that are valid
//! at the end are asked for, not by which mappings they came about.

use std::collections::BTreeSet;

use super::Refusal;
use crate::Certificate;

/// anyPolicy.
const ANY: &str = "2.5.29.32.0";

/// Policies that are kept while mapping them.
const MOST_POLICIES: usize = 256;

struct State {
    valid: BTreeSet<String>,
    explicit: u32,
    mapping: u32,
    any: u32,
}

/// Checks a path, end entity first, without its anchor if it has one. All of `wanted` must be valid
/// for the end entity.
pub(super) fn check<C: AsRef<Certificate>>(path: &[C], wanted: &[String]) -> Result<(), Refusal> {
    let unlimited = path.len() as u32 + 1;
    let mut state = State {
        valid: BTreeSet::from([ANY.to_owned()]),
        explicit: unlimited,
        mapping: unlimited,
        any: unlimited,
    };
    for (below, certificate) in path.iter().enumerate().rev() {
        state.enter(certificate.as_ref(), below == 0);
        if below > 0 {
            state.leave(certificate.as_ref());
        }
    }
    // Section 6.1.5 (a) and (b).
    let end_entity = path
        .first()
        .map(|end_entity| end_entity.as_ref().extensions());
    let required_now = end_entity.is_some_and(|it| it.require_explicit_policy == Some(0));
    if (state.explicit <= 1 || required_now) && state.valid.is_empty() {
        return Err(Refusal::NoPolicy);
    }
    let missing = wanted
        .iter()
        .find(|policy| !state.valid.contains(*policy) && !state.valid.contains(ANY));
    missing.map_or(Ok(()), |policy| Err(Refusal::Policy(policy.clone())))
}

impl State {
    /// Section 6.1.3 (d) and (e).
    fn enter(&mut self, certificate: &Certificate, is_last: bool) {
        let Some(policies) = &certificate.extensions().policies else {
            self.valid.clear();
            return;
        };
        let may_be_any = self.any > 0 || !is_last && certificate.is_self_issued();
        if policies.contains(ANY) && may_be_any {
            return;
        }
        if self.valid.contains(ANY) {
            self.valid = policies
                .iter()
                .filter(|policy| *policy != ANY)
                .cloned()
                .collect();
        } else {
            self.valid.retain(|policy| policies.contains(policy));
        }
    }

    /// Section 6.1.4 (a), (b), (h), (i) and (j).
    fn leave(&mut self, certificate: &Certificate) {
        let extensions = certificate.extensions();
        let has_any = self.valid.contains(ANY);
        let mut mapped = BTreeSet::new();
        for (issuers, subjects) in &extensions.policy_mappings {
            let usable = self.mapping > 0 && issuers != ANY && subjects != ANY;
            if usable && mapped.len() < MOST_POLICIES && (has_any || self.valid.contains(issuers)) {
                mapped.insert(subjects.clone());
            }
        }
        for (issuers, _) in &extensions.policy_mappings {
            if issuers != ANY {
                self.valid.remove(issuers);
            }
        }
        self.valid.append(&mut mapped);
        let step = u32::from(!certificate.is_self_issued());
        let next =
            |now: u32, limit: Option<u32>| now.saturating_sub(step).min(limit.unwrap_or(now));
        self.explicit = next(self.explicit, extensions.require_explicit_policy);
        self.mapping = next(self.mapping, extensions.inhibit_policy_mapping);
        self.any = next(self.any, extensions.inhibit_any_policy);
    }
}
