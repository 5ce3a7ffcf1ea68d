"""From a fitted model, and the data it was fitted on, to a bundle."""
