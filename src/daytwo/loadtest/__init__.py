"""The load generator: stages of load, latencies that merge, and what they say about capacity.

The clients are processes of their own that know nothing of models: they are handed requests as bytes, and hand back
counts. Everything that judges the counts is a function of values.
"""
