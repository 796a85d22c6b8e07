"""How gunicorn serves saiweb: one gevent worker, quick to stop; the address comes from whoever starts it."""

workers = 1
worker_class = "saiweb.late_worker.LateWorker"  # which becomes saiweb.realtime.worker.SSEWorker
worker_connections = 2000  # requests in flight; the hub holds and caps the live streams
graceful_timeout = 3
keepalive = 10  # seconds for the head of a request, and for an idle connection (saiweb.realtime.arrivals has the rest)
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = ""  # what proxies say is judged by saiweb.proxies alone
secure_scheme_headers = {}
forwarder_headers = ""
timeout = 30
control_socket_disable = True
loglevel = "warning"
accesslog = None
access_log_format = '%(t)s %(h)s "%(m)s %(U)s %(H)s" %(s)s %(b)s %(M)s ms "%(a)s"'  # no query: one may hold a code
