"""An S3 service over HTTP: moto's server, with a log of requests and with access to take away.

moto keeps one state for a process, and so does this: buckets stay until `reset`.
"""

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

REGION = "us-east-1"
PUBLIC, SECRET = "testing", "testing"
DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)


@dataclass
class ObjectStore:
    """The service at `address`, and what it was asked for."""

    address: str = ""
    log: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request, in order."""
    uploaders: Counter[str] = field(default_factory=Counter)
    """Number of uploads from each address."""
    denied_after: int | None = None
    """Uploads from this number on are refused, as when a policy is changed while a build runs."""
    on_upload: Callable[[str], None] = lambda path: None
    """Called with the path of an upload before it is stored."""
    _uploads: int = 0
    _lock: Any = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client finds the service, with the keys of its owner."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": PUBLIC,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @contextmanager
    def for_this_process(self) -> Iterator[None]:
        """Have this process find the service, and no longer an earlier one."""
        from s3fs import S3FileSystem

        before = dict(os.environ)
        os.environ.update(self.environment)
        S3FileSystem.clear_instance_cache()
        try:
            yield
        finally:
            S3FileSystem.clear_instance_cache()
            os.environ.clear()
            os.environ.update(before)

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its URL."""
        self._client("s3").create_bucket(Bucket=name)
        return f"s3://{name}"

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Return all objects of a bucket."""
        client = self._client("s3")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        names = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return {n: client.get_object(Bucket=bucket, Key=n)["Body"].read() for n in names}

    def put(self, bucket: str, name: str, data: bytes) -> None:
        """Store one object."""
        self._client("s3").put_object(Bucket=bucket, Key=name, Body=data)

    def user(self, name: str, *actions: str) -> dict[str, str]:
        """Make a user who may do nothing but these actions; return the variables for its keys.

        From then on, moto judges every request by the policy of whose key it is signed with.
        """
        client = self._client("iam")
        client.create_user(UserName=name)
        statement = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        client.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=policy)
        key = client.create_access_key(UserName=name)["AccessKey"]
        self._moto("reset-auth", b"0")
        return self.environment | {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def trust_everyone(self) -> None:
        """Stop judging requests."""
        self._moto("reset-auth", b"inf")

    def reset(self) -> None:
        """Forget every bucket, user, fault and request."""
        self.trust_everyone()
        self._moto("reset", b"")
        self.forget_requests()
        self.denied_after, self.on_upload = None, lambda path: None

    def forget_requests(self) -> None:
        """Empty the log, and count uploads from here."""
        self.log.clear()
        self.uploaders.clear()
        self._uploads = 0

    def uploads(self) -> list[str]:
        """Return the paths of the objects that were uploaded, in order."""
        return [path for method, path in self.log if method == "PUT"]

    def refuses(self, method: str, path: str, address: str) -> bool:
        """Note a request, and say whether it is refused."""
        with self._lock:
            self.log.append((method, path))
            if method != "PUT":
                return False
            self.uploaders[address] += 1
            number, self._uploads = self._uploads, self._uploads + 1
        self.on_upload(path)
        return self.denied_after is not None and number >= self.denied_after

    def _moto(self, action: str, data: bytes) -> None:
        headers = {"Content-Type": "text/plain"}
        with urlopen(Request(f"{self.address}/moto-api/{action}", data, headers, method="POST")):
            pass

    def _client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name=REGION,
            aws_access_key_id=PUBLIC,
            aws_secret_access_key=SECRET,
        )


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[ObjectStore]:
    """Serve on a free port of `host` until the block ends."""
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"  # which keeps connections

        def log(self, type: str, message: str, *args: object) -> None:
            """Print nothing."""

    found = ObjectStore()
    application = DomainDispatcherApplication(create_backend_app)
    objects = create_backend_app("s3")

    def answer(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environment["PATH_INFO"]
        is_own = path.startswith("/moto-api") or path == "/"
        asked = environment["REQUEST_METHOD"], path, environment["REMOTE_ADDR"]
        if not is_own and found.refuses(*asked):
            environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [DENIED]
        is_for_s3 = "/s3/aws4_request" in environment.get("HTTP_AUTHORIZATION", "")
        answered: Iterable[bytes] = (objects if is_for_s3 else application)(environment, start)
        return answered

    server = make_server(host, 0, answer, threaded=True, request_handler=Silent)
    found.address = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.reset()
        server.shutdown()
        thread.join()
        server.server_close()
