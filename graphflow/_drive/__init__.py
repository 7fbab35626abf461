"""The drivers: they perform the core's effects, and alone know event loops, threads and clocks."""
