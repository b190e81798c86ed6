"""The strings that tokenizers are compared on: many scripts, every kind of white space, and what lies beyond the BMP.

Code points that Unicode got after version 14 are left out, so that no two Unicode tables disagree about them.
"""

import random

# \p{White_Space}, and the characters that other definitions of white space add to it
WHITE_SPACE = [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
               0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
NOT_WHITE_SPACE = [0x1C, 0x1D, 0x1E, 0x1F, 0x180E, 0x200B, 0x2060, 0xFEFF]

# the digit zero of each script that has decimal digits
DIGIT_ZEROS = [0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50,
               0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
               0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066,
               0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950,
               0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
               0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0]

SENTENCES = [
    "The quick brown fox jumps over the lazy dog.",
    "the answer to the ultimate question of life, the universe, and everything is ",
    "datawhalechina is a group for ",
    "Hello World!", "Hello, world! How are you today?", "A man, a plan, a canal: Panama",
    "Der schnelle braune Fuchs springt \u00fcber den faulen Hund. Stra\u00dfe, \u00c4pfel, \u00d6l.",
    "Voil\u00e0 l'\u00e9t\u00e9 : o\u00f9 est le na\u00eff gar\u00e7on ? \u0152uvre, c\u0153ur.",
    "El ping\u00fcino Wenceslao hizo kil\u00f3metros bajo exhaustiva lluvia; \u00bfd\u00f3nde? \u00a1Aqu\u00ed!",
    "Pchn\u0105\u0107 w t\u0119 \u0142\u00f3d\u017a je\u017ca lub o\u015bm skrzy\u0144 fig",
    "P\u0159\u00edli\u0161 \u017elu\u0165ou\u010dk\u00fd k\u016f\u0148 \u00fap\u011bl \u010f\u00e1belsk\u00e9 \u00f3dy",
    "I\u015f\u0131kl\u0131 \u0130stanbul'da \u0131l\u0131k bir g\u00fcn",
    "\u0421\u044a\u0435\u0448\u044c \u0436\u0435 \u0435\u0449\u0451 \u044d\u0442\u0438\u0445 \u043c\u044f\u0433\u043a\u0438\u0445 "
    "\u0444\u0440\u0430\u043d\u0446\u0443\u0437\u0441\u043a\u0438\u0445 \u0431\u0443\u043b\u043e\u043a",
    "\u03a4\u03b1\u03c7\u03af\u03c3\u03c4\u03b7 \u03b1\u03bb\u03ce\u03c0\u03b7\u03be \u03b2\u03b1\u03c6\u03ae\u03c2 "
    "\u03c8\u03b7\u03bc\u03ad\u03bd\u03b7 \u03b3\u03b7",
    "\u05d3\u05d2 \u05e1\u05e7\u05e8\u05df \u05e9\u05d8 \u05d1\u05d9\u05dd", "\u0646\u0635 \u062d\u0643\u064a\u0645 \u0644\u0647 \u0633\u0631",
    "\u0627\u0644\u0633\u064e\u0651\u0644\u064e\u0627\u0645\u064f \u0639\u064e\u0644\u064e\u064a\u0652\u0643\u064f\u0645",
    "\u090b\u0937\u093f\u092f\u094b\u0902 \u0915\u094b \u0938\u0924\u093e\u0928\u0947 \u0935\u093e\u0932\u0947",
    "\u0e40\u0e1b\u0e47\u0e19\u0e21\u0e19\u0e38\u0e29\u0e22\u0e4c\u0e2a\u0e38\u0e14\u0e1b\u0e23\u0e30\u0e40\u0e2a\u0e23\u0e34\u0e10",
    "\u3044\u308d\u306f\u306b\u307b\u3078\u3068 \u3061\u308a\u306c\u308b\u3092", "\u30ab\u30bf\u30ab\u30ca\u3068\u6f22\u5b57\u3001\u6df7\u305c\u3066\u3002",
    "\u6211\u80fd\u541e\u4e0b\u73bb\u7483\u800c\u4e0d\u4f24\u8eab\u4f53\u3002\u4e2d\u6587\uff0c\u6807\u70b9\uff01",
    "\ub2e4\ub78c\uc950 \ud5cc \uccc7\ubc14\ud034\uc5d0 \ud0c0\uace0\ud30c",
    "\u1112\u1161\u11ab\u1100\u1173\u11af", "\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8 \u10d4\u10dc\u10d0",
    "\u0540\u0561\u0575\u0565\u0580\u0565\u0576 \u056c\u0565\u0566\u0578\u0582", "\u12a0\u121b\u122d\u129b \u134a\u12f0\u120d",
    "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bae\u0bca\u0bb4\u0bbf", "\u0c24\u0c46\u0c32\u0c41\u0c17\u0c41", "\u0d2e\u0d32\u0d2f\u0d3e\u0d33\u0d02",
    "\u1780\u17b6\u179f\u17b6\u1781\u17d2\u1798\u17c2\u179a", "\u1019\u103c\u1014\u103a\u1019\u102c", "\u13e3\u13b3\u13a9 \uab73\uab70",
    "Ti\u1ebfng Vi\u1ec7t c\u00f3 d\u1ea5u", "Tie\u0302\u0301ng Vie\u0323\u0302t", "cafe\u0301 caf\u00e9 e\u0301\u0301\u0301",
    "for (int i = 0; i < 10; i++) { sum += a[i] * b[i]; }\n",
    "def f(x):\n    if x:\n        return x ** 2\n\treturn None\n\n\n",
    "#include <stdio.h>\r\nint main(void)\r\n{\r\n\treturn 0;\r\n}\r\n",
    "{\"key\": [1, 2.5e-3, null, true], \"k\\n\": \"\\u00e9\"}",
    "SELECT * FROM t WHERE a='b' AND c<>\"d\"; -- comment", "<html><body class=\"x\">&nbsp;</body></html>",
    "https://example.org/a/b?c=d&e=%20f#g", "user.name+tag@example.co.uk", "C:\\Windows\\System32\\drivers\\etc",
    "$x = \\frac{1}{2}\\sqrt{\\pi}$", "a_b_c __init__ --flag=value -x", "1+1=2; 3*4=12, 10/4=2.5 (approx.)",
    "x\u00b2 + y\u00b3 = \u00bd \u2160\u2161\u2162 \u2460\u2461 \u3220 \u00bc\u2153\u215b", "\u00a9 2024 \u2122 \u00ae \u00b0C \u00b5m \u03a9",
    "\u2018single\u2019 \u201cdouble\u201d \u00abguillemets\u00bb \u2014 \u2013 \u2026", "\u20ac100 \u00a350 \u00a53000 \u20b91,00,000 \u20bf0.5",
    "\ufb01\ufb02 ligatures \ufb06 \u01c5 \u02b0\u02b1 \u00aa\u00ba", "\uff28\uff45\uff4c\uff4c\uff4f\uff0c\u3000\uff37\uff4f\uff52\uff4c\uff44",
]

EMOJI = [
    "\U0001F600", "\U0001F600\U0001F601\U0001F602", "Hi \U0001F44B\U0001F3FD!", "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466",
    "\U0001F3F3\uFE0F\u200D\U0001F308 flag", "\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7", "\u2764\uFE0F\u200D\U0001F525", "1\uFE0F\u20E3 2\uFE0F\u20E3",
    "\U0001F9D1\U0001F3FF\u200D\U0001F680 to the \U0001F319", "a\U0001F600b\U0001F600c", " \U0001F600 \U0001F600 ", "\U0001F600\n\U0001F600\r\n",
    "\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", "\u263A\uFE0F\u263A", "\U0001FAE0\U0001FAE1", "\u00AF\\_(\u30C4)_/\u00AF",
]

BEYOND_BMP = [
    "\U0001D7D8", "\U0001D7D8\U0001D7D9\U0001D7DA\U0001D7DB", "a\U0001D7D8b", "12\U0001D7DA34", " \U0001D7D8\U0001D7D8", "\U0001D7CE1\U0001D7CF2\U0001D7D03",
    "\U00010400", "\U00010400\U00010428 \U00010400", "x\U00010400y", "!\U00010400", "\U00010400\u0301", "'\U00010400", " \U00010428\U00010429\U0001042A",
    "\U00020000", "\U00020000\U0002A6D6\u4E2D", "\u4E2D\U00020BB7\u91CE\u5BB6", " \U00020BB7", "\U0002F800\U00030000",
    "\U0001D400\U0001D401\U0001D402 bold \U0001D41A\U0001D41B", "\U0001D538=\U0001D539+\U0001D7D9", "\U00010330\U00010331\U00010332 gothic",
    "\U00012000\U00012001 \U00013000\U00013001", "\U00016800\U0001B000", "\U000118A0\U000118C0'\U000118C1", "\U0001F100\U0001F101\U0001F10A",
    "\U00010107\U00010108\U00010109\U0001010A", "\U0001D360\U0001D361", "\U00010140\U00010141", "\U0001E900\U0001E922 \U0001E950\U0001E951",
    "\U000E0001\U000E0020", "\U000F0000\U00100000", "\U0010FFFD", "\U0001D165\U0001D166", "\U00011000\U00011005\U00011038",
    "\U0001D7D8\U00010400\U00020000\U0001F600", "\U0001F600\U0001D7D8 \U00010400!\U00020000?",
]

CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]


def contractions():
    for c in CONTRACTIONS:
        yield "it" + c
        yield "IT" + c.upper() + " IS"
        yield c
        yield c.upper() + "x"
        yield " " + c + "top"
        yield "9" + c + "9"
        yield "\n" + c
        yield "''" + c
    yield from ["'\u017f", "it'\u017f", "it'\u017fo", "'\u017ftop \u017f'\u017f", "'rE 'Re 'vE 'Ve 'lL 'Ll", "'r 'v 'l", "'lx 'rx 'vx", "'\u212a", "'\u0130",
                "don't can't won't we've they'll I'd I'm he's you're", "DON'T CAN'T WON'T WE'VE THEY'LL I'D I'M HE'S YOU'RE",
                "don\u2019t it\u2019s", "rock 'n' roll", "'tis 'twas 'em", "o'clock O'Neill", "'", "''", "'''", "' s", "'\ns", "'1", "s'", "'\u00df", "'S'S's"]


def white_space():
    for code in WHITE_SPACE + NOT_WHITE_SPACE:
        c = chr(code)
        yield c
        yield "a" + c + "b"
        yield "a" + c + c + "b" + c
        yield c + c + "\n" + c + "7" + c + "!"
    yield from [" ", "  ", "   ", "    ", " " * 7, " a", "  a", "   a", "a ", "a  ", "a   ", " 1", "  1", "  12345", " !", "  !", "  !a", "\n", "\n\n", "\n\n\n",
                "\r\n", "\r\n\r\n", "\r", "\n\r", "\n \n", " \n", "  \n", "\n ", "\n  ", "\n  a", "a\n", "a\nb", "a\n\nb", "a \nb", "a\n b", "a \n b", "a  \n  b",
                "a\r\nb\r\n", "a \r\n b", "!\n", "!\r\n\r\n a", "!\n\n\n", "! \n", "1\n2\r3\r\n4", "\t", "\ta", "\t\ta", "a\t", "a\tb", " \ta", "\t a", "\t\n\ta",
                "\n\t\n\t", "\u00a0a", " \u00a0a", "\u00a0 a", "\u3000\u4e2d", "\u3000\u3000\u4e2d", "\u2028a\u2029b", "\u0085a\u0085", "\u0085\n\u0085a",
                "\u200b \u200b", "a\u200b b", "\u180ea\u180e\u180e b", "\x1ca\x1d b\x1e\x1f", " \x1c ", "\n\u2028\n\u2029x", "x\u2003\u2003y", "x \u2003y",
                " \n \r\n \n  end", "\u00a0\n", " \u00a0\n\u00a0 z", "a" + " " * 40 + "b", "a" + "\n" * 40 + "b", " " * 80, "\t" * 20, "\r\n" * 20]


def digits():
    for zero in DIGIT_ZEROS:
        yield "".join(chr(zero + i) for i in range(10))
        yield "n" + chr(zero + 1) + chr(zero + 2) + " " + chr(zero + 3)
    yield from ["1", "12", "123", "1234", "12345", "123456", "1234567", "3.14159", "1,000,000", "2024-01-31", "12:34:56", "0x1F", "1e10", "007", "1st 2nd 3rd",
                "\u4e00\u4e8c\u4e09", "\u2167\u2168", "\u00b2\u00b3\u00b9", "1\u00b22\u0663", "\u3007\u3021\u3022", "\u0bf0\u0bf1", "\u1369\u136a", "a1b2c3"]


def controls():
    for code in [*range(0, 9), 0x0E, 0x0F, 0x10, 0x1A, 0x1B, 0x7F, 0x80, 0x81, 0x9F, 0xAD, 0x200C, 0x200D, 0x200E, 0x202E, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF, 0xE000]:
        yield "a" + chr(code) + "b " + chr(code)
    yield "\x00\x00\x00"
    yield "\x1b[31mred\x1b[0m"


def runs():
    yield from ["a" * 300, "ab" * 200, "\u4e2d" * 100, "1" * 100, "!" * 300, "=" * 64, "-" * 80, "_" * 33, "." * 50, "\U0001F600" * 20, "\U00010400" * 20,
                "\U0001D7D8" * 10, "aaaa " * 20, " a" * 50, "a\n" * 30, "!?" * 40, "A" * 17, "xyzzy" * 60, "\u0301" * 30, "((((((((((", "))))))))\n\n", "//////// x",
                "the" * 50, "TheQuickBrownFoxJumpsOverTheLazyDog", "antidisestablishmentarianism", "aAaAaAaAaA" * 5, "\u00e9" * 40, "\u0430\u0431" * 30]


def random_mixes(count):
    rng = random.Random(42)
    parts = (["'s", "'S", "'\u017f", "'ll", "'", " ", "  ", "\n", "\r\n", "\t", "\u0085", "\u00a0", "\u3000", "\u200b", "a", "Zed", "the", "\u00e9", "e\u0301", "\u4e2d",
              "\U00020000", "\U00010400", "\U0001D7D8", "\U0001F600", "7", "42", "1234", "\u0661", "\u00bd", "!", "?!", "...", "(", "-", "_", "\x00", "\x1f", "\u200d"])
    for _ in range(count):
        yield "".join(rng.choice(parts) for _ in range(rng.randint(2, 14)))


def all_texts():
    """Every text once, in a fixed order."""
    texts = ["", *SENTENCES, *EMOJI, *BEYOND_BMP, *contractions(), *white_space(), *digits(), *controls(), *runs(), *random_mixes(120)]
    texts += ["<|begin_of_text|>", "<|eot_id|> as text", "<|not_special|>", "<|", "<|begin_of_text"]
    return list(dict.fromkeys(texts))


def a_thousand_texts():
    """Every text, and further ones at random: 1050 in all."""
    return list(dict.fromkeys([*all_texts(), *random_mixes(700)]))[:1050]


# texts in which special tokens are read as such
SPECIAL_TEXTS = [
    "<|begin_of_text|>", "<|begin_of_text|>Hello World!<|end_of_text|>", "<|start_header_id|>user<|end_header_id|>\n\nHi <|eot_id|>",
    "  <|eot_id|>  a", "a \n<|eot_id|>\n b", "<|eot_id|><|eot_id|>", "<|eot_id", "<|eot_id|", "<<|eot_id|>>", "<|<|eot_id|>|>", "it'<|eot_id|>s",
    "12<|eom_id|>34", "<|python_tag|>print(1)", "<|finetune_right_pad_id|>", "<|reserved_special_token_0|>x", "<|unknown|>", "\U0001F600<|eot_id|>\U0001D7D8",
]
