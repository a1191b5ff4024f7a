//! Files as swanctl 5.9.8 reads them: what is expected here was seen on the control socket when it
//! loaded the same text.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use proptest::prelude::*;

use super::{Files, read_from};
use crate::settings::{Setting, Settings};

fn files(texts: &[(&str, &str)]) -> Files {
    let file = |(name, text): &(&str, &str)| (name.into(), (*text).to_owned());
    Files::Fixed(texts.iter().map(file).collect::<BTreeMap<_, _>>())
}

fn show(settings: &Settings) -> String {
    let mut out = String::new();
    for entry in settings.iter() {
        match entry.setting() {
            Setting::Value(value) => {
                let text = String::from_utf8_lossy(value);
                write!(out, "{}={text:?} ", entry.name()).unwrap();
            }
            Setting::Section(section) => {
                write!(out, "{}{{ {}}} ", entry.name(), show(section)).unwrap();
            }
            Setting::List(_) => panic!("files hold no lists"),
        }
    }
    out
}

/// The section `connections.c` of several files, of which the first is read.
fn seen_in(texts: &[(&str, &str)]) -> String {
    match read_from(&files(texts), Path::new("etc/swanctl.conf")) {
        Ok(conf) => {
            let connections = conf.settings.section("connections");
            let c = connections.and_then(|section| section.section("c"));
            let mut out = c.map_or_else(|| "nothing".to_owned(), show);
            for warning in conf.warnings {
                write!(out, "warning: {warning}").unwrap();
            }
            out.trim_end().to_owned()
        }
        Err(error) => error.to_string(),
    }
}

/// What stands in a connection's section.
fn seen(text: &str) -> String {
    seen_in(&[(
        "etc/swanctl.conf",
        &format!("connections {{ c {{\n{text}\n}} }}"),
    )])
}

#[test]
fn values() {
    for (written, read) in [
        ("a = hello  world\t z  # comment", r#"a="hello world z""#),
        ("a = b=c", r#"a="b=c""#),
        ("a=b{c", r#"a="b{c""#),
        ("a = \"b # c\"", r#"a="b # c""#),
        (r#"a = "t\tn\nq\"b\\ x\q""#, r#"a="t\tn\nq\"b\\ xq""#),
        ("a = \"one\ntwo\"", r#"a="one\ntwo""#),
        ("a = \"one\\\ntwo\"", r#"a="one\ntwo""#),
        ("a = b \"c\" d", r#"a="b c d""#),
        ("a = b\"c\"d", r#"a="b c d""#),
        ("a = \"\"", r#"a="""#),
        ("a = b\"\"", r#"a="b ""#),
        ("a = \"\" b", r#"a=" b""#),
        (r"a = b\nc\", r#"a="b\\nc\\""#),
        ("a =\nb = # nothing", ""),
        ("a = b c = d", r#"a="b c = d""#),
        ("a = b\r\nc = d\r", r#"a="b" c="d""#),
        ("a@b/c+d-e;f* = 1", r#"a@b/c+d-e;f*="1""#),
        ("include = 1\nincludes = 2", r#"include="1" includes="2""#),
    ] {
        assert_eq!(seen(written), read, "{written}");
    }
}

#[test]
fn later_definitions_extend_earlier_ones() {
    let text = "connections { c { a = 1\n a = 2\n b = 3\n l { x = 1\n}\n b =\n l { y = 2 } }\n c { d = 4 } }";
    assert_eq!(
        seen_in(&[("etc/swanctl.conf", text)]),
        r#"a="2" d="4" l{ x="1" y="2" }"#
    );
}

#[test]
fn sections_inherit() {
    for (around, read) in [
        (
            "x { k = 1 }\ny { k = 2\n m = 3 }\nconnections { c : x { a = 1 }\nc : y { b = 2 } }",
            r#"a="1" b="2" k="1" m="3""#,
        ),
        (
            "x { l { p = 1\n q = 1 } }\nconnections { c { l : x.l { p = 2 } } }",
            r#"l{ p="2" q="1" }"#,
        ),
        (
            "x { l { p = 1\n q = 1 } }\nconnections { c : x { l { q = } } }",
            r#"l{ p="1" }"#,
        ),
        ("x { p = 1 }\nconnections { c : x { p = 2\n p = } }", ""),
        // Later in the file, through others, in a circle.
        (
            "connections { c : x { } }\nx : y { a = 1 }\ny : x { b = 2 }",
            r#"a="1" b="2""#,
        ),
        ("connections { c : connections.c { a = 1 } }", r#"a="1""#),
        (
            "connections { c : x\n, y # both\n{ a = 1 } }\nx { b = 2 }\ny { d = 3 }",
            r#"a="1" b="2" d="3""#,
        ),
    ] {
        assert_eq!(seen_in(&[("etc/swanctl.conf", around)]), read, "{around}");
    }
}

#[test]
fn a_reference_that_leads_nowhere_is_told() {
    assert_eq!(
        seen_in(&[("etc/swanctl.conf", "connections { c : nope { a = 1 } }")]),
        "a=\"1\" warning: etc/swanctl.conf:1:19: there is no section nope: nothing is inherited \
         (correct the name, or remove the reference)"
    );
}

#[test]
fn files_are_included_where_the_line_stands() {
    let including = |line: &str| {
        let main = format!("connections {{ c {{ b = 0\n{line}\n }} }}");
        seen_in(&[
            ("etc/swanctl.conf", &main),
            (
                "etc/conf.d/a.conf",
                "a = 1\nl { x = 1\n include d/*.conf\n}",
            ),
            ("etc/conf.d/b.conf", "b = 2"),
            ("etc/conf.d/.hidden.conf", "h = 1"),
            ("etc/conf.d/d/z.conf", "z = 1"),
            ("etc/braces.inc", "i = { b"),
        ])
    };
    for (line, read) in [
        ("include conf.d/*.conf", r#"b="2" a="1" l{ x="1" z="1" }"#),
        (
            "include conf.d/*.conf\nb = 3",
            r#"b="3" a="1" l{ x="1" z="1" }"#,
        ),
        ("include \"conf.d/b.conf\" # comment", r#"b="2""#),
        ("include conf.d/b.conf }\nd {", r#"b="2""#),
        (
            "include conf.d/[ab].con?",
            r#"b="2" a="1" l{ x="1" z="1" }"#,
        ),
        ("include none/*.conf", r#"b="0""#),
        ("include braces.inc", r#"b="0" i="{ b""#),
    ] {
        assert_eq!(including(line), read, "{line}");
    }
    assert!(
        including("include missing.conf")
            .starts_with("b=\"0\" warning: etc/swanctl.conf:2:1: etc/missing.conf does not exist")
    );
}

#[test]
fn mistakes_have_places() {
    for (written, said) in [
        ("a 1", "2:3: after \"a\", =, { or : is expected"),
        ("a.b = 1", "2:2: after \"a\", =, { or : is expected"),
        ("\"a\" = 1", "2:1: a key or a section is expected here"),
        (
            "a = \"x\ny",
            "2:5: the quotation mark that begins here has no end",
        ),
        (
            "a : { b = 1 }",
            "2:5: the name of a section is expected here",
        ),
        (
            "a : x y { b = 1 }",
            "2:7: after the name of a section, a comma or { is expected",
        ),
        ("}", "3:3: this } closes no section of this file"),
        (
            "a {",
            "1:1: this section is not closed in the file that opens it",
        ),
        ("include \"\"", "2:11: the name of a file is expected here"),
        ("include [", "2:1: the pattern cannot be read"),
        (
            "include swanctl.conf",
            "2:1: etc/swanctl.conf includes itself",
        ),
    ] {
        let error = seen(written);
        let expected = format!("etc/swanctl.conf:{said}");
        assert!(error.starts_with(&expected), "{written}: {error}");
    }
}

#[test]
fn included_files_are_named() {
    let said = seen_in(&[
        ("etc/swanctl.conf", "include a.conf\ninclude b.conf"),
        ("etc/a.conf", "\nx {"),
        ("etc/b.conf", "\n\n}"),
    ]);
    assert_eq!(
        said,
        "etc/a.conf:2:1: this section is not closed in the file that opens it (add } where it ends)\n\
         etc/b.conf:3:1: this } closes no section of this file (remove it)"
    );
}

#[test]
fn secrets_are_not_shown() {
    let text = "secrets { ike-1 { id = x\n secret = hunter2\n} }\n}";
    let error = read_from(&files(&[("s", text)]), Path::new("s")).unwrap_err();
    assert!(!crate::render(error.diagnostics(), false).contains("hunter2"));
    let text = "secrets { ike-1 { secret = \"hunter2\n} }\n}";
    let error = read_from(&files(&[("s", text)]), Path::new("s")).unwrap_err();
    assert!(!crate::render(error.diagnostics(), false).contains("hunter2"));
}

#[test]
fn everything_is_bounded() {
    let deep = "a { ".repeat(100) + &"} ".repeat(100);
    assert!(seen(&deep).contains("nested more than 16 deep"));
    // A section inside itself.
    assert!(seen("l : connections.c { x = 1 }").contains("nested more than 16 deep"));
    // Sections that hold the next ones twice.
    let mut doubling = String::from("connections { c : s0 { } }\n");
    for level in 0..10 {
        let next = level + 1;
        let halves: Vec<String> = (0..8).map(|n| format!("h{n} : s{next} {{ }}")).collect();
        writeln!(doubling, "s{level} {{ {} }}", halves.join("\n")).unwrap();
    }
    assert!(seen_in(&[("etc/swanctl.conf", &doubling)]).contains("more than 1048576 keys"));
    // Files that include the next one.
    let chain: Vec<(String, String)> = (0..20)
        .map(|n| (format!("f{n}"), format!("include f{}", n + 1)))
        .collect();
    let chain: Vec<(&str, &str)> = chain
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let error = read_from(&files(&chain), Path::new("f0")).unwrap_err();
    assert!(error.to_string().contains("more than 10 deep"), "{error}");
}

/// Written plainly: one statement a line, every value quoted.
fn write_plainly(settings: &Settings, out: &mut String) {
    for entry in settings.iter() {
        match entry.setting() {
            Setting::Value(value) => {
                let value = str::from_utf8(value).unwrap();
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                writeln!(out, "{} = \"{value}\"", entry.name()).unwrap();
            }
            Setting::Section(section) => {
                writeln!(out, "{} {{", entry.name()).unwrap();
                write_plainly(section, out);
                out.push_str("}\n");
            }
            Setting::List(_) => panic!("files hold no lists"),
        }
    }
}

proptest! {
    #[test]
    fn what_is_read_reads_the_same_when_written_plainly(
        text in "(a|b|c|connections|include|=|\\{|\\}|:|,|\\.|#|\"|\\\\| |\n|\t|ü){0,40}",
        value in "[a-c#=\"\\\\{\n ü]{0,12}",
    ) {
        let text = format!("connections {{ x {{\n a = {value}\n}} }}\n{text}");
        if let Ok(conf) = read_from(&files(&[("s", &text)]), Path::new("s")) {
            let mut plain = String::new();
            write_plainly(&conf.settings, &mut plain);
            let again = read_from(&files(&[("s", &plain)]), Path::new("s")).unwrap();
            prop_assert!(again.settings == conf.settings, "{}", plain);
        }
    }
}
