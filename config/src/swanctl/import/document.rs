//! Tables as a TOML file, comments above them.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table as TomlTable, Value};
use zeroize::Zeroizing;

use super::super::plain::{Field, Plain, Table};

/// Connections, secrets and so on, each with the comments above the section of all of them.
pub(super) fn write(sections: &[(&str, &[String], &Table)]) -> Zeroizing<String> {
    let mut document = DocumentMut::new();
    for (name, comments, table) in sections {
        if !table.fields.is_empty() {
            document.insert(name, Item::Table(named_tables(comments, table)));
        }
    }
    let text = document.to_string();
    Zeroizing::new(text.trim_start_matches('\n').to_owned())
}

/// A table of tables without a header of its own: comments above it go to the first of them.
fn named_tables(comments: &[String], table: &Table) -> TomlTable {
    let mut all = TomlTable::new();
    all.set_implicit(true);
    let mut comments = comments.to_vec();
    for field in &table.fields {
        comments.extend(field.comments.iter().cloned());
        let empty = Table::default();
        let inner = match &field.value {
            Plain::Table(table) => table,
            _ => &empty,
        };
        let mut inner = full_table(inner);
        inner
            .decor_mut()
            .set_prefix(format!("\n{}", prefix(&comments)));
        all.insert(&field.key, Item::Table(inner));
        comments.clear();
    }
    all
}

fn full_table(table: &Table) -> TomlTable {
    let mut out = TomlTable::new();
    for field in &table.fields {
        let item = match &field.value {
            Plain::Table(table) if field.key == "children" => {
                Item::Table(named_tables(&field.comments, table))
            }
            Plain::Table(table) if table.fields.is_empty() => continue,
            Plain::Table(table) => {
                if let Some(inline) = inline(table) {
                    Item::Value(Value::InlineTable(inline))
                } else {
                    let mut inner = full_table(table);
                    let above = format!("\n{}", prefix(&field.comments));
                    inner.decor_mut().set_prefix(above);
                    Item::Table(inner)
                }
            }
            other => Item::Value(value(other)),
        };
        let is_value = item.is_value();
        out.insert(&field.key, item);
        if is_value && let Some(mut key) = out.key_mut(&field.key) {
            key.leaf_decor_mut().set_prefix(prefix(&field.comments));
        }
    }
    out
}

/// A table in one line, when no comment stands inside it.
fn inline(table: &Table) -> Option<InlineTable> {
    let fits = |field: &Field| field.comments.is_empty() && !matches!(field.value, Plain::Table(_));
    table.fields.iter().all(fits).then(|| {
        let fields = table.fields.iter();
        fields
            .map(|field| (field.key.as_str(), value(&field.value)))
            .collect()
    })
}

fn value(plain: &Plain) -> Value {
    match plain {
        Plain::Bool(value) => Value::from(*value),
        Plain::Integer(value) => Value::from(*value),
        Plain::Fraction(value) => Value::from(*value),
        Plain::Text(value) => Value::from(value.as_str()),
        Plain::List(items) => Value::Array(items.iter().map(String::as_str).collect::<Array>()),
        Plain::Table(table) => Value::InlineTable(in_one_line(table)),
        Plain::Tables(tables) => Value::Array(tables.iter().map(in_one_line).collect::<Array>()),
    }
}

fn in_one_line(table: &Table) -> InlineTable {
    let fields = table.fields.iter();
    fields
        .map(|field| (field.key.as_str(), value(&field.value)))
        .collect()
}

/// Comment lines. TOML allows no control characters in them.
fn prefix(comments: &[String]) -> String {
    let mut prefix = String::new();
    for line in comments {
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let line: String = line.chars().map(printable).collect();
        prefix.push_str(format!("# {line}").trim_end());
        prefix.push('\n');
    }
    prefix
}
