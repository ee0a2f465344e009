"""The WSGI application: one responder takes every request down the layers and its answer back up."""

import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import falcon

from onvifd import errors
from onvifd.auth import policy
from onvifd.auth.authenticator import Authenticator
from onvifd.auth.errors import DigestRequired
from onvifd.auth.users import User
from onvifd.call import Call, Device
from onvifd.operations import NAMESPACES, OPERATIONS, Operation
from onvifd.schema import Schema
from onvifd.soap import addressing, encode, envelope
from onvifd.soap.faults import Fault, fault_element

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("onvifd")

CONTENT_TYPE = "application/soap+xml; charset=utf-8"
_CHALLENGE = "www-authenticate"
_HOST = re.compile(r"(\[[0-9A-Za-z:.%_-]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?")
_CREDENTIALS = "Send the name and password of a user with HTTP Digest or a WS-Security UsernameToken"


class SoapEndpoint:
    """Every ONVIF service behind one POST: which operation it is, the body's element says, never the URL."""

    def __init__(self, device: Device, schema: Schema, authenticator: Authenticator) -> None:
        self._device = device
        self._schema = schema
        self._authenticator = authenticator
        self._limits = envelope.Limits()
        self._size = device.config.service.maximum_request_size

    def respond(self, req: falcon.Request, resp: falcon.Response, **_: Any) -> None:
        """Answer one request; the HTTP status is that of SOAP 1.2 part 2, 7.5.2.2."""
        if req.method != "POST":
            raise falcon.HTTPMethodNotAllowed(["POST"])
        resp.content_type = CONTENT_TYPE
        message = None
        try:
            message = envelope.parse(self._body(req), self._limits)
            operation = _operation(message)
            user = self._authorised(operation, message, req)
            arguments = self._schema.decode(message.body, message.scope_of)
            call = Call(
                arguments=arguments,
                user=user,
                base_url=_base_url(req),
                path=req.path,
                scope_of=message.scope_of,
                device=self._device,
            )
            answer = encode.element(operation.response, operation.handler(call))
            headers = addressing.reply_headers(message, operation.response_action)
            resp.data = envelope.serialize(answer, headers)
        except Exception as error:
            self._refuse(error, message, req, resp)

    def _body(self, request: falcon.Request) -> bytes:
        data: bytes = request.bounded_stream.read(self._size + 1)
        if len(data) > self._size:
            raise falcon.HTTPContentTooLarge
        if not data:  # what curl sends before it knows the nonce
            raise DigestRequired(_CREDENTIALS)
        return data

    def _authorised(
        self, operation: Operation, message: envelope.Message, request: falcon.Request
    ) -> User | None:
        if operation.access_class == policy.AccessClass.PRE_AUTH:
            return None  # credentials are not even looked at: clients ask the time with a wrong clock
        user = self._authenticator.authenticate(
            header=message.header,
            authorization=request.auth,
            method=request.method,
            uri=_target(request),
            source=request.get_header("X-Forwarded-For") or request.remote_addr,
        )
        if user is None:
            raise DigestRequired(_CREDENTIALS)
        if not policy.allowed(user.level, operation.access_class):
            raise errors.NotPermitted(f"{operation.name} needs more rights than the level {user.level} has")
        return user

    def _refuse(
        self,
        error: Exception,
        message: envelope.Message | None,
        request: falcon.Request,
        response: falcon.Response,
    ) -> None:
        if isinstance(error, falcon.HTTPError):
            raise error
        fault = errors.fault(error)
        if fault is None:
            log.exception("%r failed", request.path)  # it may hold a line break
            fault = Fault(
                "Receiver", ("ter:Action",), "The device failed to carry this out; its log says why"
            )
        if isinstance(error, DigestRequired):
            response.status = HTTPStatus.UNAUTHORIZED
            response.set_header(_CHALLENGE, "\n".join(self._authenticator.challenges(stale=error.stale)))
        else:
            response.status = fault.status
        headers = addressing.fault_headers(message) if message is not None else []
        response.data = envelope.serialize(fault_element(fault), [*fault.headers, *headers])


def _operation(message: envelope.Message) -> Operation:
    operation = OPERATIONS.get(message.body.tag)
    if operation is None:
        namespace, _, name = message.body.tag[1:].partition("}")
        if namespace in NAMESPACES:
            raise errors.NotSupported(
                f"This device does not support {name}; its capabilities say what it does"
            )
        raise errors.UnknownAction(
            f"{message.body.tag} belongs to no service of this device: see GetServices"
        )
    return operation


def _base_url(request: falcon.Request) -> str:
    """What the client reaches this device by, as it says itself: nobody else knows.

    Raises UnusableHost for what would make addresses that no client understands.
    """
    host = request.get_header("Host") or ""
    if not _HOST.fullmatch(host):
        raise errors.UnusableHost(
            f"the HTTP header Host must name this device, as in 192.0.2.1:8080; it is {host!r}"
        )
    return f"{request.forwarded_scheme}://{host}"


def _target(request: falcon.Request) -> str:
    """The request's target as the client wrote it, which HTTP Digest covers."""
    raw: str = request.env.get("RAW_URI") or request.relative_uri
    return raw


def create(endpoint: SoapEndpoint) -> "WSGIApplication":
    """The application. Every path is served: the web server in front decides which ones come here."""
    app = falcon.App()
    app.set_error_serializer(_no_content)
    app.add_sink(endpoint.respond, "/")
    return _with_separate_challenges(app)


def _with_separate_challenges(app: "WSGIApplication") -> "WSGIApplication":
    """One WWW-Authenticate header for each challenge: falcon joins repeated headers with a comma, and some
    clients do not split them again."""

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            separate = [
                (name, value)
                for name, values in headers
                for value in (values.split("\n") if name.lower() == _CHALLENGE else [values])
            ]
            return start_response(status, separate, *rest)

        return app(environ, start)

    return wrapped


def _no_content(_request: falcon.Request, _response: falcon.Response, _error: falcon.HTTPError) -> None:
    """An error of HTTP itself has no SOAP message to answer (Core 5.8.2.4): its status says it all."""
