"""LateWorker: gunicorn's worker class, which loads the real one in the worker only.

For `gunicorn wsgi:app`: gunicorn imports its worker class in the master. Ours would bring the database driver there
before gevent's patch, which would stop the whole process at every query. `saiweb run` has saiweb.web_process instead.
"""

from gunicorn.workers.base_async import AsyncWorker


class LateWorker(AsyncWorker):
    """Becomes an SSEWorker, whose ancestor it is in all but name, once it is in a process of its own."""

    def init_process(self) -> None:
        from gevent import monkey

        monkey.patch_all()
        from saiweb.memory import stay_small
        from saiweb.realtime.worker import SSEWorker

        stay_small()
        self.__class__ = SSEWorker  # pyright: ignore[reportAttributeAccessIssue]
        self.init_process()
