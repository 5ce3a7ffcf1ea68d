"""One file per verb: composition only. The command line and the names on ``daytwo`` call these."""
