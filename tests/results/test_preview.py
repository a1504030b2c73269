import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_sandbox.results.preview import MAX_PREVIEW_BYTES, preview_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(), inner, max_size=40),
    max_leaves=200,
)


def _preview(value: Any) -> Any:
    return preview_of(json.dumps(value))


def test_a_small_result_is_its_own_preview() -> None:
    result = {"rows": [{"city": "Köln", "count": 3}], "ok": True}

    assert _preview(result) == result


def test_the_first_rows_are_shown_and_the_others_counted() -> None:
    rows = [{"id": number, "name": f"Customer {number}"} for number in range(1000)]

    preview = _preview({"customers": rows, "total": 1000})

    assert preview["customers"][:3] == rows[:3]
    shown = len(preview["customers"]) - 1
    assert preview["customers"][-1] == f"… {1000 - shown} more rows"
    assert preview["total"] == 1000


def test_the_first_keys_are_shown_and_the_others_counted() -> None:
    preview = _preview({f"key_{number}": "x" * 50 for number in range(500)})

    shown = len(preview) - 1
    assert preview["key_0"] == "x" * 50
    assert preview["…"] == f"{500 - shown} more keys"


def test_a_long_text_is_cut_and_the_rest_counted() -> None:
    assert _preview({"text": "y" * 10_000})["text"] == "y" * 500 + "… (9500 more characters)"


def test_a_single_row_that_is_left_out_is_one_row() -> None:
    preview = _preview({"rows": ["z" * 150 for _ in range(21)], "text": "y" * 5000})

    assert preview["rows"][-1] == "… 1 more row"


def test_deep_values_are_named_by_their_size() -> None:
    deep: Any = list(range(2000))
    for _ in range(20):
        deep = {"inner": deep, "more": list(range(300))}

    text = json.dumps(_preview(deep), ensure_ascii=False)

    assert "… an object with 2 keys" in text
    assert len(text.encode("utf-8")) <= MAX_PREVIEW_BYTES + 500


@pytest.mark.parametrize(
    "value", ["s" * 9000, list(range(9000)), {"k" * 9000: 1}, [["ä" * 900] * 90] * 90]
)
def test_any_large_value_has_a_small_preview(value: Any) -> None:
    preview = json.dumps(_preview(value), ensure_ascii=False, separators=(",", ":"))

    assert len(preview.encode("utf-8")) <= MAX_PREVIEW_BYTES
    assert "…" in preview


@given(value=JSON)
def test_a_preview_is_never_larger_than_allowed(value: Any) -> None:
    preview = json.dumps(_preview(value), ensure_ascii=False, separators=(",", ":"))

    assert len(preview.encode("utf-8")) <= MAX_PREVIEW_BYTES
