//! `extra_minion_data_in_pillar`: options that a minion sends along (`pass_to_ext_pillars`), as they are. Salt:
//! pillar/extra_minion_data_in_pillar.py.

use crate::loader::{Default, Function, opt, req};
use crate::value::{Map, Value, str_of};

pub(super) const ROW: Function = Function::new(
    "extra_minion_data_in_pillar",
    &[req("minion_id"), req("pillar"), req("include"), opt("extra_minion_data", Default::None)],
    "The options of the minion that its `pass_to_ext_pillars` names: those below the paths (`a:b`) of the list `include`, \
     or with `*` all.",
    |_, args| {
        let empty = Map::new();
        let extra = args.get("extra_minion_data").as_map().unwrap_or(&empty);
        let include = args.get("include");
        if matches!(include.as_str(), Some("*" | "<all>")) {
            return Ok(extra.clone().into());
        }
        let paths = include.as_list().unwrap_or(std::slice::from_ref(include));
        let mut data = Map::new();
        for path in paths.iter().map(str_of) {
            let steps: Vec<&str> = path.split(':').collect();
            data.extend(subtree(extra, &steps));
        }
        Ok(data.into())
    },
);

/// What is there below a path, with the path above it; empty where there is nothing.
fn subtree(data: &Map, path: &[&str]) -> Map {
    let Some((step, rest)) = path.split_first() else { return Map::new() };
    let Some(found) = data.get(step) else { return Map::new() };
    let inner = match (rest, found) {
        ([], found) => found.clone(),
        (rest, Value::Map(found)) => {
            let below = subtree(found, rest);
            if below.is_empty() {
                return Map::new();
            }
            below.into()
        }
        _ => return Map::new(),
    };
    [(*step, inner)].into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map;

    #[test]
    fn a_path_keeps_what_stands_above_it() {
        let data = map! { "a" => map! { "b" => 1, "c" => 2 }, "d" => 3 };
        assert_eq!(subtree(&data, &["a", "b"]), map! { "a" => map! { "b" => 1 } });
        assert_eq!(subtree(&data, &["d"]), map! { "d" => 3 });
        for missing in [&["a", "x"][..], &["x", "b"], &["d", "e"]] {
            assert!(subtree(&data, missing).is_empty());
        }
    }
}
