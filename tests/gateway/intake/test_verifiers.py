"""Only the holder of a live secret gets in, and nothing in a header breaks the door."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from firedoor.domain.core.errors import Misconfigured
from firedoor.gateway.intake.refusal import Unauthenticated, Unprovable
from firedoor.gateway.intake.verifiers import SCHEMES, authenticate, decoy, verifier
from tests.gateway.door_kit import NOW, WEBHOOK_SECRET, signed
from tests.sources.samples import SHARED

OLD, NEW = b"the-old-secret", b"the-new-secret"
OLD_WHSEC = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"


def _header(*secrets: bytes):
    return verifier("header", header="X-Key", secrets=lambda: secrets)


def _hub(*secrets: bytes):
    return verifier("github", secrets=lambda: secrets)


def _webhooks(*secrets: str):
    return verifier("standard_webhooks", secrets=lambda: tuple(one.encode() for one in secrets))


def _hub_headers(secret: bytes, body: bytes) -> dict[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()}


def test_a_header_with_either_live_secret_opens():
    for secret in (OLD, NEW):
        authenticate(_header(NEW, OLD), b"{}", {"x-key": secret.decode()})


@pytest.mark.parametrize(
    "value", ["", "wrong", "the-old-secre", "the-old-secret ", "the-old-secret, the-old-secret"]
)
def test_any_other_value_of_the_header_does_not(value):
    with pytest.raises(Unauthenticated):
        authenticate(_header(NEW, OLD), b"{}", {"x-key": value})


def test_a_missing_header_names_itself():
    with pytest.raises(Unauthenticated, match="x-key is missing"):
        authenticate(_header(NEW), b"{}", {})


def test_a_secret_of_any_bytes_is_compared_as_bytes():
    secret = "schlüssel-ключ".encode()

    authenticate(_header(secret), b"", {"x-key": secret.decode("latin-1")})


def test_a_github_signature_with_either_live_secret_opens_and_tells_the_delivery():
    for secret in (OLD, NEW):
        headers = _hub_headers(secret, b"{}") | {"x-github-delivery": "d-1"}
        assert authenticate(_hub(NEW, OLD), b"{}", headers).delivery == "d-1"


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha1=" + "0" * 40,
        "0" * 64,
        "sha256=" + "0" * 64,
        "sha256=" + "Ä" * 64,
        "sha256=" + "g" * 64,
    ],
)
def test_a_github_signature_that_is_not_ours_does_not(signature):
    with pytest.raises(Unauthenticated):
        authenticate(_hub(NEW), b"{}", {"x-hub-signature-256": signature})


def test_one_changed_byte_of_the_body_breaks_every_signature():
    for door, headers in (
        (_hub(NEW), _hub_headers(NEW, b'{"a":1}')),
        (_webhooks(WEBHOOK_SECRET), signed(b'{"a":1}', delivery="m", sent=NOW, secret=WEBHOOK_SECRET)),
    ):
        authenticate(door, b'{"a":1}', headers)
        with pytest.raises(Unauthenticated):
            authenticate(door, b'{"a":2}', headers)


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(1, 9_999_999_999))
def test_standard_webhooks_agrees_with_the_reference_library(body, seconds):
    sent = datetime.fromtimestamp(seconds, UTC)
    signature = Webhook(WEBHOOK_SECRET).sign("msg_1", sent, body)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(seconds), "webhook-signature": signature}

    proof = authenticate(_webhooks(WEBHOOK_SECRET), body.encode(), headers)

    assert (proof.delivery, proof.sent) == ("msg_1", sent)


def test_the_published_vector_verifies():
    path = SHARED / "standard_webhooks" / "vector.json"
    if not path.exists():
        pytest.skip(f"no shared samples at {SHARED}")
    vector = json.loads(path.read_bytes())

    assert authenticate(_webhooks(vector["secret"]), vector["body"].encode(), vector["headers"]).sent


def test_one_good_signature_among_several_is_enough_and_either_secret_is():
    headers = signed(b"{}", delivery="m", sent=NOW, secret=OLD_WHSEC)
    headers["webhook-signature"] = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"

    authenticate(_webhooks(WEBHOOK_SECRET, OLD_WHSEC), b"{}", headers)
    with pytest.raises(Unauthenticated):
        authenticate(_webhooks(WEBHOOK_SECRET), b"{}", headers)


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize(
    "value", [None, "", "junk", "v1", "v1,", "v2,AAAA", "nan", "-1", "1e9", "9" * 400, "½", "\x00"]
)
def test_junk_in_any_header_of_standard_webhooks_is_a_refusal(header, value):
    headers = signed(b"{}", delivery="m", sent=NOW, secret=WEBHOOK_SECRET)
    headers.pop(header)
    if value is not None:
        headers[header] = value

    with pytest.raises(Unauthenticated):
        authenticate(_webhooks(WEBHOOK_SECRET), b"{}", headers)


@given(
    st.sampled_from(SCHEMES),
    st.dictionaries(
        st.sampled_from(
            [
                "x-key",
                "webhook-id",
                "webhook-timestamp",
                "webhook-signature",
                "x-hub-signature-256",
                "x-github-delivery",
            ]
        ),
        st.text(max_size=60),
    ),
    st.binary(max_size=20),
)
def test_no_header_provokes_anything_but_a_refusal(scheme, headers, body):
    door = verifier(scheme, header="x-key", secrets=lambda: (WEBHOOK_SECRET.encode(),))

    with pytest.raises(Unauthenticated):
        authenticate(door, body, headers)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("secrets", [(), (b"",), (b" \n",), (b"good-enough-secret", b"")])
def test_an_empty_secret_is_refused_before_anything_starts(scheme, secrets):
    with pytest.raises(Misconfigured, match="an empty secret"):
        verifier(scheme, header="x-key", secrets=lambda: secrets)


def test_a_mistake_in_the_configuration_is_refused_before_anything_starts():
    with pytest.raises(Misconfigured, match="unknown way"):
        verifier("none", secrets=lambda: (NEW,))
    with pytest.raises(Misconfigured, match="name of a header"):
        verifier("header", header="", secrets=lambda: (NEW,))
    with pytest.raises(Misconfigured, match="not Base64"):
        verifier("standard_webhooks", secrets=lambda: (b"whsec_%%%",))


def test_a_rotated_secret_counts_at_once():
    live = [OLD]
    door = verifier("header", header="x-key", secrets=lambda: tuple(live))
    live[:] = [NEW]

    authenticate(door, b"", {"x-key": NEW.decode()})
    with pytest.raises(Unauthenticated):
        authenticate(door, b"", {"x-key": OLD.decode()})


@pytest.mark.parametrize("broken", [(), (b"",), OSError("gone")])
def test_a_secret_that_vanishes_later_lets_nobody_in_and_asks_to_come_again(broken):
    state: list[object] = [(NEW,)]

    def secrets():
        if isinstance(state[0], Exception):
            raise state[0]
        return state[0]

    door = verifier("header", header="x-key", secrets=secrets)
    state[0] = broken

    for value in ("", "x", NEW.decode()):
        with pytest.raises((Unprovable, Unauthenticated)):
            authenticate(door, b"", {"x-key": value})


def test_the_decoy_lets_nobody_in():
    with pytest.raises(Unauthenticated):
        authenticate(decoy(), b"{}", {"x-hub-signature-256": "sha256=" + "0" * 64})
