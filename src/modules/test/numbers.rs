//! Numbers for the functions that only make work. Salt: modules/test.py (`fib`, `collatz`).

use std::time::Instant;

use num_bigint::BigInt;

use crate::crypt::random;
use crate::loader::{Args, Context, Fault};
use crate::value::{Value, repr};

/// `[number, seconds]`.
pub(super) fn fib(_: &Context, args: &Args) -> Result<Value, Fault> {
    let num = python_int(args.get("num"))?;
    if num < 0 {
        return Err(Fault::exception("ValueError", "Negative number is not allowed!"));
    }
    let start = Instant::now();
    let (mut current, mut next) = (BigInt::from(0), BigInt::from(1));
    for _ in 0..num {
        let sum = &current + &next;
        current = std::mem::replace(&mut next, sum);
    }
    Ok(Value::List(vec![Value::from_bigint(current), start.elapsed().as_secs_f64().into()]))
}

/// `[[number], seconds]`. Halves are floats, as Python's `/` makes them.
pub(super) fn collatz(_: &Context, args: &Args) -> Result<Value, Fault> {
    // Salt quirk: 3006.25 test.py never comes to an end for these; here they are refused.
    let start = python_int(args.get("start"))?;
    if start < 1 {
        return Err(Fault::exception("ValueError", format!("the sequence from {start} never reaches 1")));
    }
    let begin = Instant::now();
    let mut steps = Vec::new();
    let mut at = Value::Int(start);
    loop {
        let number = at.as_float().unwrap_or(1.0);
        if number == 1.0 {
            break;
        }
        steps.push(at.clone());
        at = match at {
            Value::Int(int) if int % 2 != 0 && int < i64::MAX / 4 => Value::Int(int * 3 + 1),
            _ if number % 2.0 == 0.0 => Value::Float(number / 2.0),
            _ => Value::Float(number * 3.0 + 1.0),
        };
    }
    Ok(Value::List(vec![Value::List(steps), begin.elapsed().as_secs_f64().into()]))
}

/// Python's `int(value)`.
pub(super) fn python_int(value: &Value) -> Result<i64, Fault> {
    match value {
        Value::Int(int) => Ok(*int),
        Value::Bool(bool) => Ok(i64::from(*bool)),
        Value::Float(float) if float.is_finite() => Ok(float.trunc() as i64),
        Value::Text(text) => text.trim().replace('_', "").parse().map_err(|_| {
            Fault::exception("ValueError", format!("invalid literal for int() with base 10: {}", repr(value)))
        }),
        other => Err(Fault::Type(format!(
            "int() argument must be a string, a bytes-like object or a real number, not '{}'",
            other.type_name()
        ))),
    }
}

/// A random number from 0 to `max`, both possible.
pub(super) fn random_up_to(max: u64) -> u64 {
    let wide = u128::from(u64::from_le_bytes(random::bytes()));
    // The product is below 2^64 * (max + 1), so its upper half is at most `max`.
    u64::try_from((wide * (u128::from(max) + 1)) >> 64).unwrap_or(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_stay_in_their_range() {
        assert_eq!(random_up_to(0), 0);
        assert!((0..200).all(|_| random_up_to(2) <= 2));
        assert!((0..200).any(|_| random_up_to(1) == 1));
    }
}
