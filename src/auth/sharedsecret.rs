//! `sharedsecret`: one password for everybody, the option `sharedsecret`. Salt: auth/sharedsecret.py.

use super::{Backend, Login, same};
use crate::value::{Map, str_of};

pub(super) static BACKEND: Backend = Backend { name: "sharedsecret", check, groups: super::no_groups };

fn check(opts: &Map, login: Login<'_>) -> Result<bool, String> {
    let secret = opts.get("sharedsecret").filter(|secret| secret.truthy());
    // Without the option Salt compares with None: nobody gets in.
    let Some(secret) = secret else { return Err("the option sharedsecret is not set".to_owned()) };
    Ok(same(str_of(secret).as_bytes(), login.password.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn only_the_secret_opens() {
        let ask = |opts: &Map, password| check(opts, Login { username: "fred", password });
        let opts = map! { "sharedsecret" => "open" };
        assert_eq!(ask(&opts, "open"), Ok(true));
        assert_eq!(ask(&opts, "shut"), Ok(false));
        assert_eq!(ask(&opts, ""), Ok(false));
        assert!(ask(&Map::new(), "").is_err() && ask(&map! { "sharedsecret" => "" }, "").is_err());
    }
}
