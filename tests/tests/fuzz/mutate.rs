//! Makes inputs from samples: changed in their structure, changed in their bytes, signed anew, or nothing but noise.

use std::{ops::Bound, sync::Arc};

use bolero::{Driver, ValueGenerator};

use crate::{
    target::Input,
    tree::{self, Format, Node},
};

/// A sample and its fields.
struct Sample {
    bytes: Vec<u8>,
    nodes: Vec<Node>,
}

/// Makes inputs.
#[derive(Clone)]
pub(crate) struct Mutations {
    format: Format,
    samples: Arc<Vec<Sample>>,
    sign: Option<fn(&mut Vec<u8>, u64) -> bool>,
}

/// The longest input made.
const BYTES_MAX: usize = 256 * 1024;

/// Values at which parsers go wrong.
const ODD: [u64; 16] = [
    0,
    1,
    2,
    0x3f,
    0x40,
    0x7f,
    0x80,
    0xff,
    0x3fff,
    0x4000,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 32,
    i64::MAX as u64,
    u64::MAX,
];

/// Draws from the engine.
struct Dice<'a, D>(&'a mut D);

impl<D: Driver> Dice<'_, D> {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> Option<usize> {
        self.0.gen_usize(Bound::Included(&0), Bound::Excluded(&end.max(1)))
    }

    fn byte(&mut self) -> Option<u8> {
        self.0.gen_u8(Bound::Unbounded, Bound::Unbounded)
    }

    fn word(&mut self) -> Option<u64> {
        self.0.gen_u64(Bound::Unbounded, Bound::Unbounded)
    }

    /// Once in `times`.
    fn once_in(&mut self, times: usize) -> Option<bool> {
        Some(self.below(times)? == 0)
    }

    fn noise(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut noise = Vec::with_capacity(length + 8);
        while noise.len() < length {
            noise.extend_from_slice(&self.word()?.to_be_bytes());
        }
        noise.truncate(length);
        Some(noise)
    }
}

impl Mutations {
    /// From these samples.
    pub(crate) fn new(
        format: Format,
        samples: Vec<Vec<u8>>,
        sign: Option<fn(&mut Vec<u8>, u64) -> bool>,
    ) -> Self {
        let samples = samples.into_iter().map(|bytes| Sample { nodes: tree::nodes(format, &bytes), bytes });
        Self { format, samples: Arc::new(samples.collect()), sign }
    }

    fn sample<D: Driver>(&self, dice: &mut Dice<'_, D>) -> Option<&Sample> {
        self.samples.get(dice.below(self.samples.len())?)
    }

    /// A sample with one field changed; the lengths around it are right again, but for a few.
    fn change_field<D: Driver>(&self, dice: &mut Dice<'_, D>, sample: &Sample) -> Option<Vec<u8>> {
        let place = dice.below(sample.nodes.len())?;
        let node = sample.nodes[place];
        let tag = &sample.bytes[node.start..node.tag_end];
        let content = &sample.bytes[node.content..node.end];
        let mut field = Vec::with_capacity(content.len() + 16);
        match dice.below(10)? {
            0 => {}
            1 => {
                let whole = &sample.bytes[node.start..node.end];
                let times = if whole.len() < 64 { 1 << dice.below(8)? } else { 2 };
                (0..times).for_each(|_| field.extend_from_slice(whole));
            }
            2 => self.write_field(&mut field, node, tag, &[]),
            3 => {
                let noise = dice.noise(content.len())?;
                self.write_field(&mut field, node, tag, &noise);
            }
            4 => {
                let length = dice.below(300)?;
                let noise = dice.noise(length)?;
                self.write_field(&mut field, node, tag, &noise);
            }
            5 => {
                let other = self.sample(dice)?;
                let other = match other.nodes.get(dice.below(other.nodes.len())?) {
                    Some(node) => &other.bytes[node.content..node.end],
                    None => &other.bytes[..],
                };
                self.write_field(&mut field, node, tag, other);
            }
            6 if !node.counted => {
                field.extend_from_slice(tag);
                tree::write_varint(ODD[dice.below(ODD.len())?], &mut field);
            }
            6 => {
                // Its length lies.
                field.extend_from_slice(tag);
                let odd = usize::try_from(ODD[dice.below(ODD.len())?]).unwrap_or(usize::MAX);
                let lie = if dice.once_in(2)? {
                    odd & 0x3fff_ffff
                } else {
                    content.len() ^ (1 << dice.below(8)?)
                };
                tree::write_length(self.format, lie, &mut field);
                field.extend_from_slice(content);
            }
            _ => {
                let mut changed = content.to_vec();
                change_bytes(dice, &mut changed, None)?;
                self.write_field(&mut field, node, tag, &changed);
            }
        }
        Some(self.put_back(sample, node, field))
    }

    fn write_field(&self, out: &mut Vec<u8>, node: Node, tag: &[u8], content: &[u8]) {
        out.extend_from_slice(tag);
        if node.counted {
            tree::write_length(self.format, content.len(), out);
        }
        out.extend_from_slice(content);
    }

    /// The sample with `field` in the node's place, the lengths of what it is in written anew.
    fn put_back(&self, sample: &Sample, node: Node, mut field: Vec<u8>) -> Vec<u8> {
        let (mut node, bytes) = (node, &sample.bytes);
        while let Some(parent) = node.parent.map(|parent| sample.nodes[parent]) {
            let inner = [&bytes[parent.content..node.start], &field, &bytes[node.end..parent.end]].concat();
            field.clear();
            self.write_field(&mut field, parent, &bytes[parent.start..parent.tag_end], &inner);
            node = parent;
        }
        [&bytes[..node.start], &field, &bytes[node.end..]].concat()
    }
}

/// Changes some bytes.
fn change_bytes<D: Driver>(dice: &mut Dice<'_, D>, bytes: &mut Vec<u8>, other: Option<&[u8]>) -> Option<()> {
    for _ in 0..=dice.below(3)? {
        let at = dice.below(bytes.len() + 1)?;
        let to = (at + 1 + dice.below(16)?).min(bytes.len());
        match (dice.below(9)?, bytes.get_mut(at)) {
            (0 | 1, Some(byte)) => *byte ^= 1 << dice.below(8)?,
            (2, Some(byte)) => *byte = ODD[dice.below(8)?] as u8,
            (3, Some(_)) => drop(bytes.drain(at..to)),
            (4, _) => {
                let length = 1 + dice.below(32)?;
                let noise = dice.noise(length)?;
                drop(bytes.splice(at..at, noise));
            }
            (5, Some(_)) => {
                let piece = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            (6, _) => bytes.truncate(at),
            (7, Some(_)) => {
                // A number of some width.
                let odd = ODD[dice.below(ODD.len())?].to_be_bytes();
                let width = 1 << dice.below(4)?;
                let end = (at + width).min(bytes.len());
                let width = end - at;
                bytes[at..end].copy_from_slice(&odd[8 - width..]);
            }
            (8, _) => {
                let Some(other) = other else { continue };
                let from = dice.below(other.len() + 1)?;
                let length = dice.below(64)?.min(other.len() - from);
                drop(bytes.splice(at..to.max(at), other[from..from + length].iter().copied()));
            }
            _ => bytes.push(dice.byte()?),
        }
    }
    Some(())
}

impl ValueGenerator for Mutations {
    type Output = Input;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Input> {
        let mut dice = Dice(driver);
        let sample = self.sample(&mut dice)?;
        let kind = dice.below(16)?;
        if kind == 0 {
            let length = dice.below(512)?;
            return Some(Input { bytes: dice.noise(length)?, signed_anew: false });
        }
        let in_structure = kind < 11 && !sample.nodes.is_empty();
        let mut bytes =
            if in_structure { self.change_field(&mut dice, sample)? } else { sample.bytes.clone() };
        if !in_structure || dice.once_in(8)? {
            let other = self.sample(&mut dice)?;
            change_bytes(&mut dice, &mut bytes, Some(&other.bytes))?;
        }
        bytes.truncate(BYTES_MAX);
        let signed_anew = match self.sign {
            Some(sign) if dice.once_in(3)? => {
                let how = dice.word()?;
                sign(&mut bytes, how)
            }
            _ => false,
        };
        Some(Input { bytes, signed_anew })
    }
}
