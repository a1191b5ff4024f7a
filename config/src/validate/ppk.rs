//! Post-quantum pre-shared keys (RFC 8784).

use holdfast_ike::config::{LocalRound, Ppk, RemoteRound};

use super::authentication::id;
use crate::{raw::RawConnection, report::Scope};

pub(super) fn ppk(
    raw: &RawConnection,
    (local, remote): (&[LocalRound], &[RemoteRound]),
    scope: &Scope<'_>,
) -> Option<Ppk> {
    let required = raw.ppk_required.unwrap_or(false);
    let scope_of_id = scope.key("ppk_id");
    let Some(text) = raw.ppk_id.as_deref() else {
        if required {
            scope.key("ppk_required").error(
                "a PPK is required and none is named",
                "add ppk_id, or leave the key out",
            );
        }
        return None;
    };
    if local.len() > 1 || remote.len() > 1 {
        scope_of_id.error(
            "a PPK can be used only where both ends authenticate once",
            "use one round in local and remote, or leave ppk_id out",
        );
    }
    Some(Ppk {
        id: id(Some(text), &scope_of_id),
        required,
    })
}
