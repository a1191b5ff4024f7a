//! A table in the terms of our TOML, between its source and where it goes: the validation, or a
//! TOML file.

use config::{Map, Value, ValueKind};

/// A table in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) fields: Vec<Field>,
}

/// One key of a table.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) key: String,
    pub(crate) value: Plain,
    /// Comment lines above it.
    pub(crate) comments: Vec<String>,
}

/// A value as TOML has it.
#[derive(Clone, Debug)]
pub(crate) enum Plain {
    Bool(bool),
    Integer(i64),
    Fraction(f64),
    Text(String),
    List(Vec<String>),
    Table(Table),
    Tables(Vec<Table>),
}

impl Table {
    pub(crate) fn push(&mut self, key: &str, value: Plain, comments: &[String]) {
        self.fields.push(Field {
            key: key.to_owned(),
            value,
            comments: comments.to_vec(),
        });
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Plain> {
        let mut fields = self.fields.iter();
        fields
            .find(|field| field.key == key)
            .map(|field| &field.value)
    }

    /// As the configuration's own files are merged.
    pub(crate) fn to_value(&self) -> Value {
        let fields = self.fields.iter();
        let fields = fields.map(|field| (field.key.clone(), field.value.to_value()));
        Value::new(None, ValueKind::Table(fields.collect::<Map<_, _>>()))
    }
}

impl Plain {
    fn to_value(&self) -> Value {
        let kind = match self {
            Self::Bool(value) => ValueKind::Boolean(*value),
            Self::Integer(value) => ValueKind::I64(*value),
            Self::Fraction(value) => ValueKind::Float(*value),
            Self::Text(value) => ValueKind::String(value.clone()),
            Self::List(items) => {
                let item = |item: &String| Value::new(None, ValueKind::String(item.clone()));
                ValueKind::Array(items.iter().map(item).collect())
            }
            Self::Table(table) => return table.to_value(),
            Self::Tables(tables) => ValueKind::Array(tables.iter().map(Table::to_value).collect()),
        };
        Value::new(None, kind)
    }
}
