"""A driver dies at every point of every lifecycle and errand, and a second one has to finish its work: `make crash`."""
