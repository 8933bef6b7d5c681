"""A Python that starts at once: the large libraries are imported before, each start is a fork.

Most of a tiny job, and most of a dry run, is the import of torch and of Snakemake. A server
imports them once. A program stands in for ``python``: it hands its words, its environment and its
streams to the server, which forks; the fork runs the script or the module. Nothing of this project
is imported before the fork, so that each start sees the code as it is then.

What a fork does not have of its own are the seeds of hashing and of numpy's global generator.
Runs that are compared with each other therefore take a server each.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import marshal
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

#: what a stage or Snakemake imports and takes long
LIBRARIES = (
    "cv2",
    "h5py",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "numpy",
    "PIL.Image",
    "pycocotools.coco",
    "pydantic",
    "pydensecrf.densecrf",
    "rich.progress",
    "safetensors.torch",
    "smart_open",
    "snakemake.cli",
    "snakemake.report.html_reporter",
    "snakemake_executor_plugin_slurm",
    "tensorboard.summary.writer.event_file_writer",
    "timm",
    "torch",
    "torch.utils.data",
)
#: as of a job: these stand before numpy and torch are imported; see conta_core/runtime/jobs.py
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "GOMP_SPINCOUNT": "20000",
}
#: the program; no module of it takes long to import
CLIENT = """\
#!{python} -IS
import marshal, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    words = marshal.dumps((os.getcwd(), sys.argv[1:], dict(os.environ)))
    socket.send_fds(server, [len(words).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(words)
    status = server.recv(1)
os._exit(status[0] if status else 1)
"""
START_LIMIT = 120


@contextmanager
def warm_python(niceness: int = 0) -> Iterator[str]:
    """Path of a program that stands in for ``python FILE ...`` and ``python -m MODULE ...``."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        program, address = Path(folder, "python"), str(Path(folder, "socket"))
        program.write_text(CLIENT.format(python=sys.executable, address=address))
        program.chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        server = subprocess.Popen(
            ["nice", "-n", str(niceness), sys.executable, "-P", __file__, address, str(program)],
            env={**inherited, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdin
        assert server.stdout
        try:
            ready, _, _ = select.select([server.stdout], [], [], START_LIMIT)
            assert ready, f"the server is not ready within {START_LIMIT} s"
            assert server.stdout.readline() == b"ready\n", "the server did not start"
            yield str(program)
        finally:
            server.stdin.close()  # it ends, as it does when this process is killed
            server.wait(START_LIMIT)
            server.stdout.close()


def serve(address: str, program: str) -> None:
    """Fork for every start, until stdin ends; in a fork, run what was asked for."""
    for name in LIBRARIES:
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads cannot be forked"
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in readable:
                os._exit(0)
            connection, _ = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
            with suppress(ChildProcessError):  # there is none now
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as words:
        directory, arguments, environment = marshal.loads(words.read(int.from_bytes(size, "big")))
    started = os.fork()
    if started:
        watch(started, connection)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    run(arguments, program)


def watch(started: int, connection: socket.socket) -> NoReturn:
    """Wait for a start, tell how it ended, and end; end it where nobody waits any more."""
    ended = os.pidfd_open(started)
    readable, _, _ = select.select([ended, connection], [], [])
    if ended not in readable:
        os.kill(started, signal.SIGTERM)
    status = os.waitstatus_to_exitcode(os.waitpid(started, 0)[1])
    with suppress(OSError):
        connection.sendall(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


def run(arguments: Sequence[str], program: str) -> NoReturn:
    """As ``python ARGUMENTS`` does, to the end of the process."""
    sys.executable = program
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    status: int | str | None = 1
    try:
        if arguments[0] == "-m":
            sys.path.insert(0, os.getcwd())
            sys.argv = list(arguments[1:])
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
            sys.argv = list(arguments)
            runpy.run_path(arguments[0], run_name="__main__")
        status = 0
    except SystemExit as ended:
        status = ended.code or 0  # type: ignore[assignment]
    except BaseException:
        traceback.print_exc()
    if isinstance(status, str):
        print(status, file=sys.stderr)
    # what an interpreter does at its end, but for freeing every object of every library
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1 if isinstance(status, str) else status)


if __name__ == "__main__":
    serve(*sys.argv[1:])
