"""Where the results of steps are kept: in the ledger's database, so that a worker on any machine finds them."""

from prefect.filesystems import WritableFileSystem

from ledger import results
from runtime.clock import clock
from runtime.connections import ledger
from runtime.flow_run import asking_prefect

RESULTS = "ledger-results/ledger"
"""The name under which the storage is saved in Prefect, and by which the steps ask for it."""


_storage: "LedgerResults | None" = None


async def result_storage() -> "LedgerResults":
    """The saved storage, loaded once in a process. Raises PrefectUnreachable."""
    global _storage
    if _storage is None:
        with asking_prefect():
            _storage = await LedgerResults.aload(RESULTS.partition("/")[2])
    return _storage


class LedgerResults(WritableFileSystem):
    """Prefect's result storage over the ledger's table of results. Saved once, as ledger-results/ledger."""

    _block_type_name = "Ledger results"
    _block_type_slug = "ledger-results"

    async def read_path(self, path: str) -> bytes:
        """The result kept under that key. Raises ValueError: there is none (what Prefect expects of a storage)."""
        data = await results.read(ledger(), path)
        if data is None:
            raise ValueError(f"No result is kept under {path}.")
        return data

    async def write_path(self, path: str, content: bytes) -> None:
        """Keep a result."""
        await results.write(ledger(), path, content, clock().now())
