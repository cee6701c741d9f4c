//! The name that was probably meant: mistakes are told with it.

/// The name closest to `wanted`, if one is close: few letters replaced, left out, added or swapped.
pub fn nearest<'n>(wanted: &str, names: &mut dyn Iterator<Item = &'n str>) -> Option<&'n str> {
    const LONGEST: usize = 100;
    let wanted: Vec<char> = wanted.chars().collect();
    let mut best = None;
    // A third of the letters may be wrong, and at least one.
    let mut limit = (wanted.len() / 3).max(1) + 1;
    if wanted.len() < 2 || wanted.len() > LONGEST {
        return None;
    }
    for name in names {
        if name.len() > LONGEST || name.len().abs_diff(wanted.len()) > limit * 4 {
            continue;
        }
        let distance = distance(&wanted, &name.chars().collect::<Vec<_>>());
        if distance > 0 && distance < limit {
            limit = distance;
            best = Some(name);
        }
    }
    best
}

/// Damerau's distance, of neighbours swapped once.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut cost =
                (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && Some(x) == b.get(j - 1) && Some(y) == a.get(i - 1) {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_another_word_none() {
        let names = ["file.managed", "file.directory", "pkg.installed", "cmd.run"];
        let near = |wanted| nearest(wanted, &mut names.iter().copied());
        assert_eq!(near("file.manged"), Some("file.managed"));
        assert_eq!(near("cmd.rnu"), Some("cmd.run"));
        assert_eq!(near("pkg.instaled"), Some("pkg.installed"));
        assert_eq!(near("network.managed"), None);
        assert_eq!(near("cmd.run"), None);
    }
}
