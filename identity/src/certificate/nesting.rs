//! Whether DER values lie exactly inside one another (X.690 §8.1, §10.1).
//!
//! Looks at tags and lengths only. What an OCTET STRING or BIT STRING holds is another encoding and not looked into.

/// Whether the bytes are one DER value and nothing else, each length in its shortest form, each constructed value filled
/// by whole values, and each tagged one (`[0]`, `[3]`: explicit, in certificates) by exactly one.
pub(super) fn is_exact(der: &[u8]) -> bool {
    row(der, DEPTH_MAX) == Some(1)
}

/// How many values fill the bytes; `None` if they do not.
fn row(mut rest: &[u8], depth: usize) -> Option<usize> {
    let mut count = 0;
    while !rest.is_empty() {
        let (tag, content, after) = value(rest)?;
        if tag & CONSTRUCTED != 0 {
            let inside = row(content, depth.checked_sub(1)?)?;
            if tag & CONTEXT != 0 && inside != 1 {
                return None;
            }
        }
        (count, rest) = (count + 1, after);
    }
    Some(count)
}

/// The first value's tag and content, and what follows it.
fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    // Tags of more than one byte have no place in a certificate.
    if tag & 0x1F == 0x1F {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81 | 0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            let shortest = if first == 0x81 { 0x80 } else { 0x100 };
            (Some(length).filter(|length| *length >= shortest)?, rest)
        }
        // No certificate is longer, and DER has no open end.
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

const CONSTRUCTED: u8 = 0x20;
const CONTEXT: u8 = 0x80;

/// A certificate nests seven deep.
const DEPTH_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_fill_one_another_are_exact() {
        assert!(is_exact(&[0x30, 0x05, 0xA0, 0x03, 0x02, 0x01, 0x02]));
        assert!(is_exact(&[0x30, 0x00]));
        assert!(is_exact(&[&[0x04, 0x81, 0x80][..], &[0; 0x80]].concat()));
    }

    #[test]
    fn what_is_left_over_cut_short_or_longer_than_needed_is_not() {
        let others: [&[u8]; 9] = [
            &[],
            &[0x30],
            &[0x30, 0x01, 0x02],
            &[0x30, 0x00, 0x00],
            // Two values inside a tag, none, and one that ends behind it.
            &[0x30, 0x08, 0xA0, 0x06, 0x02, 0x01, 0x02, 0x02, 0x01, 0x02],
            &[0x30, 0x02, 0xA0, 0x00],
            &[0x30, 0x05, 0xA0, 0x02, 0x02, 0x01, 0x02],
            &[0x04, 0x81, 0x01, 0x00],
            &[0x30, 0x80, 0x00, 0x00],
        ];
        for other in others {
            assert!(!is_exact(other), "{other:02x?}");
        }
        let deep = (0..=DEPTH_MAX).fold(vec![], |inside: Vec<u8>, _| {
            [&[0x30, u8::try_from(inside.len()).unwrap()][..], &inside].concat()
        });
        assert!(!is_exact(&[&[0x30, u8::try_from(deep.len()).unwrap()][..], &deep].concat()));
    }
}
