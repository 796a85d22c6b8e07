"""Real n8n, run for this project: a laboratory to record executions in and to try the whole way through live."""
