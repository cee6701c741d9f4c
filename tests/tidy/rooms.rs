//! `src/lib.rs` lists the rooms bottom-up: a room uses only rooms listed above it, and rooms of the catalogue never
//! use each other.

use std::collections::BTreeSet;

use crate::{read, root, rust_files};

struct Room {
    name: String,
    catalogue: bool,
}

fn rooms() -> Vec<Room> {
    let mut catalogue = false;
    let mut rooms = Vec::new();
    for line in read(&root().join("src/lib.rs")).lines() {
        if let Some(heading) = line.strip_prefix("// ") {
            catalogue = heading.starts_with("catalogue");
        } else if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            rooms.push(Room { name: name.to_owned(), catalogue });
        }
    }
    rooms
}

/// The rooms that a text names in `crate::room` paths, also in `use crate::{a, b}` groups.
fn named(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut word, mut fresh) = (0, String::new(), true);
            for char in group.chars() {
                match char {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.insert(std::mem::take(&mut word));
                        fresh = true;
                    }
                    char if depth == 0 && fresh && (char.is_alphanumeric() || char == '_') => word.push(char),
                    char if depth == 0 && !char.is_whitespace() => fresh = false,
                    _ => {}
                }
            }
            found.insert(word);
        } else {
            found.insert(rest.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect());
        }
    }
    found
}

#[test]
fn a_room_uses_only_rooms_listed_above_it() {
    let rooms = rooms();
    assert!(rooms.len() > 5, "the list in lib.rs was not understood");
    let place = |name: &str| rooms.iter().position(|room| room.name == name);
    let mut broken = Vec::new();
    for path in rust_files("src") {
        let relative = path.strip_prefix(root().join("src")).expect("below src");
        let own =
            relative.iter().next().and_then(|part| part.to_str()).unwrap_or_default().trim_end_matches(".rs");
        let Some(own_place) = place(own) else { continue };
        for used in named(&read(&path)) {
            let Some(used_place) = place(&used).filter(|place| *place != own_place) else { continue };
            let siblings = rooms[own_place].catalogue && rooms[used_place].catalogue && own != "builtin";
            if used_place > own_place || siblings {
                broken.push(format!("{}: `{own}` may not use `{used}`", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn groups_of_paths_are_understood() {
    let found = named("use crate::{a, b::{c, d}, e_f::G};\n// crate::no\nlet x = crate::h::i();");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b", "e_f", "h"]);
}
