//! Methods of `int`, `float` and `datetime`.

use super::super::call::{Args, flag, given, int};
use super::super::fault::{Fault, Res};
use super::super::number::Num;
use super::super::val::Val;
use super::{Table, none, one};

pub(super) static INT_METHODS: Table = &[
    ("as_integer_ratio", |_, of, args| {
        none(&args, "int.as_integer_ratio")?;
        Ok(Val::tuple(vec![of.clone(), Val::Int(1)]))
    }),
    ("bit_count", |_, of, args| {
        none(&args, "int.bit_count")?;
        let big = Num::of(of).unwrap_or(Num::Int(0)).big();
        Ok(Val::Int(big.magnitude().iter_u64_digits().map(|digit| i64::from(digit.count_ones())).sum()))
    }),
    ("bit_length", |_, of, args| {
        none(&args, "int.bit_length")?;
        let bits = Num::of(of).unwrap_or(Num::Int(0)).big().bits();
        Ok(Val::Int(i64::try_from(bits).unwrap_or(i64::MAX)))
    }),
    ("conjugate", |_, of, args| {
        none(&args, "int.conjugate")?;
        Ok(of.clone())
    }),
    ("to_bytes", to_bytes),
];

pub(super) static FLOAT_METHODS: Table = &[
    ("conjugate", |_, of, args| {
        none(&args, "float.conjugate")?;
        Ok(of.clone())
    }),
    ("is_integer", |_, of, args| {
        none(&args, "float.is_integer")?;
        Ok(Val::Bool(matches!(of, Val::Float(float) if float.fract() == 0.0)))
    }),
];

pub(super) static TIME_METHODS: Table = &[
    ("isoformat", |run, of, args| {
        none(&args, "isoformat")?;
        let text = run.text_of(of)?;
        run.text(text.replacen(' ', "T", 1))
    }),
    ("strftime", |run, of, args| {
        let format = one(args, "strftime")?;
        match (of, format.as_str()) {
            (Val::Time(time), Some(format)) => run.text(super::super::filters::time::strftime(time, format)),
            _ => Err(Fault::other("strftime() argument 1 must be str")),
        }
    }),
];

fn to_bytes(run: &mut super::Run<'_>, of: &Val, args: Args) -> Res<Val> {
    let [length, order, signed] = args.bind("to_bytes", ["length", "byteorder", "signed"], 0)?;
    let length = usize::try_from(int(length, 1)?).unwrap_or_default();
    run.charge(length)?;
    let little = matches!(given(order), Val::Str(order) if &*order == "little");
    let signed = flag(signed, false)?;
    let big = Num::of(of).unwrap_or(Num::Int(0)).big();
    let negative = big.sign() == num_bigint::Sign::Minus;
    if negative && !signed {
        return Err(Fault::other("can't convert negative int to unsigned"));
    }
    let mut bytes = if signed { big.to_signed_bytes_le() } else { big.magnitude().to_bytes_le() };
    if bytes.len() > length && !(length == 0 && bytes == [0]) {
        return Err(Fault::other("int too big to convert"));
    }
    bytes.resize(length, if negative { 0xff } else { 0 });
    if !little {
        bytes.reverse();
    }
    Ok(Val::Bytes(bytes.into()))
}
