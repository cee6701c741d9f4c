//! Python's arithmetic: integers of any size, floor division, `%` with the sign of the divisor.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

use super::fault::{Fault, Res};
use super::syntax::BinaryOp;
use super::val::Val;

/// No integer may grow beyond this many bits.
const MAX_BITS: u64 = 1 << 20;

/// A number in its widest exact form.
#[derive(Clone, Debug)]
pub(super) enum Num {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

impl Num {
    pub(super) fn of(val: &Val) -> Option<Num> {
        match val {
            Val::Bool(bool) => Some(Num::Int(i64::from(*bool))),
            Val::Int(int) => Some(Num::Int(*int)),
            Val::Big(big) => Some(Num::Big((**big).clone())),
            Val::Float(float) => Some(Num::Float(*float)),
            _ => None,
        }
    }

    pub(super) fn big(&self) -> BigInt {
        match self {
            Num::Int(int) => BigInt::from(*int),
            Num::Big(big) => big.clone(),
            Num::Float(float) => float_to_big(*float).unwrap_or_default(),
        }
    }

    pub(super) fn float(&self) -> f64 {
        match self {
            Num::Int(int) => *int as f64,
            Num::Big(big) => big_to_float(big),
            Num::Float(float) => *float,
        }
    }

    fn is_zero(&self) -> bool {
        match self {
            Num::Int(int) => *int == 0,
            Num::Big(_) => false,
            Num::Float(float) => *float == 0.0,
        }
    }

    pub(super) fn compare(&self, other: &Num) -> Option<Ordering> {
        match (self, other) {
            (Num::Int(a), Num::Int(b)) => Some(a.cmp(b)),
            (Num::Float(a), Num::Float(b)) => a.partial_cmp(b),
            (Num::Float(a), b) => compare_float(*a, b),
            (a, Num::Float(b)) => compare_float(*b, a).map(Ordering::reverse),
            (a, b) => Some(a.big().cmp(&b.big())),
        }
    }
}

/// A float against an integer, exactly.
fn compare_float(a: f64, b: &Num) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    if a.is_infinite() {
        return Some(if a > 0.0 { Ordering::Greater } else { Ordering::Less });
    }
    let floor = float_to_big(a.floor())?;
    Some(floor.cmp(&b.big()).then(if a.fract() == 0.0 { Ordering::Equal } else { Ordering::Greater }))
}

/// The whole number of a finite float; its fraction is cut off.
pub(super) fn float_to_big(float: f64) -> Option<BigInt> {
    if !float.is_finite() {
        return None;
    }
    if float.abs() < 9.0e18 {
        return Some(BigInt::from(float as i64));
    }
    let bits = float.abs().to_bits();
    let exponent = i64::try_from(bits >> 52).unwrap_or_default() - 1075;
    let mantissa = BigInt::from((bits & ((1 << 52) - 1)) | (1 << 52));
    let whole = mantissa << usize::try_from(exponent).unwrap_or_default();
    Some(if float < 0.0 { -whole } else { whole })
}

fn big_to_float(big: &BigInt) -> f64 {
    big.to_string().parse().unwrap_or(f64::INFINITY)
}

/// `a op b` for two numbers; `None` when one is none.
pub(super) fn arithmetic(op: BinaryOp, a: &Val, b: &Val) -> Option<Res<Val>> {
    let (a, b) = (Num::of(a)?, Num::of(b)?);
    Some(match (&a, &b) {
        (Num::Float(_), _) | (_, Num::Float(_)) => floats(op, &a, &b),
        (Num::Int(a), Num::Int(b)) => integers(op, *a, *b),
        _ => bigs(op, &a.big(), &b.big()),
    })
}

fn zero(op: BinaryOp, float: bool) -> Fault {
    Fault::other(match (op, float) {
        (BinaryOp::Div, false) => "division by zero",
        (BinaryOp::Div, true) => "float division by zero",
        (BinaryOp::FloorDiv, true) => "float floor division by zero",
        (BinaryOp::Mod, true) => "float modulo",
        (BinaryOp::Pow, _) => "0.0 cannot be raised to a negative power",
        _ => "integer division or modulo by zero",
    })
}

fn integers(op: BinaryOp, a: i64, b: i64) -> Res<Val> {
    let exact = match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a.checked_mul(b),
        BinaryOp::Div if b == 0 => return Err(zero(op, false)),
        BinaryOp::Div if a.unsigned_abs() < 1 << 53 && b.unsigned_abs() < 1 << 53 => {
            return Ok(Val::Float(a as f64 / b as f64));
        }
        BinaryOp::FloorDiv | BinaryOp::Mod if b == 0 => {
            return Err(Fault::other(if op == BinaryOp::Mod {
                "integer modulo by zero"
            } else {
                "integer division or modulo by zero"
            }));
        }
        BinaryOp::FloorDiv => {
            a.checked_div_euclid(b).map(|q| if b < 0 && a.rem_euclid(b) != 0 { q - 1 } else { q })
        }
        BinaryOp::Mod => a.checked_rem_euclid(b).map(|r| if b < 0 && r != 0 { r + b } else { r }),
        BinaryOp::Pow if b >= 0 => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        BinaryOp::Pow if a == 0 => return Err(zero(op, false)),
        BinaryOp::Pow => return Ok(Val::Float((a as f64).powf(b as f64))),
        BinaryOp::Div => None,
    };
    match exact {
        Some(int) => Ok(Val::Int(int)),
        None => bigs(op, &BigInt::from(a), &BigInt::from(b)),
    }
}

fn too_large() -> Fault {
    Fault::other(format!("an integer of more than {MAX_BITS} bits is too large for a template"))
}

fn bigs(op: BinaryOp, a: &BigInt, b: &BigInt) -> Res<Val> {
    let is_zero = b.sign() == Sign::NoSign;
    let out = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => {
            if a.bits() + b.bits() > MAX_BITS {
                return Err(too_large());
            }
            a * b
        }
        BinaryOp::Div if is_zero => return Err(zero(op, false)),
        BinaryOp::Div => {
            let quotient = big_to_float(a) / big_to_float(b);
            if quotient.is_finite() {
                return Ok(Val::Float(quotient));
            }
            return Err(Fault::other("integer division result too large for a float"));
        }
        BinaryOp::Mod if is_zero => return Err(Fault::other("integer modulo by zero")),
        BinaryOp::FloorDiv if is_zero => return Err(zero(op, false)),
        BinaryOp::FloorDiv => floor_div(a, b).0,
        BinaryOp::Mod => floor_div(a, b).1,
        BinaryOp::Pow => return power(a, b),
    };
    if out.bits() > MAX_BITS {
        return Err(too_large());
    }
    Ok(Val::from_big(out))
}

fn floor_div(a: &BigInt, b: &BigInt) -> (BigInt, BigInt) {
    let (quotient, remainder) = (a / b, a % b);
    if remainder.sign() != Sign::NoSign && remainder.sign() != b.sign() {
        (quotient - 1, remainder + b)
    } else {
        (quotient, remainder)
    }
}

fn power(a: &BigInt, b: &BigInt) -> Res<Val> {
    let Ok(exponent) = u32::try_from(b) else {
        if b.sign() == Sign::Minus {
            return Ok(Val::Float(big_to_float(a).powf(big_to_float(b))));
        }
        return match (a.bits(), a.sign()) {
            (0, _) => Ok(Val::Int(0)),
            (1, Sign::Plus) => Ok(Val::Int(1)),
            (1, _) => Ok(Val::Int(if b % 2 == BigInt::from(0) { 1 } else { -1 })),
            _ => Err(too_large()),
        };
    };
    if a.bits() > 1 && a.bits().saturating_mul(u64::from(exponent)) > MAX_BITS {
        return Err(too_large());
    }
    Ok(Val::from_big(a.pow(exponent)))
}

fn floats(op: BinaryOp, a: &Num, b: &Num) -> Res<Val> {
    for num in [a, b] {
        if matches!(num, Num::Big(_)) && num.float().is_infinite() {
            return Err(Fault::other("int too large to convert to float"));
        }
    }
    if b.is_zero() && matches!(op, BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod) {
        return Err(match op {
            BinaryOp::Div => zero(op, true),
            BinaryOp::Mod => Fault::other("float modulo"),
            _ => Fault::other("float floor division by zero"),
        });
    }
    let (a, b) = (a.float(), b.float());
    Ok(Val::Float(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::FloorDiv => {
            let remainder = float_mod(a, b);
            let quotient = (a - remainder) / b;
            let floor = quotient.floor();
            if quotient - floor > 0.5 { floor + 1.0 } else { floor }
        }
        BinaryOp::Mod => float_mod(a, b),
        BinaryOp::Pow => {
            if a == 0.0 && b < 0.0 {
                return Err(zero(op, true));
            }
            if a < 0.0 && b.fract() != 0.0 && a.is_finite() && b.is_finite() {
                return Err(Fault::other("complex numbers are not supported in templates"));
            }
            let out = a.powf(b);
            if out.is_infinite() && a.is_finite() && b.is_finite() {
                return Err(Fault::other("(34, 'Numerical result out of range')"));
            }
            out
        }
    }))
}

fn float_mod(a: f64, b: f64) -> f64 {
    let remainder = a % b;
    if remainder == 0.0 {
        0.0_f64.copysign(b)
    } else if (remainder < 0.0) != (b < 0.0) {
        remainder + b
    } else {
        remainder
    }
}
