"""The rehearsal of a panel's calls on one spare server: each is played in the lifecycles' own steps, and proved."""
