"""The Athena API over HTTP on the loopback interface."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.local.athena.api import AthenaApi
from infra.local.athena.catalog import Catalog
from infra.local.athena.errors import RequestError
from infra.local.athena.executions import Executions
from infra.local.athena.objects import ObjectStore
from infra.local.athena.workgroups import WorkGroup

_CONNECTIONS = 40  # more than the threads that fetch and list at once


class AthenaServer:
    """Athena on this machine: DuckDB runs the queries, Glue and S3 are wherever boto3 finds them.

    Credentials are boto3's own (environment, profile); the endpoints decide where they go.

    Args:
        work_groups: By name. `primary` is what a request without a work group means.
        cache_dir: For cached objects and running queries; bounded in size.
        region: AWS region.
        glue_endpoint: URL of the Glue service that holds the catalog.
        s3_endpoint: URL of the S3 service that holds data and results.
    """

    def __init__(
        self,
        work_groups: dict[str, WorkGroup],
        *,
        cache_dir: Path,
        region: str = "us-east-1",
        glue_endpoint: str,
        s3_endpoint: str,
    ) -> None:
        self._groups = dict(work_groups)
        self._cache = cache_dir
        self._region = region
        self._glue_endpoint = glue_endpoint
        self._s3_endpoint = s3_endpoint
        self._http: _Server | None = None
        self._thread: threading.Thread | None = None
        self._executions: Executions | None = None
        self._store: ObjectStore | None = None

    @property
    def endpoint(self) -> str:
        """URL of the running server.

        Raises:
            RuntimeError: It is not running.
        """
        if self._http is None:
            raise RuntimeError("the local Athena is not running: call start() first")
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        """Binds a free port of 127.0.0.1 and serves from a thread until `stop`."""
        if self._http is not None:
            return
        self._cache.mkdir(parents=True, exist_ok=True)
        config = Config(
            max_pool_connections=_CONNECTIONS,
            retries={"max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path"},
        )
        session = boto3.session.Session(region_name=self._region)
        glue = session.client("glue", endpoint_url=self._glue_endpoint, config=config)
        s3 = session.client("s3", endpoint_url=self._s3_endpoint, config=config)
        catalog = Catalog(glue)
        self._store = ObjectStore(s3, self._cache)
        self._executions = Executions(self._groups, catalog, self._store, self._cache)
        self._http = _Server(AthenaApi(self._groups, catalog, self._executions))
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="athena-http", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Cancels running queries and releases the port, threads and temporary files."""
        if self._http is None:
            return
        assert self._thread is not None
        assert self._executions is not None
        assert self._store is not None
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._executions.close()
        self._store.close()
        self._http = None

    def __enter__(self) -> AthenaServer:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, api: AthenaApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        """Keeps quiet: failures reach the client."""

    def do_POST(self) -> None:
        """Answers one call of the JSON 1.1 protocol."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        try:
            request: Mapping[str, Any] = json.loads(body or b"{}")
            self._reply(200, self.server.api.call(operation, dict(request)))
        except RequestError as error:
            self._reply(
                400, {"__type": error.code, "Message": str(error), "AthenaErrorCode": "INVALID_INPUT"}
            )
        except (KeyError, ValueError, TypeError) as error:
            self._reply(400, {"__type": "InvalidRequestException", "Message": f"{operation}: {error!r}"})
        except BrokenPipeError:
            self.close_connection = True
        except Exception:  # noqa: BLE001 - a fault of ours must reach the client as one, not as a dead socket
            self._reply(500, {"__type": "InternalServerException", "Message": traceback.format_exc(limit=-3)})

    def _reply(self, status: int, payload: Mapping[str, Any]) -> None:
        data = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
