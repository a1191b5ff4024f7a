//! The search for a path.

use std::sync::Arc;

use super::{
    MOST_CAS, MOST_COMPARISONS, MOST_SIGNATURES, MOST_STEPS, PathError, Validator, checks, policies,
};
use crate::Certificate;

pub(super) struct Search<'a> {
    validator: &'a Validator<'a>,
    extra: &'a [Arc<Certificate>],
    now: i64,
    signatures: usize,
    comparisons: usize,
    steps: usize,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        validator: &'a Validator<'a>,
        extra: &'a [Arc<Certificate>],
        now: i64,
    ) -> Self {
        Self {
            validator,
            extra,
            now,
            signatures: MOST_SIGNATURES,
            comparisons: MOST_COMPARISONS,
            steps: MOST_STEPS,
        }
    }

    pub(super) fn find(
        &mut self,
        end_entity: &Arc<Certificate>,
    ) -> Result<Vec<Arc<Certificate>>, PathError> {
        let mut path = vec![Arc::clone(end_entity)];
        self.extend(&mut path)?;
        Ok(path)
    }

    /// Goes on from the last certificate of the path, and leaves the path as it was when that fails.
    fn extend(&mut self, path: &mut Vec<Arc<Certificate>>) -> Result<(), PathError> {
        let Some(last) = path.last().map(Arc::clone) else {
            return Err(PathError::TooDeep);
        };
        let mut error = PathError::no_issuer(&last);
        for (candidate, is_anchor) in self.candidates(&last)? {
            let again = |other: &Arc<Certificate>| {
                other.subject() == candidate.subject()
                    && other.public_key() == candidate.public_key()
            };
            // An anchor that signed itself, or one that was renewed, may sign a copy of itself.
            if path.iter().any(again) && !is_anchor {
                continue;
            }
            match self.attempt(path, &candidate, is_anchor) {
                Ok(()) => return Ok(()),
                Err(PathError::TooMuchWork) => return Err(PathError::TooMuchWork),
                Err(other) => error = error.or(other),
            }
        }
        Err(error)
    }

    /// Goes on with this issuer.
    fn attempt(
        &mut self,
        path: &mut Vec<Arc<Certificate>>,
        candidate: &Arc<Certificate>,
        is_anchor: bool,
    ) -> Result<(), PathError> {
        if path.len() > MOST_CAS {
            return Err(PathError::TooDeep);
        }
        let refused = |refusal| PathError::refused(candidate, refusal);
        checks::any(candidate, self.now).map_err(refused)?;
        let cas_below = path[1..].iter().filter(|ca| !ca.is_self_issued()).count();
        checks::ca(candidate, cas_below as u32).map_err(refused)?;
        if !checks::names(candidate, path, &mut self.comparisons).map_err(refused)? {
            return Err(PathError::TooMuchWork);
        }
        self.signatures = self
            .signatures
            .checked_sub(1)
            .ok_or(PathError::TooMuchWork)?;
        if let Some(last) = path.last() {
            last.verify_signature(candidate.public_key(), self.validator.policy.strength)
                .map_err(|error| PathError::refused(last, error.into()))?;
        }
        if is_anchor {
            let wanted = &self.validator.policy.certificate_policies;
            policies::check(path, wanted)
                .map_err(|refusal| PathError::refused(&path[0], refusal))?;
            path.push(Arc::clone(candidate));
            return Ok(());
        }
        path.push(Arc::clone(candidate));
        self.extend(path).inspect_err(|_| {
            path.pop();
        })
    }

    /// Who may have signed a certificate, the likely ones first: those with the key that it names,
    /// those that do not say which key they have, the others; anchors among each first. The key
    /// identifier is a hint only (RFC 5280 section 4.2.1.1 does not make it part of the path).
    fn candidates(
        &mut self,
        certificate: &Certificate,
    ) -> Result<Vec<(Arc<Certificate>, bool)>, PathError> {
        let Validator {
            anchors,
            intermediates,
            ..
        } = self.validator;
        let all = anchors.len() + intermediates.len() + self.extra.len();
        // Each step looks at every certificate that there is; of those, few have the name.
        self.steps = self.steps.checked_sub(all).ok_or(PathError::TooMuchWork)?;
        let named =
            |candidate: &&Arc<Certificate>| candidate.subject().is_same(certificate.issuer());
        let rank = |candidate: &Certificate| match certificate.authority_key_id() {
            Some(id) if id == candidate.subject_key_id() => 0,
            Some(_) if candidate.extensions().subject_key_id.is_some() => 2,
            _ => 1,
        };
        let trusted = anchors.iter().filter(named);
        let trusted = trusted.map(|anchor| (anchor, anchor.is_self_issued()));
        let others = intermediates
            .iter()
            .chain(self.extra)
            .filter(named)
            .map(|ca| (ca, false));
        let mut candidates: Vec<(Arc<Certificate>, bool)> = Vec::new();
        for (candidate, is_anchor) in trusted.chain(others) {
            if !candidates
                .iter()
                .any(|(known, _)| known.der() == candidate.der())
            {
                candidates.push((Arc::clone(candidate), is_anchor));
            }
        }
        candidates.sort_by_key(|(candidate, is_anchor)| (rank(candidate), !is_anchor));
        Ok(candidates)
    }
}
