"""What ``daytwo demo`` needs: three real models, a server as a process of its own, and requests good and bad.

The data sets are those that scikit-learn bundles, so nothing is downloaded.
"""
