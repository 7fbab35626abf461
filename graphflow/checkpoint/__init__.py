"""Checkpoints: stores of threads, and the codec of what is in them."""
