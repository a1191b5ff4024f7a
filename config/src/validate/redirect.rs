//! Where clients are sent (RFC 5685).

use holdfast_ike::sa::redirect::{Redirect, RedirectAt};

use super::keyword;
use crate::{raw::RawConnection, report::Scope};

pub(super) fn redirect(raw: &RawConnection, scope: &Scope<'_>) -> Option<Redirect> {
    let words = [
        ("ike_sa_init", RedirectAt::IkeSaInit),
        ("ike_auth", RedirectAt::IkeAuth),
    ];
    let when = scope.key("redirect_at");
    let at = keyword(raw.redirect_at.as_deref(), &words, &[], &when);
    let Some(text) = raw.redirect_to.as_deref() else {
        if at.is_some() {
            when.warning(
                "without redirect_to nobody is redirected",
                "add redirect_to, or leave the key out",
            );
        }
        return None;
    };
    match text.parse() {
        Ok(to) => Some(Redirect {
            to,
            at: at.unwrap_or(RedirectAt::IkeAuth),
        }),
        Err(error) => {
            let message = format!("\"{text}\" is no gateway: {error}");
            let remedy = "write an address or a name, such as \"gw2.example\"";
            scope.key("redirect_to").error(message, remedy);
            None
        }
    }
}
