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
    let kem_output = if suite == 0x004F { 1_120 } else { 32 };
    welcome_of(suite, references, [32, kem_output, 80, 200])
}

/// A Welcome whose references, KEM outputs, ciphertexts and group information have these lengths.
pub(crate) fn welcome_of(suite: u16, references: &[[u8; 32]], lengths: [usize; 4]) -> Vec<u8> {
    let [reference_length, kem_output, ciphertext, group_info] = lengths;
    let resized = |reference: &[u8; 32]| {
        let mut reference = reference.to_vec();
        reference.resize(reference_length, 0);
        reference
    };
    let secrets: Vec<u8> = references
        .iter()
        .flat_map(|reference| {
            [vector(&resized(reference)), vector(&vec![3; kem_output]), vector(&vec![4; ciphertext])].concat()
        })
        .collect();
    [&[0, 1, 0, 3], &suite.to_be_bytes()[..], &vector(&secrets), &vector(&vec![8; group_info])].concat()
}
