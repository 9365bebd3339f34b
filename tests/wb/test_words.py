"""Wildberries' own words, in each of the shapes that its errors have."""

from __future__ import annotations

import json

import httpx
import pytest

from mpstock_wb.words import describe
from tests.wb.harness import answer, problem


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (answer(400, {"code": "IncorrectRequest", "message": "Неверно"}), "IncorrectRequest: Неверно"),
        (answer(403, {"code": "AccessDenied", "message": ""}), "AccessDenied"),
        (
            answer(409, [{"code": "NotFound", "message": "a"}, {"code": "New", "message": "b"}]),
            "NotFound: a; New: b",
        ),
        (problem(429, "too many requests", "limited by c122"), "too many requests: limited by c122"),
        (
            answer(403, {"error": True, "errorText": "Access denied", "additionalErrors": "Access denied"}),
            "Access denied",
        ),
        (
            answer(400, {"error": True, "errorText": "Плохо", "additionalErrors": {"x": "ы"}}),
            'Плохо: {"x": "ы"}',
        ),
        (
            httpx.Response(502, text="<!DOCTYPE html><html><title>502\n Bad Gateway</title></html>"),
            "a page of HTML titled '502 Bad Gateway'",
        ),
        (httpx.Response(400, text="Request body can not be decoded"), "Request body can not be decoded"),
        (httpx.Response(500), "an empty answer"),
        (answer(400, {"strange": 1}), '{"strange":1}'),
    ],
)
def test_the_words_of_each_shape(given: httpx.Response, words: str) -> None:
    """Russian text passes unharmed, trace numbers stay out."""
    assert describe(given) == words


def test_a_long_answer_is_cut_and_many_elements_are_counted() -> None:
    """A thousand refusals do not fill the log."""
    elements = [{"code": f"C{number}", "message": "x"} for number in range(9)]
    assert describe(answer(409, elements)) == "C0: x; C1: x; C2: x (and 6 more)"
    assert len(describe(httpx.Response(500, content=json.dumps("я" * 5000).encode()))) <= 300
