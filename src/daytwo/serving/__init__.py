"""From a loaded bundle to a served one: endpoint, batcher, catalog, REST, server."""
