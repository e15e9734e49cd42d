"""JSON documents of images: read within limits, and as leniently as by Go."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest

from layerscope.errors import LimitExceededError
from layerscope.image.documents import DocumentError, Lenient, decode, decode_object, lowercase_keys
from layerscope.limits import DEFAULT_LIMITS, Limits


def _decode(data: bytes) -> tuple[Any, bool]:
    return decode(data, "the config", DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b' [1, 2.5, null, true, "x"] \n', [1, 2.5, None, True, "x"]),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'"\\u00e9\\ud83d\\ude00"', "é😀"),
        (b"1" + b"0" * 30, 10**30),
    ],
)
def test_json_is_read(data: bytes, value: object) -> None:
    """The last of two members with the same name wins."""
    assert _decode(data) == (value, False)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\xef\xbb\xbf{}", {}),
        (b'"caf\xe9"', "caf\ufffd"),
        (b'{"\xff":1}', {"\ufffd": 1}),
        (b'"\\ud800"', "\ufffd"),
        (b'"\\udc80x"', "\ufffdx"),
        (b'"\\ud800\\ud83d\\ude00"', "\ufffd😀"),
        (b'"\\ud83d\\ude00\\ude00"', "😀\ufffd"),
        (b'"\\\\ud800 \\ud800"', "\\ud800 \ufffd"),
        (b'\xef\xbb\xbf"\xff\\ud800"', "\ufffd\ufffd"),
    ],
)
def test_a_broken_encoding_is_repaired(data: bytes, value: object) -> None:
    """This covers byte-order marks, invalid UTF-8 and lone surrogates; the result says that it was repaired."""
    assert _decode(data) == (value, True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"a":}',
        b"nul",
        b"NaN",
        b"1e999",
        b"[1,]",
        b"{} {}",
        b"\x00",
        b"\xff\xfe{\x00}\x00",
        b'"\x1b"',
        b"<html>",
    ],
)
def test_invalid_json_is_reported(data: bytes) -> None:
    """The error names the document."""
    with pytest.raises(DocumentError, match="the config is not valid JSON"):
        _decode(data)


def test_a_number_of_thousands_of_digits_is_reported() -> None:
    """Python would be slow to convert it."""
    with pytest.raises(DocumentError, match="the config is not valid JSON"):
        _decode(b"1" * 5000)


def test_deep_nesting_is_reported() -> None:
    """The stack does not overflow, whether the brackets are closed or not."""
    for data in (b"[" * 100_000, b'{"a":' * 100_000, b"[" * 5000 + b"]" * 5000):
        with pytest.raises(DocumentError, match="nested too deeply"):
            _decode(data)


def test_a_document_beyond_the_limit_is_refused() -> None:
    """The error names the limit."""
    limits = Limits(json_bytes=10)
    assert decode(b'"12345678"', "x", limits)[0] == "12345678"
    with pytest.raises(
        LimitExceededError, match=r"the config: limit json_bytes exceeded: 11 found, 10 allowed"
    ) as caught:
        decode(b'"123456789"', "the config", limits)
    assert "--limit json_bytes=" in str(caught.value.hint)


MANY_VALUES = {
    "objects": b"[" + b"{}," * 20_000 + b"{}]",
    "arrays": b"[" + b"[]," * 20_000 + b"[]]",
    "numbers": b"[" + b"1," * 20_000 + b"1]",
    "strings": b"[" + b'"ab",' * 20_000 + b'"ab"]',
    "small objects": b"[" + b'{"a":1},' * 20_000 + b"{}]",
    "nested arrays": b"[" + b"[[[[]]]]," * 5_000 + b"[]]",
    "repeated keys": b"{" + b'"a":{},' * 20_000 + b'"a":{}}',
    "keys": b"{" + b",".join(b'"%d":0' % number for number in range(20_000)) + b"}",
    "history": b'{"history":[' + b'{"empty_layer":true},' * 20_000 + b"{}]}",
    "after a string": b'["\\"[[[",' + b"{}," * 20_000 + b"{}]",
    "cut in a string": b"[" + b"{}," * 20_000 + b'"' + b'\\"' * 20_000,
}


@pytest.mark.parametrize("kind", MANY_VALUES)
def test_too_many_values_exceed_the_limit(kind: str) -> None:
    """The error names the limit, and raising it helps."""
    with pytest.raises(
        LimitExceededError, match="the config: limit json_values exceeded: more than 10,000"
    ) as caught:
        decode(MANY_VALUES[kind], "the config", Limits(json_values=10_000))
    assert "--limit json_values=" in str(caught.value.hint)
    if not kind.startswith("cut"):
        decode(MANY_VALUES[kind], "the config", Limits(json_values=100_000))


@pytest.mark.parametrize("kind", [kind for kind in MANY_VALUES if not kind.startswith("cut")])
def test_a_value_takes_up_to_a_hundred_bytes(kind: str) -> None:
    """The limit on the number of values thus limits memory."""
    limit = next(
        number
        for number in range(0, 200_000, 500)
        if _fits(MANY_VALUES[kind], Limits(json_values=number))
    )
    tracemalloc.start()
    try:
        value = decode(MANY_VALUES[kind], "the config", DEFAULT_LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 100 * limit
    finally:
        tracemalloc.stop()
    del value


def _fits(data: bytes, limits: Limits) -> bool:
    try:
        decode(data, "the config", limits)
    except LimitExceededError:
        return False
    return True


def test_punctuation_in_strings_does_not_count_as_values() -> None:
    """Instructions in a history contain a lot of it."""
    data = json.dumps({"created_by": 'RUN ["a", {"b": 1}] \\' * 10_000, "x": [1]}).encode()
    assert decode(data, "the config", Limits(json_values=6))[0]["x"] == [1]
    with pytest.raises(LimitExceededError):
        decode(data, "the config", Limits(json_values=5))


def test_repairing_takes_linear_time() -> None:
    """The document has megabytes of broken escapes."""
    started = time.process_time()
    text = '"' + "\\ud800" * 300_000 + "\\\\" * 300_000 + '"'
    assert _decode(text.encode())[1]
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"[]", "array"),
        (b'"x"', "string"),
        (b"1", "number"),
        (b"1.5", "number"),
        (b"true", "boolean"),
        (b"null", "null"),
    ],
)
def test_a_document_of_another_type_is_reported(data: bytes, kind: str) -> None:
    """The error names the type."""
    with pytest.raises(DocumentError, match=f"the config is a JSON {kind}, not an object"):
        decode_object(data, "the config", DEFAULT_LIMITS)
    assert decode_object(b'{"a":[]}', "the config", DEFAULT_LIMITS) == {"a": []}


def test_keys_match_regardless_of_case() -> None:
    """The last of several keys that differ only in case wins."""
    assert lowercase_keys({"Layers": 1, "LAYERS": 2, "x": 3}) == {"layers": 2, "x": 3}
    assert Lenient({"OS": "linux"}, "config").text("os") == "linux"


def test_members_of_a_wrong_type_count_as_absent() -> None:
    """Their names are recorded; null counts as absent without being recorded."""
    document = {
        "text": 7, "flag": "yes", "number": True, "items": {}, "texts": ["a", 7, None], "mapping": [],
        "child": {"text": [], "deep": 7}, "null": None,
    }  # fmt: skip
    fields = Lenient(document, "config")
    assert fields.text("text") is None
    assert fields.flag("flag") is False
    assert fields.number("number") is None
    assert fields.items("items") == []
    assert fields.texts("texts") == ["a"]
    assert fields.mapping("mapping") == {}
    child = fields.child("child")
    assert child.text("text") is None
    assert child.child("deep").text("x") is None
    names = ("null", "nothing")
    for name in names:
        assert (fields.text(name), fields.flag(name), fields.number(name)) == (None, False, None)
        assert (fields.items(name), fields.texts(name), fields.mapping(name)) == ([], [], {})
        assert fields.child(name).text("x") is None
    assert fields.wrong == [
        "config.text",
        "config.flag",
        "config.number",
        "config.items",
        "config.texts",
        "config.mapping",
        "config.child.text",
        "config.child.deep",
    ]


def test_a_string_may_replace_a_list() -> None:
    """`Cmd` in old configs is a string."""
    fields = Lenient({"one": "sh -c x", "several": ["sh", "-c"], "none": 7}, "config")
    assert fields.texts_or_one("one") == ["sh -c x"]
    assert fields.texts_or_one("several") == ["sh", "-c"]
    assert fields.texts_or_one("none") == []


@pytest.mark.parametrize("value", [[], 7, "x", True])
def test_other_types_have_no_members(value: object) -> None:
    """The value itself is recorded as wrong."""
    fields = Lenient(json.loads(json.dumps(value)), "config")
    assert fields.text("os") is None
    assert fields.wrong == ["config"]
    assert Lenient(None, "config").wrong == []
