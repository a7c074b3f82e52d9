from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Machine code of programs that nobody wants again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETC_CACHE", str(tmp_path_factory.mktemp("store")))
        yield
