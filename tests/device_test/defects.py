"""Defects that devices in the field have had, each in one place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from lxml import etree

from tests.device_test.broken_device import Answer, Defect, Forward, Request
from tests.device_test.client import NAMES, tag

Change = Callable[[etree._Element], object]


def edits(operation: str, change: Change) -> Defect:
    """Changes the response of an operation."""

    def defect(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        return answer.edited(change) if request.operation == operation and answer.succeeded else answer

    return defect


def edits_faults(change: Callable[[bytes], bytes]) -> Defect:
    """Changes the text of each fault but those that ask for credentials."""

    def defect(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        return (
            answer
            if answer.succeeded or answer.status == 401
            else replace(answer, content=change(answer.content))
        )

    return defect


def replaces(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(old, new)


# -- what happens to a response element


def without(path: str) -> Change:
    """The first element at a path is missing."""

    def change(root: etree._Element) -> None:
        found = root.find(f".//{path}", NAMES)
        found.getparent().remove(found)

    return change


def reordered(path: str) -> Change:
    """The children of an element come in the opposite order."""

    def change(root: etree._Element) -> None:
        found = root.find(f".//{path}", NAMES)
        found[:] = reversed(found)

    return change


def text(path: str, change: Callable[[str], str]) -> Change:
    """The text of each element at a path is another one."""

    def edit(root: etree._Element) -> None:
        for found in root.iterfind(f".//{path}", NAMES):
            found.text = change(found.text or "")

    return edit


def attribute(path: str, name: str, value: str) -> Change:
    return lambda root: root.find(f".//{path}", NAMES).set(name, value)


def inserted(path: str, name: str, value: str, *, after: str) -> Change:
    """Each element at a path has one child more."""

    def edit(root: etree._Element) -> None:
        for found in root.iterfind(f".//{path}", NAMES):
            child = etree.Element(tag(name))
            child.text = value
            found.find(after, NAMES).addnext(child)

    return edit


# -- what happens to a whole answer


def answers_nothing(request: Request, _: Forward) -> Answer:
    """200 and an empty body, whatever is asked."""
    return Answer(200, (("Content-Type", "application/soap+xml; charset=utf-8"),), b"")


def answers_nothing_to_what_it_refuses(request: Request, forward: Forward) -> Answer:
    """An operation that is not implemented, or fails, is answered with 200 and an empty body."""
    answer = forward(request)
    return answer if answer.succeeded or answer.status == 401 else answers_nothing(request, forward)


def faults_with_status_200(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return answer if answer.status == 401 else replace(answer, status=200)


def content_type(value: str) -> Defect:
    def defect(request: Request, forward: Forward) -> Answer:
        return replace(forward(request), headers=(("Content-Type", value),))

    return defect


def prefixed(octets: bytes) -> Defect:
    """Something precedes the XML declaration."""

    def defect(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        return replace(answer, content=octets + answer.content)

    return defect


def no_challenge(request: Request, forward: Forward) -> Answer:
    """401 without WWW-Authenticate."""
    answer = forward(request)
    kept = tuple(each for each in answer.headers if each[0].lower() != "www-authenticate")
    return replace(answer, headers=kept)


def replays(operation: str) -> Defect:
    """Every answer to an operation is the first one."""
    first: list[Answer] = []

    def defect(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if request.operation == operation and answer.succeeded:
            first.append(answer)
            return first[0]
        return answer

    return defect


def claims_success(operation: str, response: str) -> Defect:
    """An operation is answered as if it was carried out, and was not."""

    def defect(request: Request, forward: Forward) -> Answer:
        if request.operation != operation:
            return forward(request)
        names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
        content = f"<env:Envelope {names}><env:Body><{response}/></env:Body></env:Envelope>"
        return replace(answers_nothing(request, forward), content=content.encode())

    return defect


def loses_notifications(request: Request, forward: Forward) -> Answer:
    """PullMessages never has any, and does not even wait."""
    if request.operation != "PullMessages":
        return forward(request)
    hasty = re.sub(rb">PT\d+S</", b">PT1S</", request.content)

    def empty(root: etree._Element) -> None:
        for message in root.findall(".//wsnt:NotificationMessage", NAMES):
            message.getparent().remove(message)

    return forward(replace(request, content=hasty)).edited(empty)


def knows_usual_prefixes_only(request: Request, forward: Forward) -> Answer:
    """Requests are read with regular expressions."""
    if re.search(rb"<(\w+:)Envelope\b.*<\1Body>\s*<(tds|tas|tev|wsnt):", request.content, re.DOTALL):
        return forward(request)
    return answers_nothing(request, forward)


def accepts_spoiled_tokens(request: Request, forward: Forward) -> Answer:
    """A UsernameToken is taken for a right one whatever it has."""
    answer = forward(request)
    if request.operation == "GetUsers" and b"UsernameToken>" in request.content and not answer.succeeded:
        names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
        content = f"<env:Envelope {names}><env:Body><tds:GetUsersResponse/></env:Body></env:Envelope>"
        return Answer(200, answer.headers, content.encode())
    return answer


def ignores_arguments(operation: str, path: str) -> Defect:
    """An operation does not look at an argument."""

    def defect(request: Request, forward: Forward) -> Answer:
        if request.operation == operation:
            root = etree.fromstring(request.content)
            for found in root.findall(f".//{path}", NAMES):
                found.getparent().remove(found)
            request = replace(request, content=etree.tostring(root))
        return forward(request)

    return defect
