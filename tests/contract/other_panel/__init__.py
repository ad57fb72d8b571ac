"""A second fake panel, written apart from `simulator/`: other words, paths, keys, answer shapes and timing.

It imports nothing of the product. What the vendor documents is as the vendor documents it; all the rest is of its own.
"""
