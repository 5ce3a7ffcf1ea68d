"""Reports, metrics and predictions carried outside. One file per receiver."""
