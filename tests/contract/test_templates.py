"""Every CloudFormation template of the repository is one that cfn-lint has nothing to say against."""

import logging
import socket
from pathlib import Path

import pytest
from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((*ROOT.glob("fixtures/workloads/*.template.json"), *ROOT.glob("fixtures/templates/*.json")))


def test_cfn_lint_has_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """One test for all: cfn-lint takes longer to import than to look. It asks nobody: a connection is an error here."""

    def refuse(*_: object) -> None:
        raise AssertionError("cfn-lint connects to somebody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    logging.getLogger("cfnlint").setLevel(logging.ERROR)
    assert len(TEMPLATES) > 5
    found = Runner(ConfigMixIn([str(path) for path in TEMPLATES])).run()
    assert [f"{match.filename}: {match}" for match in found] == []
