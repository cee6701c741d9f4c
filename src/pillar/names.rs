//! Names of environments and SLS files. Salt: pillar/__init__.py (`_get_envs`, `__gen_opts`, `__gather_avail`),
//! fileclient.py (`list_states`).

use crate::value::{Map, Value, str_of};

/// The environment that stands for whichever is asked for.
const ANY: &str = "__env__";

/// `base`, and those of `pillar_roots` in their order. `__env__` there is `asked`.
pub(super) fn environments(opts: &Map, asked: Option<&str>) -> Vec<String> {
    let mut envs = vec!["base".to_owned()];
    for env in opts.get("pillar_roots").and_then(Value::as_map).into_iter().flat_map(Map::keys).map(str_of) {
        let env =
            if env == ANY { asked.filter(|env| !env.is_empty()).unwrap_or("base").to_owned() } else { env };
        if !envs.contains(&env) {
            envs.push(env);
        }
    }
    envs
}

/// Names of the SLS files among `paths`.
pub(super) fn sls_names(paths: &[String]) -> Vec<String> {
    let name = |path: &String| {
        let name = path.strip_suffix("/init.sls").or_else(|| path.strip_suffix(".sls"))?;
        Some(name.replace('/', "."))
    };
    paths.iter().filter_map(name).collect()
}
