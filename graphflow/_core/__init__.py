"""The pure core: supersteps as a program of effects, with no await, thread, clock or I/O."""
