"""Benchmarks: what graphflow costs, beside LangGraph and beside asyncio written by hand.

Run it with ``python -m benchmarks``. The files, bottom up:

    library.py   a library under test, behind the few names both have
    work.py      Work: one timed pass of something, and whether it did what it should
    measure.py   the clock, the collector, interleaved repeats
    graphs.py    the graphs, built with any library
    ways.py      ways to run a graph: streamed, invoked, many at once
    byhand.py    the same work written with plain awaits
    cases.py     what is measured and what it may cost
    growth.py    what must not grow: surroundings, supersteps gone by, live objects
    stored*.py   threads that are kept, with the savers of both libraries:
      _savers    the savers behind one name each
      _talk      the conversation that is stored
      _threads   threads that are there before a benchmark begins
      _ways      ways to run it: through, many at once, read
      _timed     what is measured against the clock and what it may cost
      _byhand    the same rows written with plain sqlite3
      _length    what storing adds in a short and in a long thread
      _sizes     bytes in memory and on the disk
      _reading   the reading of any one checkpoint
    stored.py    all of them as rows of the table
    startup.py   the cost of the import, in fresh interpreters
    results.py   rows of figures, and whether they keep to their targets
    table.py     takes the chosen benchmarks through `measure` and collects their rows
    report.py    the results as text and as JSON
    profiler.py  one case of one library: a timed loop, and where the time goes
    __main__.py  the command line

A machine that is busy or slow moves every figure alike: read the ratios, and compare the column
"by hand" before you compare two runs.
"""
