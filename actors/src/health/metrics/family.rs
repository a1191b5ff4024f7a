//! Families of metrics: one name, one help, and a row for each set of labels.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

use crate::histogram::Reading;

/// What describes a family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) unit: Option<&'static Unit>,
}

/// A family without a unit.
pub(super) const fn family(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        help,
        unit: None,
    }
}

/// A family whose values are seconds; the name gets the unit as its suffix.
pub(super) const fn seconds(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        help,
        unit: Some(&Unit::Seconds),
    }
}

impl Family {
    /// One gauge without labels.
    pub(super) fn gauge(self, encoder: &mut DescriptorEncoder<'_>, value: i64) -> fmt::Result {
        let kind = MetricType::Gauge;
        let row = encoder.encode_descriptor(self.name, self.help, self.unit, kind)?;
        ConstGauge::new(value).encode(row)
    }

    /// One gauge of a fraction without labels.
    pub(super) fn fraction(self, encoder: &mut DescriptorEncoder<'_>, value: f64) -> fmt::Result {
        let kind = MetricType::Gauge;
        let row = encoder.encode_descriptor(self.name, self.help, self.unit, kind)?;
        ConstGauge::new(value).encode(row)
    }

    /// Counters.
    pub(super) fn counters<L: EncodeLabelSet>(
        self,
        encoder: &mut DescriptorEncoder<'_>,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        self.write(encoder, MetricType::Counter, rows, |row, value| {
            ConstCounter::new(value).encode(row)
        })
    }

    /// Gauges of whole numbers.
    pub(super) fn gauges<L: EncodeLabelSet>(
        self,
        encoder: &mut DescriptorEncoder<'_>,
        rows: impl IntoIterator<Item = (L, i64)>,
    ) -> fmt::Result {
        self.write(encoder, MetricType::Gauge, rows, |row, value| {
            ConstGauge::new(value).encode(row)
        })
    }

    /// Gauges of fractions.
    pub(super) fn fractions<L: EncodeLabelSet>(
        self,
        encoder: &mut DescriptorEncoder<'_>,
        rows: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        self.write(encoder, MetricType::Gauge, rows, |row, value| {
            ConstGauge::new(value).encode(row)
        })
    }

    /// Histograms.
    pub(super) fn histograms<L: EncodeLabelSet>(
        self,
        encoder: &mut DescriptorEncoder<'_>,
        rows: impl IntoIterator<Item = (L, Reading)>,
    ) -> fmt::Result {
        self.write(encoder, MetricType::Histogram, rows, |mut row, reading| {
            row.encode_histogram::<NoLabelSet>(reading.sum, reading.count, &reading.classes, None)
        })
    }

    /// A family without rows is left out.
    fn write<L: EncodeLabelSet, V>(
        self,
        encoder: &mut DescriptorEncoder<'_>,
        kind: MetricType,
        rows: impl IntoIterator<Item = (L, V)>,
        write: impl Fn(MetricEncoder<'_>, V) -> fmt::Result,
    ) -> fmt::Result {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(self.name, self.help, self.unit, kind)?;
        for (labels, value) in rows {
            write(family.encode_family(&labels)?, value)?;
        }
        Ok(())
    }
}
