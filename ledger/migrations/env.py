"""How Alembic runs the ledger's migrations: in the transaction that `schema.migrate` hands over."""

from alembic import context

from ledger.schema import VERSION_TABLE
from ledger.tables import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
