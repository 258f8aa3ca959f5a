"""Numbers are those that the encoder was made with, on texts of every kind."""

import pytest

from lookalike.encoders.tokenizer import tokenize

EXPECTED = [
    ("", [101, 102]),
    ("a dog", [101, 1037, 3899, 102]),
    ("Golden Retriever at the beach!", [101, 3585, 12850, 2099, 2012, 1996, 3509, 999, 102]),
    ("\xdcn\xefc\xf6d\xe9 CAF\xc9 na\xefve", [101, 27260, 7668, 15743, 102]),
    ("don't stop-me now!!", [101, 2123, 1005, 1056, 2644, 1011, 2033, 2085, 999, 999, 102]),
    ("\u4e2d\u6587\u5b57\u7b26 \u6d4b\u8bd5", [101, 1746, 1861, 100, 100, 100, 100, 102]),
    (
        "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8",
        [101, 1864, 1876, 1950, 1671, 30239, 30227, 30233, 30240, 102],
    ),
    ("\ud55c\uad6d\uc5b4", [101, 1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008, 102]),
    ("\U0001f600 emoji", [101, 100, 7861, 29147, 2072, 102]),
    ("a\x00b\x01c", [101, 5925, 102]),
    ("x" * 101, [101, 100, 102]),
    ("\u200bzero\u200dwidth", [101, 5717, 9148, 11927, 2232, 102]),
    ("\ufffdx", [101, 1060, 102]),
    ("\u0130stanbul \u1e9etra\xdfe", [101, 9960, 1096, 6494, 17499, 102]),
    ("\u20ac5 \xa33 ^ ` | ~ + = <", [101, 1574, 2629, 28182, 1034, 1036, 1064, 1066, 1009, 1027, 1026, 102]),
    ("tab\tnew\nline\r\u3000wide", [101, 21628, 2047, 2240, 2898, 102]),
    (
        "supercalifragilisticexpialidocious",
        [101, 3565, 9289, 10128, 29181, 24411, 4588, 10288, 19312, 21273, 10085, 6313, 102],
    ),
    ("\u2460\xbd\ufb01", [101, 100, 102]),
    (
        "\u0391\u0392\u0393 \u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
        [101, 1155, 29720, 29721, 1194, 16856, 10325, 25529, 15290, 22919, 1191, 10325, 16856, 102],
    ),
    ("\u05e9\u05dc\u05d5\u05dd", [101, 1266, 29799, 29792, 29800, 102]),
    ("\u0928\u092e\u0938\u094d\u0924\u0947", [101, 1327, 29867, 29874, 29859, 102]),
    ("\u0301e\u0301", [101, 1041, 102]),
]


@pytest.mark.parametrize(("text", "numbers"), EXPECTED)
def test_numbers_are_those_of_the_published_tokenizer(text: str, numbers: list[int]) -> None:
    assert tokenize(text, 128) == numbers


def test_a_long_text_is_cut_before_the_end_mark() -> None:
    numbers = tokenize("dog " * 1000, 16)
    assert numbers == [101, *[3899] * 14, 102]


def test_marks_written_out_are_plain_text() -> None:
    assert 102 not in tokenize("[SEP] [CLS]", 128)[1:-1]
