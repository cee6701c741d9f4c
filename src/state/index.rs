//! Finding states of high data by id, by SLS, or by anything that one of their arguments says. Salt: state.py
//! (`find_name`, `find_sls_ids`), without walking through all of it for each question.

use std::collections::HashMap;

use crate::value::{Map, Value};

/// Answers for one high data, which does not change meanwhile.
pub(super) struct Index<'h> {
    high: &'h Map,
    by_argument: Option<HashMap<(&'h str, &'h Value), Vec<&'h Value>>>,
}

impl<'h> Index<'h> {
    /// Nothing is indexed yet.
    pub(super) fn new(high: &'h Map) -> Self {
        Index { high, by_argument: None }
    }

    /// `(id, module)` of the states that `name` means. With `strict` a state with that id has to have `module`.
    pub(super) fn find(&mut self, name: &Value, module: &str, strict: bool) -> Vec<(Value, Value)> {
        let own = self.high.get_value(name);
        if own.is_some_and(|body| !strict || body.get(module).is_some()) {
            return vec![(name.clone(), module.into())];
        }
        if module == "sls" {
            return self.of_sls_first(name).map(|(id, module)| (id.clone(), module.clone())).collect();
        }
        let found = self.by_argument().get(&(module, name)).cloned().unwrap_or_default();
        found.into_iter().map(|id| (id.clone(), module.into())).collect()
    }

    fn of_sls_first(&self, name: &Value) -> impl Iterator<Item = (&'h Value, &'h Value)> {
        let wanted = name.clone();
        self.high.iter().filter_map(move |(id, body)| {
            let body = body.as_map()?;
            (body.get("__sls__") == Some(&wanted)).then_some(())?;
            Some((id, body.at(0)?.0))
        })
    }

    /// Every `(id, module)` of an SLS file.
    pub(super) fn of_sls(&self, sls: &Value) -> Vec<(Value, Value)> {
        let mut found = Vec::new();
        for (id, body) in self.high {
            let Some(body) = body.as_map().filter(|body| body.get("__sls__") == Some(sls)) else { continue };
            for module in body.keys().filter(|key| !key.as_str().is_some_and(|key| key.starts_with("__"))) {
                found.push((id.clone(), module.clone()));
            }
        }
        found
    }

    // Salt quirk: state.py, `find_name`: any argument with this value will do, not only `name`.
    fn by_argument(&mut self) -> &HashMap<(&'h str, &'h Value), Vec<&'h Value>> {
        let high = self.high;
        self.by_argument.get_or_insert_with(|| {
            let mut index: HashMap<(&str, &Value), Vec<&Value>> = HashMap::new();
            for (id, body) in high {
                for (module, args) in body.as_map().into_iter().flatten() {
                    let (Some(module), Some(args)) = (module.as_str(), args.as_list()) else { continue };
                    for arg in args.iter().filter_map(Value::as_map).filter(|arg| arg.len() == 1) {
                        if let Some((_, value)) = arg.at(0) {
                            index.entry((module, value)).or_default().push(id);
                        }
                    }
                }
            }
            index
        })
    }
}
