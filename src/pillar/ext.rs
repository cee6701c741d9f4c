//! External pillars in the order of the option `ext_pillar`. Salt: pillar/__init__.py (`ext_pillar`).

use crate::log::error;

use super::{Compiler, NO_EXTERNAL};
use crate::value::{Map, Value, str_of};

/// What Salt carries and we do not: their values would be missed. Any other unknown name is a mistake or a Python file
/// of the site; Salt leaves out what it cannot load with a line in the log, and so do we.
const SALTS: &str = " azureblob cmd_yamlex cobbler confidant consul csv digicert django_orm ec2_pillar etcd \
    foreman gpg hg hiera libvirt makostack mongo mysql nacl netbox neutron pepa \
    pillar_ldap postgres puppet reclass redis rethinkdb s3 saltclass sqlcipher sqlite3 svn varstack vault venafi \
    virtkey vmware ";

impl Compiler<'_> {
    /// `pillar` with what external sources give.
    pub(super) fn external(&self, mut pillar: Map, errors: &mut Vec<String>) -> Map {
        const MALFORMED: &str = "The \"ext_pillar\" option is malformed";
        let Value::List(configured) = self.cx.opts.get("ext_pillar").unwrap_or(&NO_EXTERNAL) else {
            errors.push(MALFORMED.to_owned());
            return pillar;
        };
        if !self.request.overrides.is_empty() {
            pillar = self.merged(pillar, self.request.overrides.clone());
        }
        let excluded = self.cx.opts.get("exclude_ext_pillar").and_then(Value::as_list).unwrap_or_default();
        let on_demand = self.on_demand();
        for run in configured.iter().chain(on_demand.as_ref()) {
            let Value::Map(run) = run else {
                errors.push(MALFORMED.to_owned());
                return Map::new();
            };
            if run.keys().next().is_some_and(|name| excluded.contains(name)) {
                continue;
            }
            let mut given = Map::new();
            for (name, config) in run {
                let name = str_of(name);
                match self.external.call(&name, self.cx, &pillar, &self.request.extra, config) {
                    None => {
                        error!("Specified ext_pillar interface {name} is unavailable");
                        if SALTS.contains(&format!(" {name} ")) {
                            errors.push(format!(
                                "ext_pillar {name} is not supported by Halite: its values are missing"
                            ));
                        }
                    }
                    Some(Ok(Value::Map(data))) => given = data,
                    Some(Ok(_)) => given = Map::new(),
                    Some(Err(fault)) => errors.push(format!("Failed to load ext_pillar {name}: {fault}")),
                }
            }
            if !given.is_empty() {
                pillar = self.merged(pillar, given);
            }
        }
        pillar
    }

    /// The external pillar of this request alone, if it may ask for it.
    fn on_demand(&self) -> Option<Value> {
        let asked = self.request.ext.as_ref().filter(|asked| !asked.is_empty())?;
        let allowed = self.cx.opts.get("on_demand_ext_pillar").and_then(Value::as_list).unwrap_or_default();
        let refused: Vec<String> = asked.keys().filter(|name| !allowed.contains(name)).map(str_of).collect();
        if refused.is_empty() {
            return Some(asked.clone().into());
        }
        error!(
            "The following ext_pillar modules are not allowed for on-demand pillar data: {}. See the option \
             on_demand_ext_pillar.",
            refused.join(", ")
        );
        None
    }
}
