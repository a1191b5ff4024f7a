//! Numbers as `strtol` with base 0 reads them, which is what clients were written against.

/// `None` for text that is empty or has anything after the number. Numbers out of range become
/// the nearest one in range.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = radix(digits);
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.chars().try_fold(0_i128, |sum, digit| {
        let digit = i128::from(digit.to_digit(radix)?);
        // Far beyond the range of the result, and far from overflowing this type.
        Some((sum * i128::from(radix) + digit).min(i128::from(u64::MAX)))
    })?;
    let number = if negative { -magnitude } else { magnitude };
    let bounded = number.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Some(i64::try_from(bounded).expect("clamped to its range"))
}

fn radix(digits: &str) -> (u32, &str) {
    match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hexadecimal) => (16, hexadecimal),
        None if digits.starts_with('0') => (8, digits),
        None => (10, digits),
    }
}
