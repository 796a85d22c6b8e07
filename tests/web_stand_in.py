"""A web process that does one thing wrong: `python -m tests.web_stand_in LISTENER HEARTBEAT`, what is in $STAND_IN."""

import os
import signal
import sys
import time

if __name__ == "__main__":
    heartbeat = int(sys.argv[2])
    match os.environ["STAND_IN"]:
        case "cannot start":
            sys.exit(3)
        case "hangs":
            signal.signal(signal.SIGABRT, signal.SIG_IGN)
            os.write(heartbeat, b".")
            time.sleep(60)
        case _:
            while True:
                os.write(heartbeat, b".")
                time.sleep(0.1)
