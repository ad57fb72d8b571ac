"""What every step runs on, and no lifecycle: the kinds of step, connections, slots, the clock, errors."""
