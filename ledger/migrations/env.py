"""How Alembic runs the ledger's migrations: in the transaction that `schema.migrate` hands over."""

from alembic import context

import ledger.restoration_tables  # noqa: F401 - its tables belong to the same metadata
from ledger.schema import VERSION_TABLE
from ledger.tables import ServiceRow

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ServiceRow.metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
