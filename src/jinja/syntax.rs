//! What the parser makes of a template. Jinja2 3.1: `nodes.py`.

use std::rc::Rc;

use super::val::Val;

/// An expression with the line it starts on.
#[derive(Debug)]
pub(super) struct Node {
    pub line: u32,
    pub expr: Expr,
}

#[derive(Debug)]
pub(super) enum Expr {
    /// Template text, only in `Stmt::Output`.
    Data(Rc<str>),
    Const(Val),
    Name(Rc<str>),
    /// `ns.attr` as the target of a `set`.
    NamespaceRef(Rc<str>, Rc<str>),
    Tuple(Vec<Node>),
    List(Vec<Node>),
    Dict(Vec<(Node, Node)>),
    Cond(Box<CondExpr>),
    Binary(BinaryOp, Box<(Node, Node)>),
    And(Box<(Node, Node)>),
    Or(Box<(Node, Node)>),
    Not(Box<Node>),
    Neg(Box<Node>),
    Pos(Box<Node>),
    Compare(Box<Node>, Vec<(CompareOp, Node)>),
    Concat(Vec<Node>),
    /// Without a subject it filters a block.
    Filter(Option<Box<Node>>, Rc<str>, Box<CallArgs>),
    Test(Box<Node>, Rc<str>, Box<CallArgs>),
    Call(Box<Node>, Box<CallArgs>),
    Attr(Box<Node>, Rc<str>),
    Item(Box<Node>, Box<Node>),
    Slice(Box<[Option<Node>; 3]>),
}

impl Expr {
    /// The name of Jinja's node class, in lower case, as its messages have it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Expr::Data(_) => "templatedata",
            Expr::Const(_) => "const",
            Expr::Name(_) => "name",
            Expr::NamespaceRef(..) => "nsref",
            Expr::Tuple(_) => "tuple",
            Expr::List(_) => "list",
            Expr::Dict(_) => "dict",
            Expr::Cond(_) => "condexpr",
            Expr::Binary(op, _) => op.kind(),
            Expr::And(_) => "and",
            Expr::Or(_) => "or",
            Expr::Not(_) => "not",
            Expr::Neg(_) => "neg",
            Expr::Pos(_) => "pos",
            Expr::Compare(..) => "compare",
            Expr::Concat(_) => "concat",
            Expr::Filter(..) => "filter",
            Expr::Test(..) => "test",
            Expr::Call(..) => "call",
            Expr::Attr(..) => "getattr",
            Expr::Item(..) => "getitem",
            Expr::Slice(_) => "slice",
        }
    }
}

#[derive(Debug)]
pub(super) struct CondExpr {
    pub test: Node,
    pub then: Node,
    pub otherwise: Option<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

impl BinaryOp {
    fn kind(self) -> &'static str {
        match self {
            BinaryOp::Add => "add",
            BinaryOp::Sub => "sub",
            BinaryOp::Mul => "mul",
            BinaryOp::Div => "div",
            BinaryOp::FloorDiv => "floordiv",
            BinaryOp::Mod => "mod",
            BinaryOp::Pow => "pow",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

#[derive(Debug, Default)]
pub(super) struct CallArgs {
    pub args: Vec<Node>,
    pub kwargs: Vec<(Rc<str>, Node)>,
    pub star: Option<Node>,
    pub star_star: Option<Node>,
}

/// A statement with the line it starts on.
#[derive(Debug)]
pub(super) struct Statement {
    pub line: u32,
    pub stmt: Stmt,
}

pub(super) type Body = Vec<Statement>;

#[derive(Debug)]
pub(super) enum Stmt {
    Output(Vec<Node>),
    Set(Node, Node),
    SetBlock {
        target: Node,
        filter: Option<Node>,
        body: Body,
    },
    For(Rc<ForLoop>),
    If {
        branches: Vec<(u32, Node, Body)>,
        otherwise: Body,
    },
    With {
        assignments: Vec<(Node, Node)>,
        body: Body,
    },
    Macro(Rc<MacroDef>),
    CallBlock {
        call: Node,
        block: Rc<MacroDef>,
    },
    FilterBlock {
        filter: Node,
        body: Body,
    },
    Block {
        name: Rc<str>,
        scoped: bool,
        required: bool,
    },
    Extends(Node),
    Include {
        template: Node,
        ignore_missing: bool,
        with_context: bool,
    },
    Import {
        template: Node,
        target: Rc<str>,
        with_context: bool,
    },
    FromImport {
        template: Node,
        names: Vec<(Rc<str>, Rc<str>)>,
        with_context: bool,
    },
    Do(Node),
    Break,
    Continue,
    /// `load_yaml as x` … `endload`
    Load {
        filter: &'static str,
        target: Node,
        body: Rc<Body>,
    },
    /// `import_yaml 'file' as x`
    ImportData {
        filter: &'static str,
        template: Node,
        target: Rc<str>,
        with_context: bool,
    },
    /// `profile as 'label'`; the body stands in the same scope.
    Profile {
        label: Node,
        body: Body,
    },
    /// A block with a scope of its own and no effect (`autoescape`).
    Scope(Body),
}

#[derive(Debug)]
pub(super) struct ForLoop {
    pub target: Node,
    pub iter: Node,
    pub body: Body,
    pub otherwise: Body,
    pub test: Option<Node>,
    pub recursive: bool,
}

#[derive(Debug)]
pub(super) struct MacroDef {
    /// `None` for the body of a call block.
    pub name: Option<Rc<str>>,
    pub args: Vec<Rc<str>>,
    /// Those of the last arguments.
    pub defaults: Vec<Node>,
    pub body: Body,
    pub uses_caller: bool,
    pub uses_kwargs: bool,
    pub uses_varargs: bool,
}

#[derive(Debug)]
pub(super) struct BlockDef {
    pub body: Body,
}

/// A template, parsed.
#[derive(Debug)]
pub(super) struct Parsed {
    pub body: Body,
    pub blocks: Vec<(Rc<str>, Rc<BlockDef>)>,
}
