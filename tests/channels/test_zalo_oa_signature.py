"""Who may call the webhook."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zalo_emulator import APP_ID, OA_SECRET, ZaloEmulator

from bot.channels.zalo_oa.signature import Signature, sign

SIGNATURE = Signature(APP_ID, OA_SECRET)


def test_what_zalo_signs_is_taken_with_and_without_mac() -> None:
    zalo = ZaloEmulator(anybody=True)
    for bare in (False, True):
        body, headers = zalo.signed(zalo.text("1", "Cứu cháu với"), bare=bare)
        assert SIGNATURE.verify(headers, body)
        assert SIGNATURE.verify({name.lower(): value.upper() if bare else value for name, value in headers.items()}, body)


def test_one_changed_byte_another_secret_or_no_header_is_refused() -> None:
    zalo = ZaloEmulator(anybody=True)
    body, headers = zalo.signed(zalo.text("1", "Xin chào"))
    assert not SIGNATURE.verify(headers, body.replace(b"Xin", b"xin"))
    assert not SIGNATURE.verify(headers, body + b" ")
    assert not SIGNATURE.verify({}, body)
    assert not Signature(APP_ID, "another").verify(headers, body)
    assert not Signature("1", OA_SECRET).verify(headers, body)


def test_the_timestamp_of_the_header_is_taken_where_it_is_the_signed_one() -> None:
    body = json.dumps({"event_name": "follow", "timestamp": "1700000000000"}).encode()
    headers = {"x-zevent-signature": sign(APP_ID, OA_SECRET, body, "1700000000999"), "x-zevent-timestamp": "1700000000999"}
    assert SIGNATURE.verify(headers, body)
    assert not SIGNATURE.verify({**headers, "x-zevent-timestamp": "1700000000998"}, body)
    numeric = b'{"timestamp": 1700000000000}'
    assert SIGNATURE.verify({"x-zevent-signature": sign(APP_ID, OA_SECRET, numeric, "1700000000000")}, numeric)


def test_a_body_that_is_signed_with_no_timestamp_at_all_is_refused() -> None:
    for body in (b"", b"null", b"{}", b"[" * 100_000, b'{"timestamp": true}', b"\xff"):
        assert not SIGNATURE.verify({"x-zevent-signature": sign(APP_ID, OA_SECRET, body, "")}, body)


@given(st.text(), st.text(), st.binary())
def test_nothing_that_is_sent_makes_it_raise(signature: str, timestamp: str, body: bytes) -> None:
    assert not SIGNATURE.verify({"X-ZEvent-Signature": signature, "X-ZEvent-Timestamp": timestamp}, body)


@pytest.mark.parametrize(("body", "probe"), [(b"", True), (b" \r\n", True), (b"{}", False)])
def test_the_empty_call_is_a_probe(body: bytes, probe: bool) -> None:
    assert SIGNATURE.is_probe(body) is probe
