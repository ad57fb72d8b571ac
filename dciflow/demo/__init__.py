"""`make demo` and `make up`: a whole stack on one machine, orders from purchase to deletion."""
