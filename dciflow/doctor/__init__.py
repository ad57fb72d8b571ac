"""`dciflow doctor`: one look at everything that has to be right for dciflow to work and be safe. It changes nothing."""
