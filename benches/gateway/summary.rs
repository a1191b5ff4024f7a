//! The table and the file.

use std::{fs, path::PathBuf};

use serde_json::{Map, Value, json};

/// Which way is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) holdfast: f64,
    pub(crate) peer: f64,
    /// What no implementation on this machine can beat.
    pub(crate) limit: Option<f64>,
}

impl Row {
    /// How many times as good as the peer: above 1, holdfast is ahead.
    fn ratio(&self) -> f64 {
        match self.better {
            Better::Higher => self.holdfast / self.peer,
            Better::Lower => self.peer / self.holdfast,
        }
    }

    /// How much of the limit is reached, from 0 to 1.
    fn fraction_of_limit(&self) -> Option<f64> {
        self.limit.map(|limit| match self.better {
            Better::Higher => self.holdfast / limit,
            Better::Lower => limit / self.holdfast,
        })
    }

    fn json(&self) -> Value {
        let mut row = Map::new();
        row.insert("name".into(), json!(self.name));
        row.insert("unit".into(), json!(self.unit));
        row.insert("holdfast".into(), json!(self.holdfast));
        row.insert("peer".into(), json!(self.peer));
        row.insert("ratio".into(), json!(self.ratio()));
        row.insert("limit".into(), json!(self.limit));
        row.insert("fraction_of_limit".into(), json!(self.fraction_of_limit()));
        Value::Object(row)
    }
}

/// All lines.
#[derive(Default)]
pub(crate) struct Summary {
    rows: Vec<Row>,
}

impl Summary {
    pub(crate) fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// Markdown, so that the table can be pasted into `docs/performance.md` as it is.
    pub(crate) fn print(&self) {
        println!("\n| row | holdfast | charon | ratio | limit | of the limit |");
        println!("| --- | ---: | ---: | ---: | ---: | ---: |");
        for row in &self.rows {
            let limit = row
                .limit
                .map_or_else(|| "-".to_owned(), |limit| figure(limit, row.unit));
            let share = row
                .fraction_of_limit()
                .map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0));
            println!(
                "| {} | {} | {} | {:.2} | {limit} | {share} |",
                row.name,
                figure(row.holdfast, row.unit),
                figure(row.peer, row.unit),
                row.ratio(),
            );
        }
    }

    /// Writes the file and says where it is.
    pub(crate) fn write(&self) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"),
            PathBuf::from,
        );
        let directory = target.join("bench");
        fs::create_dir_all(&directory).expect("a directory for the summary");
        let file = directory.join("summary.json");
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let text = serde_json::to_string_pretty(&rows).expect("plain values");
        fs::write(&file, text + "\n").expect("the summary is written");
        file
    }
}

fn figure(value: f64, unit: &str) -> String {
    if value >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.2} {unit}")
    }
}

/// The middle one.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    if samples.len().is_multiple_of(2) {
        f64::midpoint(samples[middle - 1], samples[middle])
    } else {
        samples[middle]
    }
}
