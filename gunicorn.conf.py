"""How gunicorn serves saiweb: one gevent worker, quick to stop; the address and the hooks come from the launcher."""

workers = 1
worker_class = "saiweb.late_worker.LateWorker"  # which becomes saiweb.realtime.worker.SSEWorker
worker_connections = 2000  # requests in flight; the hub holds and caps the live streams
graceful_timeout = 3
keepalive = 15
timeout = 30
control_socket_disable = True
loglevel = "warning"
accesslog = None
