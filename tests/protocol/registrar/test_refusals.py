"""Each refusal has a stable reason and a sentence."""

from __future__ import annotations

import pytest

from p2pchat.errors import REASON_CODES
from p2pchat.protocol.registrar.refusals import CODE_REFUSALS, REGISTRAR_REFUSALS, refused


@pytest.mark.parametrize("reason", REGISTRAR_REFUSALS)
def test_a_reason_of_the_interface_with_a_sentence(reason: str) -> None:
    assert reason in REASON_CODES
    assert str(refused(reason)) == REGISTRAR_REFUSALS[reason]


def test_a_wrong_recovery_code_isnt_called_a_password() -> None:
    assert CODE_REFUSALS.keys() <= REGISTRAR_REFUSALS.keys()
    assert "recovery code" in str(refused("wrong-password", recovery=True))
    assert str(refused("too-many-tries", recovery=True)) == REGISTRAR_REFUSALS["too-many-tries"]
