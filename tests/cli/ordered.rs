//! What SLS files say stands in their order in `nested` and `yaml`, what Salt makes of it itself is sorted. The texts are
//! those of Salt 3006.25.

use std::fs;

use crate::alone::{Minion, text};

const PILLAR: &str = "\
local:
    ----------
    alpha:
        |_
          ----------
          q:
              1
          b:
              2
    zeta:
        ----------
        y:
            1
        b:
            2
";

const HIGH: &str = "\
local:
  z_id:
    test:
    - zz:
        y: 1
        b: 2
    - nop
    - order: 10000
    __sls__: a
    __env__: base
  a_id:
    __env__: base
    __sls__: a
    test:
    - nop
    - order: 10001
";

#[test]
fn maps_of_sls_files_are_shown_in_their_order() {
    let minion = Minion::new("ordered");
    let pillar = minion.path("pillar");
    fs::create_dir_all(&pillar).expect("a directory");
    minion.option(&format!("pillar_roots: {{base: [{}]}}\n", pillar.display()));
    fs::write(pillar.join("top.sls"), "base: {'*': [a]}\n").expect("written");
    fs::write(pillar.join("a.sls"), "zeta: {y: 1, b: 2}\nalpha: [{q: 1, b: 2}]\n").expect("written");
    minion.sls("a", "z_id:\n  test.nop:\n    - zz: {y: 1, b: 2}\na_id: test.nop\n");
    for (words, expected) in
        [(["--out=nested", "pillar.items", ""], PILLAR), (["--out=yaml", "state.show_sls", "a"], HIGH)]
    {
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        assert_eq!(text(&minion.run(&words).stdout), expected, "{words:?}");
    }
}
