# SPDX-License-Identifier: Apache-2.0
"""Errors, in the form of each API."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize(
    ("name", "status", "code", "message"),
    [
        ("conflict", 409, "Taken", "It is taken."),
        ("later", 503, "ErrorPredictionServiceUnavailable", "Later."),
        ("picture", 400, "BadRequestImageFormat", "bytes: it is none"),
        ("name", 404, "NotFound", "No model is called 'x'."),
        ("export", 400, "BadRequest", "a.zip: it is broken"),
        ("house", 500, "ErrorUnknown", "Something is missing."),
    ],
)
def test_each_api_has_its_form_of_errors(
    name: str, status: int, code: str, message: str, serving: str
) -> None:
    azure = httpx.get(f"{serving}/fail/azure/{name}")
    assert azure.status_code == status
    assert azure.json() == {"code": code, "message": message}
    assert httpx.get(f"{serving}/fail/oip/{name}").json() == {"error": message}
    plain = httpx.get(f"{serving}/fail/plain/{name}")
    assert plain.text == message
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    problem = httpx.get(f"{serving}/fail/problem/{name}")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["status"] == status
    assert problem.json()["detail"] == message
    assert problem.headers.get("retry-after") == ("2" if name == "later" else None)


@pytest.mark.parametrize(
    ("path", "key"),
    [("/customvision/v3.0/x", "code"), ("/CustomVision/x", "code"), ("/v2/x", "error"),
     ("/v2", "error"), ("/x", "detail"), ("/v22", "detail")],
)  # fmt: skip
def test_what_no_route_takes_has_the_form_of_its_api(path: str, key: str, serving: str) -> None:
    answer = httpx.get(serving + path)
    assert answer.status_code == 404
    assert key in answer.json()
