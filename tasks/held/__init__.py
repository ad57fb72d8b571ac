"""Decisions of a person on a HELD service, the forms that ask for them, and the summary they decide by."""
