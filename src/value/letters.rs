//! What a letter or a digit is to Python.

/// Ranges of what Unicode calls alphabetic and Python no letter: marks that stand with one, and letters in circles. Begin, and how many
/// follow. Made of `char::is_alphanumeric` and the categories `L` and `N` of Python 3.11's `unicodedata`; what lies between two that were
/// joined is neither.
#[rustfmt::skip]
const MARKS: &[(u32, u8)] = &[
    (0x345, 42), (0x5b0, 23), (0x610, 10), (0x64b, 20), (0x670, 0), (0x6d6, 14), (0x6e7, 6), (0x711, 0), (0x730, 15),
    (0x7a6, 10), (0x816, 1), (0x81b, 8), (0x825, 2), (0x829, 3), (0x8d4, 47), (0x93a, 1), (0x93e, 17), (0x955, 2),
    (0x962, 1), (0x981, 2), (0x9be, 14), (0x9d7, 0), (0x9e2, 1), (0xa01, 2), (0xa3e, 19), (0xa70, 1), (0xa75, 14),
    (0xabe, 14), (0xae2, 1), (0xafa, 9), (0xb3e, 25), (0xb62, 1), (0xb82, 0), (0xbbe, 14), (0xbd7, 0), (0xc00, 4),
    (0xc3e, 24), (0xc62, 1), (0xc81, 2), (0xcbe, 24), (0xce2, 1), (0xd00, 3), (0xd3e, 14), (0xd57, 0), (0xd62, 1),
    (0xd81, 2), (0xdcf, 16), (0xdf2, 1), (0xe31, 0), (0xe34, 6), (0xe4d, 0), (0xeb1, 0), (0xeb4, 8), (0xecd, 0),
    (0xf71, 18), (0xf8d, 47), (0x102b, 19), (0x1056, 3), (0x105e, 2), (0x1062, 2), (0x1067, 6), (0x1071, 3),
    (0x1082, 11), (0x108f, 0), (0x109a, 3), (0x1712, 1), (0x1732, 1), (0x1752, 1), (0x1772, 1), (0x17b6, 18),
    (0x1885, 1), (0x18a9, 0), (0x1920, 24), (0x1a17, 4), (0x1a55, 31), (0x1abf, 69), (0x1b35, 14), (0x1b80, 2),
    (0x1ba1, 12), (0x1be7, 10), (0x1c24, 18), (0x1dd3, 33), (0x24b6, 51), (0x2de0, 31), (0xa674, 7), (0xa69e, 1),
    (0xa802, 0), (0xa80b, 0), (0xa823, 4), (0xa880, 1), (0xa8b4, 17), (0xa8ff, 0), (0xa926, 4), (0xa947, 11),
    (0xa980, 3), (0xa9b4, 11), (0xa9e5, 0), (0xaa29, 13), (0xaa43, 0), (0xaa4c, 1), (0xaa7b, 2), (0xaab0, 0),
    (0xaab2, 2), (0xaab7, 1), (0xaabe, 0), (0xaaeb, 4), (0xaaf5, 0), (0xabe3, 7), (0xfb1e, 0), (0x10376, 4),
    (0x10a01, 14), (0x10d24, 3), (0x10eab, 1), (0x11000, 2), (0x11038, 13), (0x11073, 1), (0x11080, 2), (0x110b0, 18),
    (0x11100, 2), (0x11127, 11), (0x11145, 1), (0x11180, 2), (0x111b3, 12), (0x111ce, 1), (0x1122c, 18), (0x112df, 9),
    (0x11300, 3), (0x1133e, 14), (0x11357, 0), (0x11362, 1), (0x11435, 16), (0x114b0, 17), (0x115af, 15), (0x115dc, 1),
    (0x11630, 16), (0x116ab, 10), (0x1171d, 13), (0x1182c, 12), (0x11930, 12), (0x11940, 0), (0x11942, 0),
    (0x119d1, 14), (0x119e4, 0), (0x11a01, 9), (0x11a35, 4), (0x11a3b, 3), (0x11a51, 10), (0x11a8a, 13), (0x11c2f, 15),
    (0x11c92, 36), (0x11d31, 18), (0x11d47, 0), (0x11d8a, 12), (0x11ef3, 3), (0x16f4f, 0), (0x16f51, 65), (0x16ff0, 1),
    (0x1bc9e, 0), (0x1e000, 42), (0x1e947, 0), (0x1f130, 89),
];

/// A character of the categories `L` or `N`, as `\w` of Python's `re` has them besides `_`.
pub fn is_letter_or_digit(char: char) -> bool {
    let code = u32::from(char);
    let before =
        MARKS.partition_point(|(begin, _)| *begin <= code).checked_sub(1).and_then(|at| MARKS.get(at));
    char.is_alphanumeric() && before.is_none_or(|(begin, more)| code - begin > (*more).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 61st of the letters, digits, marks and symbols behind ASCII, as `[^\W_]` of CPython 3.11 tells them apart.
    const LETTERS: &str = "\
        \u{f1}\u{12f}\u{16c}\u{1a9}\u{1e6}\u{223}\u{260}\u{29d}\u{38a}\u{3ca}\u{408}\u{445}\u{4bf}\u{4fc}\u{53a}\
        \u{57f}\u{62f}\u{6ad}\u{778}\u{7c3}\u{807}\u{856}\u{8a6}\u{921}\u{95e}\u{9a3}\u{a5b}\u{aaf}\u{b14}\u{b68}\
        \u{c25}\u{c7d}\u{d20}\u{da7}\u{e06}\u{eb2}\u{f27}\u{f69}\u{1017}\u{105a}\u{1097}\u{10dc}\u{111a}\u{1157}\
        \u{1194}\u{11d1}\u{120e}\u{124c}\u{1292}\u{12d6}\u{1315}\u{1354}\u{13a5}\u{13e2}\u{1424}\u{1461}\u{149e}\
        \u{14db}\u{1518}\u{1555}\u{1592}\u{15cf}\u{160c}\u{1649}\u{1688}\u{16ca}\u{1711}\u{176f}\u{1817}\u{185a}\
        \u{189e}\u{18e0}\u{1974}\u{19c0}\u{1a06}\u{1a47}\u{1a87}\u{1b10}\u{1b50}\u{1b97}\u{1bd4}\u{1c1d}\u{1c65}\
        \u{1cab}\u{1d00}\u{1d3d}\u{1d7a}\u{1db7}\u{1e31}\u{1e6e}\u{1eab}\u{1ee8}\u{1f29}\u{1f6e}\u{1fad}\u{2074}\
        \u{213c}\u{217f}\u{2462}\u{2c17}\u{2c54}\u{2c91}\u{2cce}\u{2d16}\u{2d5b}\u{2dba}\u{306c}\u{30ae}\u{30eb}\
        \u{312e}\u{316c}\u{31aa}\u{31f3}\u{3419}\u{3456}\u{3493}\u{34d0}\u{350d}\u{354a}\u{3587}\u{35c4}\u{3601}\
        \u{363e}\u{367b}\u{36b8}\u{36f5}\u{3732}\u{376f}\u{37ac}\u{37e9}\u{3826}\u{3863}\u{38a0}\u{38dd}\u{391a}\
        \u{3957}\u{3994}\u{39d1}\u{3a0e}\u{3a4b}\u{3a88}\u{3ac5}\u{3b02}\u{3b3f}\u{3b7c}\u{3bb9}\u{3bf6}\u{3c33}\
        \u{3c70}\u{3cad}\u{3cea}\u{3d27}\u{3d64}\u{3da1}\u{3dde}\u{3e1b}\u{3e58}\u{3e95}\u{3ed2}\u{3f0f}\u{3f4c}\
        \u{3f89}\u{3fc6}\u{4003}\u{4040}\u{407d}\u{40ba}\u{40f7}\u{4134}\u{4171}\u{41ae}\u{41eb}\u{4228}\u{4265}\
        \u{42a2}\u{42df}\u{431c}\u{4359}\u{4396}\u{43d3}\u{4410}\u{444d}\u{448a}\u{44c7}\u{4504}\u{4541}\u{457e}\
        \u{45bb}\u{45f8}\u{4635}\u{4672}\u{46af}\u{46ec}\u{4729}\u{4766}\u{47a3}\u{47e0}\u{481d}\u{485a}\u{4897}\
        \u{48d4}\u{4911}\u{494e}\u{498b}\u{49c8}\u{4a05}\u{4a42}\u{4a7f}\u{4abc}\u{4af9}\u{4b36}\u{4b73}\u{4bb0}\
        \u{4bed}\u{4c2a}\u{4c67}\u{4ca4}\u{4ce1}\u{4d1e}\u{4d5b}\u{4d98}\u{4e12}\u{4e4f}\u{4e8c}\u{4ec9}\u{4f06}\
        \u{4f43}\u{4f80}\u{4fbd}\u{4ffa}\u{5037}\u{5074}\u{50b1}\u{50ee}\u{512b}\u{5168}\u{51a5}\u{51e2}\u{521f}\
        \u{525c}\u{5299}\u{52d6}\u{5313}\u{5350}\u{538d}\u{53ca}\u{5407}\u{5444}\u{5481}\u{54be}\u{54fb}\u{5538}\
        \u{5575}\u{55b2}\u{55ef}\u{562c}\u{5669}\u{56a6}\u{56e3}\u{5720}\u{575d}\u{579a}\u{57d7}\u{5814}\u{5851}\
        \u{588e}\u{58cb}\u{5908}\u{5945}\u{5982}\u{59bf}\u{59fc}\u{5a39}\u{5a76}\u{5ab3}\u{5af0}\u{5b2d}\u{5b6a}\
        \u{5ba7}\u{5be4}\u{5c21}\u{5c5e}\u{5c9b}\u{5cd8}\u{5d15}\u{5d52}\u{5d8f}\u{5dcc}\u{5e09}\u{5e46}\u{5e83}\
        \u{5ec0}\u{5efd}\u{5f3a}\u{5f77}\u{5fb4}\u{5ff1}\u{602e}\u{606b}\u{60a8}\u{60e5}\u{6122}\u{615f}\u{619c}\
        \u{61d9}\u{6216}\u{6253}\u{6290}\u{62cd}\u{630a}\u{6347}\u{6384}\u{63c1}\u{63fe}\u{643b}\u{6478}\u{64b5}\
        \u{64f2}\u{652f}\u{656c}\u{65a9}\u{65e6}\u{6623}\u{6660}\u{669d}\u{66da}\u{6717}\u{6754}\u{6791}\u{67ce}\
        \u{680b}\u{6848}\u{6885}\u{68c2}\u{68ff}\u{693c}\u{6979}\u{69b6}\u{69f3}\u{6a30}\u{6a6d}\u{6aaa}\u{6ae7}\
        \u{6b24}\u{6b61}\u{6b9e}\u{6bdb}\u{6c18}\u{6c55}\u{6c92}\u{6ccf}\u{6d0c}\u{6d49}\u{6d86}\u{6dc3}\u{6e00}\
        \u{6e3d}\u{6e7a}\u{6eb7}\u{6ef4}\u{6f31}\u{6f6e}\u{6fab}\u{6fe8}\u{7025}\u{7062}\u{709f}\u{70dc}\u{7119}\
        \u{7156}\u{7193}\u{71d0}\u{720d}\u{724a}\u{7287}\u{72c4}\u{7301}\u{733e}\u{737b}\u{73b8}\u{73f5}\u{7432}\
        \u{746f}\u{74ac}\u{74e9}\u{7526}\u{7563}\u{75a0}\u{75dd}\u{761a}\u{7657}\u{7694}\u{76d1}\u{770e}\u{774b}\
        \u{7788}\u{77c5}\u{7802}\u{783f}\u{787c}\u{78b9}\u{78f6}\u{7933}\u{7970}\u{79ad}\u{79ea}\u{7a27}\u{7a64}\
        \u{7aa1}\u{7ade}\u{7b1b}\u{7b58}\u{7b95}\u{7bd2}\u{7c0f}\u{7c4c}\u{7c89}\u{7cc6}\u{7d03}\u{7d40}\u{7d7d}\
        \u{7dba}\u{7df7}\u{7e34}\u{7e71}\u{7eae}\u{7eeb}\u{7f28}\u{7f65}\u{7fa2}\u{7fdf}\u{801c}\u{8059}\u{8096}\
        \u{80d3}\u{8110}\u{814d}\u{818a}\u{81c7}\u{8204}\u{8241}\u{827e}\u{82bb}\u{82f8}\u{8335}\u{8372}\u{83af}\
        \u{83ec}\u{8429}\u{8466}\u{84a3}\u{84e0}\u{851d}\u{855a}\u{8597}\u{85d4}\u{8611}\u{864e}\u{868b}\u{86c8}\
        \u{8705}\u{8742}\u{877f}\u{87bc}\u{87f9}\u{8836}\u{8873}\u{88b0}\u{88ed}\u{892a}\u{8967}\u{89a4}\u{89e1}\
        \u{8a1e}\u{8a5b}\u{8a98}\u{8ad5}\u{8b12}\u{8b4f}\u{8b8c}\u{8bc9}\u{8c06}\u{8c43}\u{8c80}\u{8cbd}\u{8cfa}\
        \u{8d37}\u{8d74}\u{8db1}\u{8dee}\u{8e2b}\u{8e68}\u{8ea5}\u{8ee2}\u{8f1f}\u{8f5c}\u{8f99}\u{8fd6}\u{9013}\
        \u{9050}\u{908d}\u{90ca}\u{9107}\u{9144}\u{9181}\u{91be}\u{91fb}\u{9238}\u{9275}\u{92b2}\u{92ef}\u{932c}\
        \u{9369}\u{93a6}\u{93e3}\u{9420}\u{945d}\u{949a}\u{94d7}\u{9514}\u{9551}\u{958e}\u{95cb}\u{9608}\u{9645}\
        \u{9682}\u{96bf}\u{96fc}\u{9739}\u{9776}\u{97b3}\u{97f0}\u{982d}\u{986a}\u{98a7}\u{98e4}\u{9921}\u{995e}\
        \u{999b}\u{99d8}\u{9a15}\u{9a52}\u{9a8f}\u{9acc}\u{9b09}\u{9b46}\u{9b83}\u{9bc0}\u{9bfd}\u{9c3a}\u{9c77}\
        \u{9cb4}\u{9cf1}\u{9d2e}\u{9d6b}\u{9da8}\u{9de5}\u{9e22}\u{9e5f}\u{9e9c}\u{9ed9}\u{9f16}\u{9f53}\u{9f90}\
        \u{9fcd}\u{a00a}\u{a047}\u{a084}\u{a0c1}\u{a0fe}\u{a13b}\u{a178}\u{a1b5}\u{a1f2}\u{a22f}\u{a26c}\u{a2a9}\
        \u{a2e6}\u{a323}\u{a360}\u{a39d}\u{a3da}\u{a417}\u{a454}\u{a4da}\u{a519}\u{a556}\u{a593}\u{a5d0}\u{a610}\
        \u{a661}\u{a6a0}\u{a6dd}\u{a741}\u{a77e}\u{a7bd}\u{a819}\u{a860}\u{a8a9}\u{a8f6}\u{a939}\u{a985}\u{a9d0}\
        \u{aa14}\u{aa62}\u{aa9f}\u{ab02}\u{ab4e}\u{ab92}\u{abcf}\u{ac15}\u{ac52}\u{ac8f}\u{accc}\u{ad09}\u{ad46}\
        \u{ad83}\u{adc0}\u{adfd}\u{ae3a}\u{ae77}\u{aeb4}\u{aef1}\u{af2e}\u{af6b}\u{afa8}\u{afe5}\u{b022}\u{b05f}\
        \u{b09c}\u{b0d9}\u{b116}\u{b153}\u{b190}\u{b1cd}\u{b20a}\u{b247}\u{b284}\u{b2c1}\u{b2fe}\u{b33b}\u{b378}\
        \u{b3b5}\u{b3f2}\u{b42f}\u{b46c}\u{b4a9}\u{b4e6}\u{b523}\u{b560}\u{b59d}\u{b5da}\u{b617}\u{b654}\u{b691}\
        \u{b6ce}\u{b70b}\u{b748}\u{b785}\u{b7c2}\u{b7ff}\u{b83c}\u{b879}\u{b8b6}\u{b8f3}\u{b930}\u{b96d}\u{b9aa}\
        \u{b9e7}\u{ba24}\u{ba61}\u{ba9e}\u{badb}\u{bb18}\u{bb55}\u{bb92}\u{bbcf}\u{bc0c}\u{bc49}\u{bc86}\u{bcc3}\
        \u{bd00}\u{bd3d}\u{bd7a}\u{bdb7}\u{bdf4}\u{be31}\u{be6e}\u{beab}\u{bee8}\u{bf25}\u{bf62}\u{bf9f}\u{bfdc}\
        \u{c019}\u{c056}\u{c093}\u{c0d0}\u{c10d}\u{c14a}\u{c187}\u{c1c4}\u{c201}\u{c23e}\u{c27b}\u{c2b8}\u{c2f5}\
        \u{c332}\u{c36f}\u{c3ac}\u{c3e9}\u{c426}\u{c463}\u{c4a0}\u{c4dd}\u{c51a}\u{c557}\u{c594}\u{c5d1}\u{c60e}\
        \u{c64b}\u{c688}\u{c6c5}\u{c702}\u{c73f}\u{c77c}\u{c7b9}\u{c7f6}\u{c833}\u{c870}\u{c8ad}\u{c8ea}\u{c927}\
        \u{c964}\u{c9a1}\u{c9de}\u{ca1b}\u{ca58}\u{ca95}\u{cad2}\u{cb0f}\u{cb4c}\u{cb89}\u{cbc6}\u{cc03}\u{cc40}\
        \u{cc7d}\u{ccba}\u{ccf7}\u{cd34}\u{cd71}\u{cdae}\u{cdeb}\u{ce28}\u{ce65}\u{cea2}\u{cedf}\u{cf1c}\u{cf59}\
        \u{cf96}\u{cfd3}\u{d010}\u{d04d}\u{d08a}\u{d0c7}\u{d104}\u{d141}\u{d17e}\u{d1bb}\u{d1f8}\u{d235}\u{d272}\
        \u{d2af}\u{d2ec}\u{d329}\u{d366}\u{d3a3}\u{d3e0}\u{d41d}\u{d45a}\u{d497}\u{d4d4}\u{d511}\u{d54e}\u{d58b}\
        \u{d5c8}\u{d605}\u{d642}\u{d67f}\u{d6bc}\u{d6f9}\u{d736}\u{d773}\u{d7bc}\u{f901}\u{f93e}\u{f97b}\u{f9b8}\
        \u{f9f5}\u{fa32}\u{fa71}\u{faae}\u{fb22}\u{fb65}\u{fba2}\u{fc00}\u{fc3d}\u{fc7a}\u{fcb7}\u{fcf4}\u{fd31}\
        \u{fd70}\u{fdaf}\u{fea2}\u{fedf}\u{ff36}\u{ff84}\u{ffc4}\u{10025}\u{10089}\u{100c6}\u{1010f}\u{1014f}\u{102be}\
        \u{1030e}\u{10359}\u{1039b}\u{10409}\u{10446}\u{10483}\u{104c8}\u{1050d}\u{10552}\u{1059f}\u{10622}\u{1065f}\
        \u{1069c}\u{106d9}\u{10716}\u{10766}\u{10802}\u{10848}\u{10887}\u{10902}\u{10989}\u{109ca}\u{10a6b}\u{10ac9}\
        \u{10b1a}\u{10b63}\u{10c0c}\u{10c80}\u{10cca}\u{10d0e}\u{10e79}\u{10f09}\u{10fe4}\u{1102a}\u{11072}\u{11116}\
        \u{11160}\u{111a8}\u{111ef}\u{112c7}\u{11314}\u{11433}\u{11497}\u{11583}\u{115d9}\u{116a9}\u{11822}\u{118c4}\
        \u{11911}\u{119a5}\u{11ade}\u{11c23}\u{11c75}\u{11fd3}\u{12022}\u{1205f}\u{1209c}\u{120d9}\u{12116}\u{12153}\
        \u{12190}\u{121cd}\u{1220a}\u{12247}\u{12284}\u{122c1}\u{122fe}\u{1233b}\u{12378}\u{1241b}\u{12458}\u{124a6}\
        \u{124e3}\u{12520}\u{12fa9}\u{12fe6}\u{13032}\u{1306f}\u{130ac}\u{130e9}\u{13126}\u{13163}\u{131a0}\u{131dd}\
        \u{1321a}\u{13257}\u{13294}\u{132d1}\u{1330e}\u{1334b}\u{13388}\u{133c5}\u{13402}\u{14410}\u{1444d}\u{1448a}\
        \u{144c7}\u{14504}\u{14541}\u{1457e}\u{145bb}\u{145f8}\u{14635}\u{1682b}\u{16868}\u{168a5}\u{168e2}\u{1691f}\
        \u{1695c}\u{16999}\u{169d6}\u{16a13}\u{16a57}\u{16a9b}\u{16adf}\u{16b29}\u{16b7d}\u{16e6a}\u{16f10}\u{16f95}\
        \u{1702c}\u{17069}\u{170a6}\u{170e3}\u{17120}\u{1715d}\u{1719a}\u{171d7}\u{17214}\u{17251}\u{1728e}\u{172cb}\
        \u{17308}\u{17345}\u{17382}\u{173bf}\u{173fc}\u{17439}\u{17476}\u{174b3}\u{174f0}\u{1752d}\u{1756a}\u{175a7}\
        \u{175e4}\u{17621}\u{1765e}\u{1769b}\u{176d8}\u{17715}\u{17752}\u{1778f}\u{177cc}\u{17809}\u{17846}\u{17883}\
        \u{178c0}\u{178fd}\u{1793a}\u{17977}\u{179b4}\u{179f1}\u{17a2e}\u{17a6b}\u{17aa8}\u{17ae5}\u{17b22}\u{17b5f}\
        \u{17b9c}\u{17bd9}\u{17c16}\u{17c53}\u{17c90}\u{17ccd}\u{17d0a}\u{17d47}\u{17d84}\u{17dc1}\u{17dfe}\u{17e3b}\
        \u{17e78}\u{17eb5}\u{17ef2}\u{17f2f}\u{17f6c}\u{17fa9}\u{17fe6}\u{18023}\u{18060}\u{1809d}\u{180da}\u{18117}\
        \u{18154}\u{18191}\u{181ce}\u{1820b}\u{18248}\u{18285}\u{182c2}\u{182ff}\u{1833c}\u{18379}\u{183b6}\u{183f3}\
        \u{18430}\u{1846d}\u{184aa}\u{184e7}\u{18524}\u{18561}\u{1859e}\u{185db}\u{18618}\u{18655}\u{18692}\u{186cf}\
        \u{1870c}\u{18749}\u{18786}\u{187c3}\u{18808}\u{18845}\u{18882}\u{188bf}\u{188fc}\u{18939}\u{18976}\u{189b3}\
        \u{189f0}\u{18a2d}\u{18a6a}\u{18aa7}\u{18ae4}\u{18b21}\u{18b5e}\u{18b9b}\u{18bd8}\u{18c15}\u{18c52}\u{18c8f}\
        \u{18ccc}\u{1b01d}\u{1b05a}\u{1b097}\u{1b0d4}\u{1b111}\u{1b194}\u{1b1d1}\u{1b20e}\u{1b24b}\u{1b288}\u{1b2c5}\
        \u{1bc06}\u{1bc43}\u{1bc88}\u{1d367}\u{1d42b}\u{1d469}\u{1d4ae}\u{1d4ee}\u{1d530}\u{1d574}\u{1d5b1}\u{1d5ee}\
        \u{1d62b}\u{1d668}\u{1d6a5}\u{1d6e6}\u{1d725}\u{1d764}\u{1d7a3}\u{1d7e4}\u{1e11d}\u{1e2a3}\u{1e2f1}\u{1e818}\
        \u{1e855}\u{1e892}\u{1e937}\u{1ec8f}\u{1ed19}\u{1ee19}\u{1ee7a}";
    const OTHERS: &str = "\
        \u{a6}\u{305}\u{342}\u{482}\u{5c5}\u{670}\u{6ec}\u{739}\u{8e4}\u{9fe}\u{bca}\u{cc1}\u{d63}\u{e48}\u{fac}\
        \u{17b9}\u{1928}\u{1df4}\u{20ef}\u{21cb}\u{231c}\u{235d}\u{23b4}\u{23f7}\u{249f}\u{24dc}\u{2519}\u{2556}\
        \u{2593}\u{25d2}\u{2617}\u{2654}\u{2692}\u{26cf}\u{270c}\u{2749}\u{2794}\u{2811}\u{284e}\u{288b}\u{28c8}\
        \u{2b05}\u{2b5d}\u{2b9d}\u{2bda}\u{2dfc}\u{2eb7}\u{2f00}\u{2f3d}\u{2f7a}\u{2fb7}\u{302c}\u{3231}\u{326e}\
        \u{32ab}\u{32e8}\u{3325}\u{3362}\u{339f}\u{33dc}\u{4dd5}\u{a494}\u{fe24}\u{1018c}\u{101fc}\u{10a0f}\u{10f4e}\
        \u{110b8}\u{1123e}\u{11368}\u{11638}\u{11725}\u{11a02}\u{11a47}\u{11a8c}\u{11cb5}\u{11d42}\u{11d90}\u{16f51}\
        \u{1cf31}\u{1cf77}\u{1cfb4}\u{1d02d}\u{1d06a}\u{1d0a7}\u{1d0e4}\u{1d12d}\u{1d16a}\u{1d1af}\u{1d201}\u{1d23e}\
        \u{1d321}\u{1d821}\u{1d85e}\u{1d89b}\u{1d8d8}\u{1d915}\u{1d952}\u{1d98f}\u{1d9cc}\u{1da09}\u{1da46}\u{1da83}\
        \u{1e006}\u{1e8d1}\u{1f005}\u{1f046}\u{1f083}\u{1f0cf}\u{1f117}\u{1f154}\u{1f191}\u{1f213}\u{1f303}\u{1f340}\
        \u{1f37d}\u{1f3ba}\u{1f3f7}\u{1f439}\u{1f476}\u{1f4b3}\u{1f4f0}\u{1f52d}\u{1f56a}\u{1f5a7}\u{1f5e4}\u{1f621}\
        \u{1f65e}\u{1f69b}\u{1f6dd}\u{1f720}\u{1f75d}\u{1f7a6}\u{1f7ea}\u{1f83e}\u{1f891}\u{1f91e}\u{1f95b}\u{1f998}\
        \u{1f9d5}\u{1fa12}\u{1fa4f}\u{1faa9}\u{1fb0f}\u{1fb4c}\u{1fb89}\u{1fbc7}";

    #[test]
    fn letters_and_digits_are_those_of_python() {
        let wrong =
            |text: &str, is: bool| text.chars().filter(|c| is_letter_or_digit(*c) != is).collect::<String>();
        assert_eq!([wrong(LETTERS, true), wrong(OTHERS, false)], ["", ""]);
        assert!("aZ09".chars().all(is_letter_or_digit) && !"_-. ".chars().any(is_letter_or_digit));
    }
}
