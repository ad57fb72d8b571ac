"""What others answer, read within limits before anything looks at it (safety rule 25)."""
