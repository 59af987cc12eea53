"""A real stand-in for Amazon SNS: moto's server, as a process of its own, with its own authentication turned on."""

import json
import sys
import threading
import urllib.request
from pathlib import Path

from parts.processes import Process, free_port, plain_environment, wait_for

THROTTLED = (429, {"Content-Type": "text/xml"}, (
    b'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>Throttled</Code>'
    b"<Message>Rate exceeded</Message></Error><RequestId>9e5b9a1c-0000-5000-8000-000000000000</RequestId></ErrorResponse>"))
"""What SNS says when there is too much, for a gateway's `answers`: botocore's model sns/2010-03-31 has ThrottledException
with the code Throttled and HTTP 429. https://repost.aws/knowledge-center/sns-throttling-exception-errors shows the other
form that comes, from the front of AWS: the code ThrottlingException or Throttling, with HTTP 400."""


class SNS:
    """`access_key` may publish and nothing else; a wrong Signature Version 4 is refused."""

    def __init__(self, folder: Path, region: str = "eu-west-1"):
        self.region = region
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = plain_environment(folder) | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        self.process = Process(folder, "sns", [sys.executable, "-m", "parts.sns", str(self.port), region], environment)
        try:
            keys = json.loads(wait_for("moto's server", self._first_line, 30))
        except BaseException:
            self.stop()
            raise
        self.access_key, self.secret_key = keys["access_key"], keys["secret_key"]

    def _first_line(self) -> str:
        assert self.process.lives, self.process.log.read_text()
        return self.process.out.read_text().partition("\n")[0]

    def messages(self, to: str | None = None) -> list[dict]:
        """The SMS that were sent: dictionaries of id, to, text and attributes, the latest last."""
        with urllib.request.urlopen(f"{self.url}/test/messages", timeout=5) as answer:
            return [message for message in json.load(answer) if to in (None, message["to"])]

    def opt_out(self, number: str) -> None:
        """As SNS does it: publishing to that number still answers 200, and no message goes out."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/test/opt-out", number.encode()), timeout=5).close()

    def stop(self) -> None:
        self.process.stop()


def serve(port: int, region: str) -> None:
    """The process: moto with one user, who may only publish, and two paths for the tests."""
    import io

    from moto import settings
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.iam.access_control import IAMRequest
    from moto.iam.models import iam_backends
    from moto.server import DomainDispatcherApplication, create_backend_app
    from moto.sns.models import SNSBackend, sns_backends
    from werkzeug.serving import make_server
    from werkzeug.wrappers import Request, Response

    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    iam.create_user(region, "postern")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]}
    iam.put_user_policy("postern", "publish", json.dumps(policy))
    key = iam.create_access_key("postern")
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0

    opted_out = sns_backends[DEFAULT_ACCOUNT_ID][region].opt_out_numbers
    opted_out.clear()
    SNSBackend.check_if_phone_number_is_opted_out = lambda self, number: number in self.opt_out_numbers
    sent, lock, moto_publish = [], threading.Lock(), SNSBackend.publish

    def publish(self, message, arn, phone_number=None, subject=None, message_attributes=None, **more):
        message_id = moto_publish(self, message, arn, phone_number, subject, message_attributes, **more)
        if phone_number and phone_number not in self.opt_out_numbers:
            attributes = {name: value["Value"] for name, value in (message_attributes or {}).items()}
            with lock:
                sent.append({"id": message_id, "to": phone_number, "text": message, "attributes": attributes})
        return message_id
    SNSBackend.publish = publish

    # moto reads the form, writes it again in its own way (a space as +), and hashes that. AWS hashes what came.
    came, moto_aws_request = threading.local(), IAMRequest._create_aws_request

    def aws_request(self):
        self._body = came.body
        return moto_aws_request(self)
    IAMRequest._create_aws_request = aws_request

    moto = DomainDispatcherApplication(create_backend_app)

    def application(environ, start_response):
        request = Request(environ, populate_request=False)
        if request.path == "/test/messages":
            return Response(json.dumps(sent), content_type="application/json")(environ, start_response)
        if request.path == "/test/opt-out":
            opted_out.append(request.get_data(as_text=True))
            return Response(status=204)(environ, start_response)
        came.body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return moto(environ | {"wsgi.input": io.BytesIO(came.body)}, start_response)

    server = make_server("127.0.0.1", port, application, threaded=True)
    print(json.dumps({"access_key": key.access_key_id, "secret_key": key.secret_access_key}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
