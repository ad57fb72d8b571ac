"""Reads what a panel says of its own calls, and proposes the dialect from it."""
