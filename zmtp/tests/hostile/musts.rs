//! Every sentence with MUST or SHALL of the RFCs that this crate follows, and where it is obeyed: `musts.tsv` has RFC, section,
//! the beginning of the sentence, the file below `src/`, and the words that a comment there quotes; or `-` and the reason why
//! there is nothing to obey. RFC 24 and 25 have no such sentence.

use std::{collections::BTreeMap, fs, path::Path};

/// All comments of a file as one text, without line breaks.
fn comments(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    let words = lines.flat_map(|line| line.trim_start_matches(['/', '!']).split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_must_of_the_rfcs_is_quoted_where_it_is_obeyed() {
    let mut files = BTreeMap::new();
    let mut sentences = BTreeMap::<&str, usize>::new();
    for row in include_str!("musts.tsv").lines() {
        let [rfc, section, sentence, place, words] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("five columns: {row}");
        };
        *sentences.entry(rfc).or_default() += 1;
        let quoted = place == "-" || files.entry(place).or_insert_with(|| comments(place)).contains(words);
        assert!(quoted, "RFC {rfc}, {section}: \"{sentence}\" is not in src/{place} as \"{words}\"");
    }
    // As many as there are in each.
    let all =
        [("23", 50), ("26", 53), ("27", 43), ("28", 43), ("29", 48), ("30", 19), ("31", 11), ("37", 61)];
    assert!(sentences.into_iter().eq(all), "a row is missing");
}
