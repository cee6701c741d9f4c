//! `val.name` and `val[index]`, as the sandbox lets them through. Jinja2 3.1: `sandbox.py`.

use std::rc::Rc;

use super::super::fault::Res;
use super::super::methods;
use super::super::object::Obj;
use super::super::val::{Val, Why};
use super::Run;

/// Names that every Python object has and no template may use.
const DUNDER: [&str; 34] = [
    "__class__",
    "__init__",
    "__dict__",
    "__doc__",
    "__len__",
    "__getitem__",
    "__setitem__",
    "__delitem__",
    "__contains__",
    "__iter__",
    "__eq__",
    "__ne__",
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
    "__hash__",
    "__repr__",
    "__str__",
    "__format__",
    "__sizeof__",
    "__reduce__",
    "__reduce_ex__",
    "__new__",
    "__getattribute__",
    "__setattr__",
    "__delattr__",
    "__dir__",
    "__init_subclass__",
    "__subclasshook__",
    "__add__",
    "__mul__",
    "__globals__",
    "__call__",
];

impl Run<'_> {
    /// `val.name`: an attribute, or else what lies below that key.
    pub(in super::super) fn attr(&mut self, val: &Val, name: &Rc<str>) -> Res<Val> {
        if let Val::Undefined(undefined) = val
            && !name.starts_with("__")
        {
            return Err(undefined.fault());
        }
        if let Some(member) = self.member(val, name)? {
            return Ok(member);
        }
        match val {
            Val::Dict(dict) => {
                if let Some(item) = dict.entries.borrow().get(&**name) {
                    return Ok(item.clone());
                }
            }
            Val::Obj(obj) => {
                if let Some(item) = self.object_item(obj, &Val::Str(Rc::clone(name)))? {
                    return Ok(item);
                }
            }
            _ => {}
        }
        if let Val::Undefined(undefined) = val {
            return Err(undefined.fault());
        }
        Ok(self.no_member(val, Val::Str(Rc::clone(name))))
    }

    /// `val[index]`: an item, or else an attribute of that name.
    pub(in super::super) fn subscript(&mut self, val: &Val, index: &Val) -> Res<Val> {
        if let Some(item) = self.index(val, index)? {
            return Ok(item);
        }
        if let Some(name) = index.as_str()
            && let Some(member) = self.member(val, name)?
        {
            return Ok(member);
        }
        Ok(self.no_member(val, index.clone()))
    }

    fn no_member(&self, val: &Val, name: Val) -> Val {
        self.undefined(Why::Member { owner: val.owner_name(), name })
    }

    /// The attribute itself, without a look at items; what the sandbox forbids is an undefined that says so.
    pub(in super::super) fn member(&mut self, val: &Val, name: &Rc<str>) -> Res<Option<Val>> {
        if name.starts_with('_') {
            if DUNDER.contains(&&**name) {
                let text = format!("access to attribute '{name}' of '{}' object is unsafe.", val.type_name());
                return Ok(Some(self.undefined(Why::Unsafe(text))));
            }
            return Ok(None);
        }
        if let Val::Obj(obj) = val {
            return self.object_attr(obj, name);
        }
        if let Some(field) = methods::field(val, name) {
            return Ok(Some(field));
        }
        if methods::has(val, name) {
            return Ok(Some(Val::obj(Obj::Method { of: val.clone(), name: Rc::clone(name) })));
        }
        Ok(None)
    }

    fn object_attr(&mut self, obj: &Rc<Obj>, name: &Rc<str>) -> Res<Option<Val>> {
        let method = || Some(Val::obj(Obj::Method { of: Val::Obj(Rc::clone(obj)), name: Rc::clone(name) }));
        Ok(match &**obj {
            Obj::Namespace(vars) => vars.borrow().get(name).cloned(),
            Obj::Loop(state) => state.attr(name, self)?,
            Obj::Cycler { items, at } => match &**name {
                "current" => Some(items.get(at.get()).cloned().unwrap_or(Val::None)),
                "pos" => Some(Val::len_of(at.get())),
                "items" => Some(Val::tuple(items.clone())),
                "next" | "reset" => method(),
                _ => None,
            },
            Obj::Joiner { separator, used } => match &**name {
                "sep" => Some(separator.clone()),
                "used" => Some(Val::Bool(used.get())),
                _ => None,
            },
            Obj::Module { exported, .. } => exported.borrow().get(name).cloned(),
            Obj::BlockRef { name: block, context, depth } => match &**name {
                "super" => Some(self.block_ref(block, context, depth + 1)),
                "name" => Some(Val::Str(Rc::clone(block))),
                _ => None,
            },
            Obj::Macro(it) => it.attr(name),
            Obj::Native { name: "dict" | "OrderedDict", .. } if &**name == "fromkeys" => method(),
            Obj::Salt => {
                if matches!(&**name, "get" | "keys" | "items" | "values") {
                    return Ok(method());
                }
                self.around.has_module(name).then(|| Val::obj(Obj::SaltModule(Rc::clone(name))))
            }
            Obj::SaltModule(module) => self.salt_function(&format!("{module}.{name}")),
            _ => None,
        })
    }

    fn salt_function(&self, name: &str) -> Option<Val> {
        self.around.has_function(name).then(|| Val::obj(Obj::SaltFunction(name.into())))
    }

    /// `obj[index]`, of what has items.
    pub(in super::super) fn object_item(&mut self, obj: &Obj, index: &Val) -> Res<Option<Val>> {
        Ok(match (obj, index.as_str()) {
            (Obj::SelfRef(context), Some(name)) if context.blocks.borrow().contains_key(name) => {
                Some(self.block_ref(name, context, 0))
            }
            (Obj::Salt, Some(name)) => self.salt_function(name),
            _ => None,
        })
    }

    /// `item in obj`
    pub(in super::super) fn object_contains(&mut self, obj: &Obj, item: &Val) -> Res<bool> {
        match obj {
            Obj::Salt => Ok(item.as_str().is_some_and(|name| self.around.has_function(name))),
            other => {
                Err(super::Fault::other(format!("argument of type '{}' is not iterable", other.type_name())))
            }
        }
    }
}
