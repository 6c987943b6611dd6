//! Messages made by hand for tests of the relay's rules, which look at headers only.

/// `opaque<V>`.
fn vector(bytes: &[u8]) -> Vec<u8> {
    let mut out = match u32::try_from(bytes.len()).unwrap() {
        short @ 0..64 => vec![u8::try_from(short).unwrap()],
        middle @ 64..16_384 => (middle | 0x4000).to_be_bytes()[2..].to_vec(),
        long => (long | 0x8000_0000).to_be_bytes().to_vec(),
    };
    out.extend(bytes);
    out
}

/// Any content type.
pub(crate) fn private(group: &[u8], epoch: u64, content_type: u8, data: &[u8]) -> Vec<u8> {
    let epoch = epoch.to_be_bytes();
    [
        &[0, 1, 0, 2],
        &vector(group)[..],
        &epoch,
        &[content_type],
        &vector(data),
        &vector(&[5; 28]),
        &vector(&[6; 256]),
    ]
    .concat()
}

/// An application message.
pub(crate) fn application(group: &[u8], epoch: u64, data: &[u8]) -> Vec<u8> {
    private(group, epoch, 1, data)
}

/// A commit.
pub(crate) fn commit(group: &[u8], epoch: u64, data: &[u8]) -> Vec<u8> {
    private(group, epoch, 3, data)
}

/// A Welcome.
pub(crate) fn welcome(suite: u16, references: &[[u8; 32]]) -> Vec<u8> {
    let secrets: Vec<u8> = references
        .iter()
        .flat_map(|reference| [vector(reference), vector(&[3; 32]), vector(&[4; 80])].concat())
        .collect();
    [&[0, 1, 0, 3], &suite.to_be_bytes()[..], &vector(&secrets), &vector(&[8; 200])].concat()
}
