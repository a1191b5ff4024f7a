//! Reads the files of `testdata`: blocks of `name = value` lines with blank lines between them.

/// One block.
pub(crate) struct Vector(Vec<(&'static str, &'static str)>);

/// The blocks of a file.
pub(crate) fn read(file: &'static str) -> Vec<Vector> {
    let vectors: Vec<Vector> = file
        .split("\n\n")
        .map(|block| {
            let lines = block.lines().filter(|line| !line.starts_with('#'));
            Vector(
                lines
                    .map(|line| line.split_once(" = ").expect("name = value"))
                    .collect(),
            )
        })
        .filter(|vector| !vector.0.is_empty())
        .collect();
    assert!(!vectors.is_empty());
    vectors
}

impl Vector {
    pub(crate) fn find(&self, name: &str) -> Option<&'static str> {
        let line = self.0.iter().find(|line| line.0 == name);
        line.map(|line| line.1)
    }

    pub(crate) fn text(&self, name: &str) -> &'static str {
        self.find(name).unwrap_or_else(|| panic!("no {name}"))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        hex(self.text(name))
    }
}

/// Hexadecimal digits as bytes; white space between them does not count.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("a hexadecimal digit"))
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}
