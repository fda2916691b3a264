"""Has Fides poll now instead of once an hour. Run it with the Python and the settings of a Fides worker.

Polls once for each line of input, and answers it with a line once every polling task is queued.
"""

import sys

# Fides' models refer to each other: this import loads all of them.
from fides.api.db.base import Base  # noqa: F401
from fides.api.service.privacy_request.request_service import requeue_polling_tasks

for _ in sys.stdin:
    requeue_polling_tasks.apply(throw=True)
    print("polled", flush=True)
