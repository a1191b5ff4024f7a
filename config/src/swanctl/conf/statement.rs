//! The statements of one file in the syntax of strongswan.conf(5), in order.

use std::ops::Range;

use zeroize::Zeroizing;

/// One statement and where it stands.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) kind: Kind,
    /// The name, or what stands in its place.
    pub(super) span: Range<usize>,
    /// The comment lines directly above it.
    pub(super) comments: Vec<String>,
}

pub(super) enum Kind {
    /// `name : reference, reference {`
    Open {
        name: String,
        references: Vec<(String, Range<usize>)>,
    },
    /// `}`
    Close,
    /// `key = value`; an assignment of nothing clears the value.
    Assign {
        key: String,
        value: Option<Zeroizing<String>>,
        /// Where the value stands.
        value_span: Range<usize>,
    },
    /// `include pattern`
    Include(String),
}

impl std::fmt::Debug for Kind {
    /// Without values: they may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open { name, .. } => write!(f, "open {name}"),
            Self::Close => f.write_str("close"),
            Self::Assign { key, .. } => write!(f, "assign {key}"),
            Self::Include(pattern) => write!(f, "include {pattern}"),
        }
    }
}

/// What cannot be read, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

/// Reads all statements of a file.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, SyntaxError> {
    let mut scanner = Scanner {
        text,
        at: 0,
        comments: Vec::new(),
    };
    let mut statements = Vec::new();
    while let Some(statement) = scanner.statement()? {
        statements.push(statement);
    }
    Ok(statements)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Comment lines since the last statement or empty line.
    comments: Vec<String>,
}

/// Whether a character can be part of a name.
fn is_in_name(c: char) -> bool {
    !c.is_control() && !matches!(c, ' ' | '.' | ',' | ':' | '{' | '}' | '=' | '"' | '#')
}

impl Scanner<'_> {
    fn statement(&mut self) -> Result<Option<Statement>, SyntaxError> {
        self.skip_to_statement();
        let start = self.at;
        let comments = std::mem::take(&mut self.comments);
        let Some(first) = self.peek() else {
            return Ok(None);
        };
        let kind = if first == '}' {
            self.at += 1;
            Kind::Close
        } else {
            self.named()?
        };
        let end = match &kind {
            Kind::Open { name, .. } => start + name.len(),
            Kind::Assign { key, .. } => start + key.len(),
            Kind::Close | Kind::Include(_) => self.at,
        };
        Ok(Some(Statement {
            kind,
            span: start..end,
            comments,
        }))
    }

    /// What begins with a name.
    fn named(&mut self) -> Result<Kind, SyntaxError> {
        let name = self.name("a key or a section is expected here")?;
        self.skip_blanks();
        if name == "include" && !matches!(self.peek(), Some('=' | '{' | ':' | '\n' | '\r') | None) {
            return self.include();
        }
        self.skip_space();
        match self.peek() {
            Some('=') => {
                self.at += 1;
                let (value, value_span) = self.value()?;
                Ok(Kind::Assign {
                    key: name,
                    value,
                    value_span,
                })
            }
            Some('{') => {
                self.at += 1;
                let references = Vec::new();
                Ok(Kind::Open { name, references })
            }
            Some(':') => {
                self.at += 1;
                let references = self.references()?;
                Ok(Kind::Open { name, references })
            }
            _ => Err(self.error(
                format!("after {name:?}, =, {{ or : is expected"),
                "write key = value, or name { ... }",
            )),
        }
    }

    fn name(&mut self, expected: &str) -> Result<String, SyntaxError> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c| !is_in_name(c)).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.error(
                expected.to_owned(),
                "names have no space and none of . , : { } = \" #",
            ));
        }
        self.at += length;
        Ok(rest[..length].to_owned())
    }

    /// `absname, absname {`
    fn references(&mut self) -> Result<Vec<(String, Range<usize>)>, SyntaxError> {
        let mut references = Vec::new();
        loop {
            self.skip_space();
            let start = self.at;
            let mut path = self.name("the name of a section is expected here")?;
            while self.peek() == Some('.') {
                self.at += 1;
                path.push('.');
                path.push_str(&self.name("the name of a section is expected after the dot")?);
            }
            references.push((path, start..self.at));
            self.skip_space();
            match self.peek() {
                Some(',') => self.at += 1,
                Some('{') => {
                    self.at += 1;
                    return Ok(references);
                }
                _ => {
                    return Err(self.error(
                        "after the name of a section, a comma or { is expected".to_owned(),
                        "write name : section, section { ... }",
                    ));
                }
            }
        }
    }

    fn include(&mut self) -> Result<Kind, SyntaxError> {
        let (pattern, _) = self.value()?;
        match pattern {
            Some(pattern) if !pattern.is_empty() => Ok(Kind::Include(pattern.to_string())),
            _ => Err(self.error(
                "the name of a file is expected here".to_owned(),
                "write include and a file or a pattern such as conf.d/*.conf",
            )),
        }
    }

    /// Words and quoted strings up to the end of the line, a comment or `}`, joined by single
    /// spaces. None at all is no value, `""` is an empty one.
    fn value(&mut self) -> Result<(Option<Zeroizing<String>>, Range<usize>), SyntaxError> {
        self.skip_blanks();
        let start = self.at;
        let mut end = start;
        let mut value: Option<Zeroizing<String>> = None;
        loop {
            self.skip_blanks();
            let piece = match self.peek() {
                None | Some('\n' | '\r' | '}' | '#') => break,
                Some('"') => self.quoted()?,
                Some(_) => self.word(),
            };
            end = self.at;
            match &mut value {
                None => value = Some(piece),
                Some(value) => {
                    value.push(' ');
                    value.push_str(&piece);
                }
            }
        }
        Ok((value, start..end))
    }

    fn word(&mut self) -> Zeroizing<String> {
        let rest = &self.text[self.at..];
        let ends = |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '"' | '#' | '}');
        let length = rest.find(ends).unwrap_or(rest.len());
        self.at += length;
        Zeroizing::new(rest[..length].to_owned())
    }

    /// A quoted string may span lines. `\n`, `\r` and `\t` are what they are in C; a backslash
    /// before anything else is dropped.
    fn quoted(&mut self) -> Result<Zeroizing<String>, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut value = Zeroizing::new(String::new());
        let rest = &self.text[self.at..];
        let mut chars = rest.char_indices();
        while let Some((position, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += position + 1;
                    return Ok(value);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, other)) => value.push(other),
                    None => break,
                },
                c => value.push(c),
            }
        }
        Err(SyntaxError {
            span: start..start + 1,
            message: "the quotation mark that begins here has no end".to_owned(),
            remedy: "close it with another one; write \\\" for one inside",
        })
    }

    /// Skips white space and comments, and remembers the comments that end up directly above what
    /// follows.
    fn skip_to_statement(&mut self) {
        let mut line_breaks = 0;
        while let Some(c) = self.peek() {
            match c {
                '\n' => {
                    line_breaks += 1;
                    if line_breaks > 1 {
                        self.comments.clear();
                    }
                    self.at += 1;
                }
                '#' => {
                    let alone = self.is_alone_in_line();
                    let comment = self.comment();
                    if alone {
                        self.comments.push(comment);
                        line_breaks = 0;
                    }
                }
                c if c.is_whitespace() => self.at += c.len_utf8(),
                _ => return,
            }
        }
    }

    fn is_alone_in_line(&self) -> bool {
        let before = &self.text[..self.at];
        let line = before.rsplit('\n').next().unwrap_or_default();
        line.trim().is_empty()
    }

    fn comment(&mut self) -> String {
        let rest = &self.text[self.at..];
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at += length;
        rest[1..length].trim().to_owned()
    }

    /// White space, line breaks and comments between the parts of a statement.
    fn skip_space(&mut self) {
        while let Some(c) = self.peek() {
            if c == '#' {
                self.comment();
            } else if c.is_whitespace() {
                self.at += c.len_utf8();
            } else {
                return;
            }
        }
    }

    /// White space within a line.
    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        let length = rest
            .find(|c| !matches!(c, ' ' | '\t'))
            .unwrap_or(rest.len());
        self.at += length;
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn error(&self, message: String, remedy: &'static str) -> SyntaxError {
        let length = self.peek().map_or(0, char::len_utf8);
        SyntaxError {
            span: self.at..self.at + length,
            message,
            remedy,
        }
    }
}
