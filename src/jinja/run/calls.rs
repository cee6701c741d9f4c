//! Calls: of methods, macros, builtin functions and Salt's functions.

use std::rc::Rc;

use super::super::call::Args;
use super::super::convert::{from_value, to_value};
use super::super::fault::{Fault, Kind, Res};
use super::super::methods;
use super::super::object::Obj;
use super::super::surroundings::CallFault;
use super::super::syntax::{Expr, Node};
use super::super::val::{Entries, Key, Val, Why};
use super::{Cx, Run};
use crate::value::Map;

impl Run<'_> {
    /// A call as it stands in the template; `caller` is the body of a call block.
    pub(super) fn call_node(&mut self, node: &Node, caller: Option<Val>, cx: &Cx) -> Res<Val> {
        let Expr::Call(callee, nodes) = &node.expr else {
            return Err(Fault::template("expected call"));
        };
        // A method of plain data is called without making an object of it.
        if let Expr::Attr(of, name) = &callee.expr {
            let of = self.eval(of, cx)?;
            if !matches!(of, Val::Obj(_) | Val::Undefined(_)) && methods::has(&of, name) {
                let args = self.args(nodes, caller, cx)?;
                return methods::call(self, &of, name, args);
            }
            let callee = self.attr(&of, name)?;
            let args = self.args(nodes, caller, cx)?;
            return self.call(&callee, args, cx);
        }
        let callee = self.eval(callee, cx)?;
        let args = self.args(nodes, caller, cx)?;
        self.call(&callee, args, cx)
    }

    fn call(&mut self, callee: &Val, args: Args, cx: &Cx) -> Res<Val> {
        if let Val::Obj(obj) = callee
            && let Obj::Native { name: "show_full_context", .. } = &**obj
        {
            let all = self.everything(cx);
            let entries: Entries = all
                .into_iter()
                .filter(|(_, val)| !matches!(val, Val::Obj(_) | Val::Undefined(_)))
                .map(|(name, val)| (Key(Val::Str(name)), val))
                .collect();
            return Ok(Val::dict(entries));
        }
        self.call_value(callee, args)
    }

    /// Calls any value.
    pub(in super::super) fn call_value(&mut self, callee: &Val, args: Args) -> Res<Val> {
        self.tick()?;
        let obj = match callee {
            Val::Undefined(undefined) => return Err(undefined.fault()),
            Val::Obj(obj) => Rc::clone(obj),
            other => return Err(Fault::other(format!("'{}' object is not callable", other.type_name()))),
        };
        match &*obj {
            Obj::Macro(it) => self.call_macro(it, args),
            Obj::Native { run, .. } => run(self, args),
            Obj::Method { of, name } => match of {
                Val::Obj(of) => self.object_method(of, name, args),
                _ => methods::call(self, of, name, args),
            },
            Obj::Loop(state) => self.recurse(state, args),
            Obj::BlockRef { name, context, depth } => self.call_block(name, context, *depth),
            Obj::Joiner { separator, used } => {
                Ok(if used.replace(true) { separator.clone() } else { Val::str("") })
            }
            Obj::SaltFunction(name) => self.call_salt(name, args),
            other => Err(Fault::other(format!("'{}' object is not callable", other.type_name()))),
        }
    }

    fn object_method(&mut self, of: &Obj, name: &str, args: Args) -> Res<Val> {
        match (of, name) {
            (Obj::Loop(state), _) => state.method(name, args),
            (Obj::Cycler { items, at }, "next") => {
                let item = items.get(at.get()).cloned().unwrap_or(Val::None);
                at.set((at.get() + 1) % items.len().max(1));
                Ok(item)
            }
            (Obj::Cycler { at, .. }, _) => {
                at.set(0);
                Ok(Val::None)
            }
            (Obj::Native { .. }, _) => methods::dict::from_keys(args),
            (Obj::Salt, "get") => {
                let [name, default] = args.bind("get", ["key", "default"], 1)?;
                let found = match &name {
                    Some(name) => self.object_item(of, name)?,
                    None => None,
                };
                Ok(found.or(default).unwrap_or(Val::None))
            }
            _ => Err(Fault::other(format!("'{name}' is not supported in templates"))),
        }
    }

    /// Calls a function of Salt with plain data.
    fn call_salt(&mut self, name: &str, args: Args) -> Res<Val> {
        let mut pos = Vec::with_capacity(args.pos.len());
        for val in &args.pos {
            pos.push(to_value(val)?);
        }
        let mut kw = Map::new();
        for (key, val) in &args.kw {
            kw.insert(&**key, to_value(val)?);
        }
        let around = self.around;
        let value = around.call(name, &mut pos, &mut kw).map_err(|fault| match fault {
            CallFault::Refused(text) => Fault::new(Kind::Call, text),
            CallFault::Failed(text) => Fault::other(text),
        })?;
        if around.changes_arguments(name) {
            for (val, value) in args.pos.iter().zip(&pos) {
                write_back(val, from_value(value));
            }
        }
        Ok(from_value(&value))
    }

    pub(in super::super) fn hint(&self, text: String) -> Val {
        self.undefined(Why::Hint(text))
    }
}

/// Puts what a function made of its argument where the template sees it.
fn write_back(val: &Val, new: Val) {
    match (val, &new) {
        (Val::Dict(old), Val::Dict(new)) => {
            old.entries.replace(new.entries.take());
        }
        (Val::List(old), Val::List(new)) => {
            old.0.replace(new.0.take());
        }
        _ => {}
    }
}
