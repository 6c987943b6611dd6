//! How a sample is built: its fields with their places and lengths, so that one can be changed and the rest kept
//! well-formed around it.

/// How samples of a target are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// No structure is known.
    Raw,
    /// A protobuf message after so many bytes of something else.
    Protobuf(usize),
    /// DER.
    Der,
    /// An MLSMessage: vectors with their length before them (RFC 9420 §2.1.2).
    Mls,
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Where its tag begins.
    pub(crate) start: usize,
    /// Where its tag ends and its length begins.
    pub(crate) tag_end: usize,
    /// Where its content begins.
    pub(crate) content: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// The field it is in.
    pub(crate) parent: Option<usize>,
    /// Whether its length is written before its content.
    pub(crate) counted: bool,
}

/// The fields of a sample; none where it is not of its format.
pub(crate) fn nodes(format: Format, bytes: &[u8]) -> Vec<Node> {
    let mut nodes = Vec::new();
    match format {
        Format::Raw => {}
        Format::Protobuf(before) => {
            let _ = protobuf(bytes, before.min(bytes.len()), bytes.len(), None, &mut nodes);
        }
        Format::Der => {
            let _ = der(bytes, 0, bytes.len(), None, &mut nodes);
        }
        Format::Mls => mls(bytes, &mut nodes),
    }
    nodes
}

/// Writes a length as the format has it.
pub(crate) fn write_length(format: Format, length: usize, out: &mut Vec<u8>) {
    match format {
        Format::Raw => {}
        Format::Protobuf(_) => write_varint(length as u64, out),
        Format::Der if length < 0x80 => out.push(length as u8),
        Format::Der => {
            let bytes = length.to_be_bytes();
            let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
            out.push(0x80 | bytes.len() as u8);
            out.extend_from_slice(bytes);
        }
        Format::Mls if length < 1 << 6 => out.push(length as u8),
        Format::Mls if length < 1 << 14 => out.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
        Format::Mls => out.extend_from_slice(&(length as u32 | 0x8000_0000).to_be_bytes()),
    }
}

/// Writes a protobuf varint.
pub(crate) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(bytes: &[u8], at: &mut usize, end: usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).filter(|_| *at < end)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// `None`, and no fields, if the span is no message.
fn protobuf(
    bytes: &[u8],
    from: usize,
    end: usize,
    parent: Option<usize>,
    nodes: &mut Vec<Node>,
) -> Option<()> {
    let (before, mut at) = (nodes.len(), from);
    let mut read = || {
        while at < end {
            let start = at;
            let tag = read_varint(bytes, &mut at, end)?;
            if tag >> 3 == 0 || tag >> 3 > 100 {
                return None;
            }
            let tag_end = at;
            let counted = match tag & 7 {
                0 => read_varint(bytes, &mut at, end).map(|_| false)?,
                1 => (at + 8 <= end).then(|| at += 8).map(|()| false)?,
                5 => (at + 4 <= end).then(|| at += 4).map(|()| false)?,
                2 => true,
                _ => return None,
            };
            let mut content = tag_end;
            if counted {
                let length = usize::try_from(read_varint(bytes, &mut at, end)?).ok()?;
                content = at;
                at = at.checked_add(length).filter(|next| *next <= end)?;
            }
            let place = nodes.len();
            nodes.push(Node { start, tag_end, content, end: at, parent, counted });
            if counted && at > content {
                let _ = protobuf(bytes, content, at, Some(place), nodes);
            }
        }
        Some(())
    };
    let whole = read();
    if whole.is_none() {
        nodes.truncate(before);
    }
    whole
}

/// `None`, and no fields, if the span is not a row of DER values.
fn der(bytes: &[u8], from: usize, end: usize, parent: Option<usize>, nodes: &mut Vec<Node>) -> Option<()> {
    let (before, mut at) = (nodes.len(), from);
    let mut read = || {
        while at < end {
            let (content, value_end) = der_value(bytes, at, end)?;
            let place = nodes.len();
            nodes.push(Node { start: at, tag_end: at + 1, content, end: value_end, parent, counted: true });
            let tag = bytes[at];
            // What is constructed; and an extension's value, an octet string that holds DER.
            if tag & 0x20 != 0 || tag == 0x04 {
                let _ = der(bytes, content, value_end, Some(place), nodes);
            }
            at = value_end;
        }
        Some(())
    };
    let whole = read();
    if whole.is_none() {
        nodes.truncate(before);
    }
    whole
}

/// Where the content of the DER value at `at` begins, and where it ends.
pub(crate) fn der_value(bytes: &[u8], at: usize, end: usize) -> Option<(usize, usize)> {
    let bytes = bytes.get(..end)?;
    bytes.get(at)?;
    let first = usize::from(*bytes.get(at + 1)?);
    let (length, content) = match first {
        0..=0x7f => (first, at + 2),
        0x81..=0x83 => {
            let digits = bytes.get(at + 2..at + 2 + (first - 0x80))?;
            let length = digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit));
            (length, at + 2 + digits.len())
        }
        _ => return None,
    };
    let value_end = content.checked_add(length).filter(|value_end| *value_end <= end)?;
    Some((content, value_end))
}

/// The vectors of a PrivateMessage, a Welcome or a KeyPackage; what else there is has none.
fn mls(bytes: &[u8], nodes: &mut Vec<Node>) {
    // From where on there are vectors, and how many bytes lie between one and the next.
    let places: &[usize] = match bytes.get(..4) {
        Some([0, 1, 0, 2]) => &[4, 9, 0, 0],
        Some([0, 1, 0, 3]) => &[6, 0],
        Some([0, 1, 0, 5]) => &[8, 0, 0],
        _ => return,
    };
    let mut at = 0;
    for skip in places {
        at += skip;
        let Some((content, end)) = mls_vector(bytes, at) else { return };
        nodes.push(Node { start: at, tag_end: at, content, end, parent: None, counted: true });
        at = end;
    }
    if bytes[3] == 3 && !nodes.is_empty() {
        // A Welcome's secrets: reference, KEM output and ciphertext of each.
        let (mut at, end) = (nodes[0].content, nodes[0].end);
        while let Some((content, vector_end)) = mls_vector(bytes, at).filter(|(_, to)| *to <= end) {
            nodes.push(Node {
                start: at,
                tag_end: at,
                content,
                end: vector_end,
                parent: Some(0),
                counted: true,
            });
            at = vector_end;
        }
    }
}

fn mls_vector(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *bytes.get(at)?;
    let digits = 1_usize << (first >> 6);
    let length = bytes.get(at..at + digits)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let length = length & ((1 << (8 * digits.min(7) - 2)) - 1);
    let end = (at + digits).checked_add(length).filter(|end| *end <= bytes.len())?;
    Some((at + digits, end))
}
