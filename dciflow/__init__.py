"""The command `dciflow`, what it registers, and the demo."""
