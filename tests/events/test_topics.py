"""Topic expressions (Core 9.6.3) and the topic set (Core 9.6.2)."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onvifd.events.errors import (
    EventError,
    InvalidTopicExpression,
    TopicExpressionDialectUnknown,
    TopicNotSupported,
)
from onvifd.events.topics import CONCRETE, CONCRETE_SET, KEY_STATUS, TOPICS, Topic, select, topic_set
from onvifd.soap.names import NAMESPACES, QualifiedName, qname

SCOPE = {"t": NAMESPACES["tns1"], "tns1": NAMESPACES["tns1"], "v": "urn:vendor", "": "urn:default"}


@pytest.mark.parametrize("dialect", [CONCRETE, CONCRETE_SET])
@pytest.mark.parametrize(
    "expression",
    [
        "tns1:Advancedsecurity/Keystore/KeyStatus",
        "t:Advancedsecurity/Keystore/KeyStatus",
        "\n   tns1:Advancedsecurity/Keystore/KeyStatus\t",
        "tns1:Advancedsecurity/tns1:Keystore/tns1:KeyStatus",
        "tns1:Advancedsecurity/t:Keystore/KeyStatus",
        "tns1:tns1:Advancedsecurity/Keystore/KeyStatus",
    ],
)
def test_spellings_of_one_topic(expression: str, dialect: str) -> None:
    """Core 9.6.3: QName or NCName children, any prefix; the double prefix is a client in the field."""
    assert select(expression, dialect, SCOPE) == {KEY_STATUS}


@pytest.mark.parametrize(
    "expression",
    [
        "tns1:Advancedsecurity//.",
        "tns1:Advancedsecurity/Keystore//.",
        "tns1:Advancedsecurity/Keystore/KeyStatus//.",
        "tns1:Device/Trigger|tns1:Advancedsecurity//.",
        "tns1:tns1:Advancedsecurity/Keystore/KeyStatus | tns1:Device/Trigger",
    ],
)
def test_sets_of_topics(expression: str) -> None:
    """Core 9.6.3, the ConcreteSet dialect; EVENT-3-1-33 to 3-1-35."""
    assert select(expression, CONCRETE_SET, SCOPE) == {KEY_STATUS}


@pytest.mark.parametrize(
    "expression", ["tns1:Advancedsecurity//.", "tns1:A|tns1:Advancedsecurity/Keystore/KeyStatus"]
)
def test_the_concrete_dialect_has_no_sets(expression: str) -> None:
    """Core 9.6.3: the extensions belong to ConcreteSet."""
    with pytest.raises(InvalidTopicExpression):
        select(expression, CONCRETE, SCOPE)


@pytest.mark.parametrize(
    "expression",
    [
        "xyz",  # EVENT-3-1-22
        "Advancedsecurity/Keystore/KeyStatus",  # a QName without a prefix is in no namespace, default or not
        "v:Advancedsecurity/Keystore/KeyStatus",
        "tns1:Advancedsecurity/v:Keystore/KeyStatus",
        "tns1:Advancedsecurity/Keystore",  # a topic's parent is not the topic
        "tns1:Advancedsecurity",
        "tns1:Advancedsecurity/Keystore/KeyStatus/More",
        "tns1:Advancedsecurity/Keystore/KeyStatus/More//.",
        "tns1:advancedsecurity/keystore/keystatus",
        "tns1:Device//.|tns1:RuleEngine//.",
    ],
)
def test_topics_that_do_not_exist(expression: str) -> None:
    """WS-BaseNotification 1.3: TopicNotSupportedFault."""
    with pytest.raises(TopicNotSupported):
        select(expression, CONCRETE_SET, SCOPE)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "|",
        "tns1:Advancedsecurity//.|",
        "//.",
        "//Advancedsecurity",
        "*",
        "tns1:Advancedsecurity/*",
        "tns1:Advancedsecurity//KeyStatus",
        "tns1:Advancedsecurity//.//.",
        "tns1:Advancedsecurity/",
        "/tns1:Advancedsecurity",
        "tns1:Advancedsecurity / Keystore",
        "tns1:Advancedsecurity//. //.",
        "tns1:",
        ":Advancedsecurity",
        "tns1:1security",
        "tns1:t:Advancedsecurity",
        "tns1:tns1:tns1:Advancedsecurity",
        "undeclared:Advancedsecurity//.",
        "tns1:Advancedsecurity/undeclared:Keystore//.",
        "tns1:Advanced\u0000security",
        "tns1:A" + 8192 * "|tns1:A",
    ],
)
def test_broken_expressions(expression: str) -> None:
    """WS-BaseNotification 1.3: InvalidTopicExpressionFault."""
    with pytest.raises(InvalidTopicExpression):
        select(expression, CONCRETE_SET, SCOPE)


@pytest.mark.parametrize(
    "dialect", [None, "", "http://www.w3.org/TR/1999/REC-xpath-19991116", CONCRETE + "/"]
)
def test_unknown_dialects(dialect: str | None) -> None:
    """WS-BaseNotification 1.3: TopicExpressionDialectUnknownFault names the dialects that there are."""
    with pytest.raises(TopicExpressionDialectUnknown, match=CONCRETE_SET):
        select("tns1:Advancedsecurity//.", dialect, SCOPE)


NAMES = st.text(string.ascii_letters[:3], min_size=1, max_size=1)
PREFIXES = st.sampled_from(["tns1", "tt"])
STEPS = st.lists(st.tuples(PREFIXES, NAMES), min_size=1, max_size=3).map(tuple)


def topic(steps: tuple[tuple[str, str], ...]) -> Topic:
    return Topic("/".join(f"{prefix}:{name}" for prefix, name in steps), (), ())


@st.composite
def expressions(draw: st.DrawFn, paths: list[tuple[tuple[tuple[str, str], ...], bool]]) -> str:
    """One of the spellings of some paths, each with or without its subtree."""
    alternatives = []
    for steps, subtree in paths:
        text, parent = [], None
        for prefix, name in steps:
            can_omit = parent == prefix
            text.append(name if can_omit and draw(st.booleans()) else f"{prefix}:{name}")
            parent = prefix
        space = draw(st.sampled_from(["", " ", "\n\t"]))
        alternatives.append(space + "/".join(text) + ("//." if subtree else "") + space)
    return "|".join(alternatives)


@given(
    st.data(), st.sets(STEPS, max_size=6), st.lists(st.tuples(STEPS, st.booleans()), min_size=1, max_size=3)
)
def test_an_expression_selects_exactly_its_topics(
    data: st.DataObject,
    tree: set[tuple[tuple[str, str], ...]],
    paths: list[tuple[tuple[tuple[str, str], ...], bool]],
) -> None:
    """Core 9.6.3, over arbitrary topic sets and every spelling of an expression."""
    expected = {
        topic(steps)
        for steps in tree
        for path, subtree in paths
        if steps == path or (subtree and steps[: len(path)] == path)
    }
    expression = data.draw(expressions(paths))
    topics = [topic(steps) for steps in tree]
    if expected:
        assert select(expression, CONCRETE_SET, NAMESPACES, topics) == expected
    else:
        with pytest.raises(TopicNotSupported):
            select(expression, CONCRETE_SET, NAMESPACES, topics)


@given(st.one_of(st.text(), st.text("tns1:/.|A* ")), st.sampled_from([CONCRETE, CONCRETE_SET]))
def test_any_text_is_selected_or_refused(expression: str, dialect: str) -> None:
    """Whatever a client writes, the answer is a selection or a declared fault."""
    try:
        assert select(expression, dialect, SCOPE)
    except EventError as error:
        assert str(error)


def test_topic_set() -> None:
    """Core 9.6.2 and Security 5.5.8.1: each topic is marked and described; children are in no namespace."""
    assert topic_set(TOPICS) == {
        "tns1:Advancedsecurity": {
            ":Keystore": {
                ":KeyStatus": {
                    "@wstop:topic": True,
                    "tt:MessageDescription": {
                        "Source": {
                            "SimpleItemDescription": [{"@Name": "KeyID", "@Type": QualifiedName("tas:KeyID")}]
                        },
                        "Data": {
                            "SimpleItemDescription": [
                                {"@Name": "OldStatus", "@Type": QualifiedName("tas:KeyStatus")},
                                {"@Name": "NewStatus", "@Type": QualifiedName("tas:KeyStatus")},
                            ]
                        },
                    },
                }
            }
        }
    }


def test_topics_share_their_parents() -> None:
    """Core 9.6.2: the topic set is a tree."""
    tree = topic_set(
        [topic((("tns1", "a"), ("tt", "b"))), topic((("tns1", "a"), ("tt", "c"))), topic((("tns1", "a"),))]
    )
    assert list(tree) == ["tns1:a"]
    assert {"tt:b", "tt:c", "@wstop:topic"} <= tree["tns1:a"].keys()


def test_names() -> None:
    assert KEY_STATUS.names == (
        qname("tns1:Advancedsecurity"),
        qname("tns1:Keystore"),
        qname("tns1:KeyStatus"),
    )
