//! What a question gives: a value, the bound it is held against, their ratio, and whether the ratio reaches its
//! aim. One JSON line each.

use std::fmt;

use serde::{Serialize, Serializer};

/// What a question gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The question, in short.
    pub name: &'static str,
    /// How its figures are taken, the bounds too.
    pub method: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// A measured value against its bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What was asked.
    pub question: String,
    /// The product's figure.
    pub value: f64,
    /// The unit of `value` and `bound`.
    pub unit: &'static str,
    /// What it is held against.
    pub against: String,
    /// The figure of that.
    pub bound: f64,
    /// `value / bound`.
    pub ratio: f64,
    /// What the ratio should be.
    pub aim: Aim,
    /// Whether it is; absent if there is no aim.
    pub met: Option<bool>,
    /// How many samples the value rests on.
    pub samples: usize,
    /// What else there is to say; may be empty.
    pub note: String,
    /// Why the aim is missed and what would mend it; absent if it is not missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a ratio should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Shown without an aim.
    None,
}

/// A value or a bound, with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// What it is.
    pub name: String,
    /// How much.
    pub value: f64,
}

impl Figure {
    /// A value against a bound, both in `unit`.
    #[must_use]
    pub fn new(measured: Quantity, unit: &'static str, bound: Quantity, aim: Aim) -> Self {
        let ratio = measured.value / bound.value;
        Self {
            question: measured.name,
            value: rounded(measured.value),
            unit,
            against: bound.name,
            bound: rounded(bound.value),
            ratio: rounded(ratio),
            aim,
            met: aim.met(ratio),
            samples: 0,
            note: String::new(),
            why: None,
        }
    }

    /// How many samples it rests on, and what else there is to say.
    #[must_use]
    pub fn taken(mut self, samples: usize, note: impl Into<String>) -> Self {
        self.samples = samples;
        self.note = note.into();
        self
    }

    /// Why, should the aim be missed.
    #[must_use]
    pub fn if_missed(mut self, why: &str) -> Self {
        self.why = (self.met == Some(false)).then(|| why.to_owned());
        self
    }

    /// The figure as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a figure holds numbers and text only")
    }
}

impl Quantity {
    /// Names a value.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value }
    }
}

impl Aim {
    /// Whether a ratio reaches it; `None` if there is no aim. A ratio that is no number reaches none.
    #[must_use]
    pub fn met(self, ratio: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) => Some(ratio <= most),
            Self::AtLeast(least) => Some(ratio >= least),
            Self::None => None,
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::None => f.write_str("–"),
        }
    }
}

impl Serialize for Aim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            aim => serializer.collect_str(aim),
        }
    }
}

/// Four significant digits: more are noise.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// A number as people read it: three significant digits, or all before the point.
#[must_use]
pub fn readable(value: f64) -> String {
    let magnitude = value.abs();
    match magnitude {
        _ if magnitude >= 1_000.0 => thousands(value),
        _ if magnitude >= 100.0 => format!("{value:.0}"),
        _ if magnitude >= 10.0 => format!("{value:.1}"),
        _ if magnitude >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// 12345.6 as "12,346".
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for at in (first..digits.len()).step_by(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&digits[at..at + 3]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, aim: Aim) -> Figure {
        Figure::new(Quantity::new("a send", value), "ms", Quantity::new("its parts", 2.0), aim)
    }

    #[test]
    fn an_aim_is_met_up_to_its_very_value() {
        assert_eq!(figure(2.6, Aim::AtMost(1.3)).met, Some(true));
        assert_eq!(figure(2.61, Aim::AtMost(1.3)).met, Some(false));
        assert_eq!(figure(1.2, Aim::AtLeast(0.6)).met, Some(true));
        assert_eq!(figure(1.1, Aim::AtLeast(0.6)).met, Some(false));
        assert_eq!(figure(1.1, Aim::None).met, None);
        assert_eq!(Aim::AtMost(1.3).met(f64::NAN), Some(false));
        assert_eq!(Aim::AtLeast(1.3).met(f64::NAN), Some(false));
    }

    #[test]
    fn a_figure_is_one_line_of_json_that_says_why_it_missed() {
        let missed = figure(2.666_666, Aim::AtMost(1.3)).taken(7, "300 bytes").if_missed("a third commit");
        let line = missed.to_json();
        assert!(!line.contains('\n'));
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "question": "a send", "value": 2.667, "unit": "ms", "against": "its parts", "bound": 2.0,
            "ratio": 1.333, "aim": "≤ 1.3", "met": false, "samples": 7, "note": "300 bytes",
            "why": "a third commit",
        });
        assert_eq!(object, expected);
        let met = figure(2.0, Aim::AtMost(1.3)).if_missed("a third commit");
        assert!(met.why.is_none() && !met.to_json().contains("why"));
        assert!(figure(2.0, Aim::None).to_json().contains("\"aim\":null,\"met\":null"));
    }

    #[test]
    fn numbers_are_readable() {
        let texts = [1_234_567.8, 12_345.6, 123.4, 12.34, 1.234, 0.1234, 0.012_34].map(readable);
        assert_eq!(texts, ["1,234,568", "12,346", "123", "12.3", "1.23", "0.12", "0.012"]);
    }
}
