from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from histories import KEY, ME

from p2pchat.model.records import PutMeta
from p2pchat.storage.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "store.db", KEY)
    made.apply([PutMeta("person_id", ME.encode())])
    yield made
    made.close()
