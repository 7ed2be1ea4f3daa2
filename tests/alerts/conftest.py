from pathlib import Path

import pytest

from tests.foundations.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that only these tests know."""
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)
