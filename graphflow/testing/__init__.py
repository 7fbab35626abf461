"""What helps to test a program that uses graphflow, or a part that is written for it.

`store_suite` tells whether a checkpoint store does what the engine relies on. Nothing here needs
pytest.
"""
