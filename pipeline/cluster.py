"""Reading on other machines: a Dask cluster in the place of this machine's workers, file by file.

Each machine reads in isolated processes of its own, as this one does, from a state folder that all of them see.
The cluster is trusted as this machine is: it runs our code on citizens' data, so it belongs on a closed network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import OperatorError
from pipeline.readers import reading_on

SECONDS = 10  # to answer the first call
AHEAD = 4  # files that wait for each thread of the cluster


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Let the cluster with that scheduler read.

    Raises:
        OperatorError: the optional package is not installed, nobody answers there, or no worker is there.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.comm import CommClosedError
    except ModuleNotFoundError:
        raise OperatorError("no_distributed") from None
    try:
        client = Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as fault:
        raise OperatorError("no_cluster", address=address, reason=fault) from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise OperatorError("empty_cluster", address=address)
        with reading_on(client.get_executor(pure=False), ahead=AHEAD * threads):
            try:
                yield
            except (KilledWorker, CommClosedError, ModuleNotFoundError) as fault:
                raise OperatorError("cluster_failed", address=address, reason=fault) from fault
