"""Door 2: Kafka to the browser as server-sent events, one lean process per core."""
