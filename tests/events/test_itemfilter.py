"""Message content filters: the subset of XPath that Core 9.4.4 defines, and nothing else."""

from __future__ import annotations

import contextlib
import threading
from xml.etree.ElementTree import Element, SubElement

import elementpath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onvifd.events.errors import InvalidMessageContentExpression
from onvifd.events.itemfilter import DIALECT, MAXIMUM_EXPRESSION_LENGTH, Verdict, parse
from onvifd.soap.names import NAMESPACES, qname

TT = {"tt": NAMESPACES["tt"]}
MESSAGE = (("KeyID", "key-1"), ("OldStatus", "generating"), ("NewStatus", "ok"))
DESCRIPTION = (("KeyID", None), ("OldStatus", None), ("NewStatus", None))


def item(test: str) -> str:
    return f"boolean(//tt:SimpleItem[{test}])"


KEY_1 = item('@Name="KeyID" and @Value="key-1"')
KEY_2 = item('@Name="KeyID" and @Value="key-2"')
STRANGE = item('@Name="xyz" and @Value="xyz"')


@pytest.mark.parametrize(
    ("expression", "of_message", "of_description"),
    [
        (KEY_1, True, None),
        (KEY_2, False, None),
        (STRANGE, False, False),
        (f"not({KEY_2})", True, None),
        (f"not({STRANGE})", True, True),
        (f"{KEY_1} and {KEY_2}", False, None),
        (f"{KEY_1} or {KEY_2}", True, None),
        (f"{KEY_1} and {STRANGE}", False, False),
        (f"{STRANGE} or {KEY_1}", True, None),
        # 'and' binds stronger than 'or'
        (f"{KEY_1} or {KEY_2} and {KEY_2}", True, None),
        (f"({KEY_1} or {KEY_2}) and {KEY_2}", False, None),
        (item("@Name='KeyID' or @Name='xyz'"), True, None),
        (item("(@Name='KeyID' or @Name='xyz') and @Value='ok'"), False, None),
        (item("not(@Name='KeyID' or @Name='NewStatus') and @Value='generating'"), True, None),
        (item("@Value='ok'"), True, None),
        # the value of one item and the name of another are no item
        (item("@Name='KeyID' and @Value='ok'"), False, None),
        # an item that a message may lack
        (f"not({item('@Name=' + repr('OldStatus'))})", False, None),
        ("boolean(//tt:ElementItem[@Name='KeyID'])", False, False),
        # as clients write it: 6.6 of the event test specification, 5.2.5, line breaks of Core 9.10.3
        ('boolean(//tt:SimpleItem[@Name="KeyID"and @Value="key-1"])', True, None),
        ('boolean (//tt:SimpleItem[@Name="KeyID" and @Value="key-1"])', True, None),
        ('\n  boolean(//tt:SimpleItem[@Name="KeyID"\n  and @Value="key-1"] )\n', True, None),
        ('boolean(//SimpleItem[@Name="KeyID"])', True, None),
    ],
)
def test_an_expression(expression: str, of_message: Verdict, of_description: Verdict) -> None:
    holds = parse(expression, DIALECT, TT)
    assert holds(MESSAGE) is of_message
    assert holds(DESCRIPTION) is of_description


def test_prefixes_mean_what_they_mean_where_the_expression_stands() -> None:
    """And tt needs no declaration: the example of Core 9.10.3 has none."""
    assert parse(KEY_1, DIALECT, {})(MESSAGE) is True
    assert parse(KEY_1.replace("tt:", "x:"), DIALECT, {"x": NAMESPACES["tt"]})(MESSAGE) is True
    for scope in ({"tt": "urn:x"}, {"x": "urn:x"}):
        with pytest.raises(InvalidMessageContentExpression):
            parse(KEY_1.replace("tt:", f"{min(scope)}:"), DIALECT, scope)


def test_values_with_special_characters() -> None:
    assert parse(item('@Value="a&b <c> \u00e9 \'"'), DIALECT, TT)((("n", "a&b <c> \u00e9 '"),)) is True


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "",
            " ",
            "()",
            "boolean(())",
            "not(())",
            "1",
            "'a'",
            "true()",
            "$x",
            ".",
            "/",
            "//*",
            "//@*",
            "key-1",
            "xyz",
            "\x00",
            "\u201cx\u201d",
        ),
        *("boolean()", "boolean(1)", "boolean(", "boolean(//tt:SimpleItem)", "boolean(//tt:SimpleItem[1])"),
        *(KEY_1[:-1], f"({KEY_1}", f"{KEY_1})", f"{KEY_1} and", f"{KEY_1} {KEY_2}", f"{KEY_1} | {KEY_2}"),
        *(f"{KEY_1} and 1", f"{KEY_1} = {KEY_2}", f"not({KEY_1}, {KEY_2})", f"not({KEY_1}", "not(1)"),
        *(item("1"), item("@Name"), item("@Name='a' and 1"), item("@Name=@Value"), item("'a'=@Name")),
        *(item("@tt:Name='a'"), item("@Type='a'"), item("@*='a'"), item("@Name!='a'"), item("@Name=1")),
        *(item("contains(@Name, 'a')"), item("../@Name='a'"), item("@Name='a'][@Value='b'")),
        *("boolean(/tt:SimpleItem[@Name='a'])", "boolean(.//tt:SimpleItem[@Name='a'])"),
        *("boolean(//*[@Name='a'])", "boolean(//tt:*[@Name='a'])", "boolean(//tt:Message[@Name='a'])"),
        *("boolean(//x:SimpleItem[@Name='a'])", "boolean(//tt:SimpleItem[@Name='a']/@Value)"),
        *("count(//tt:SimpleItem)", "document('file:///etc/passwd')", "tt:boolean(1)", "Q{x}a"),
        *("9" * 1000, "1e999", "-" * 1000 + "1", "@" * 1000, "(" * 1000, "(" * 500 + "1" + ")" * 500),
    ],
)
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(InvalidMessageContentExpression) as error:
        parse(expression, DIALECT, TT)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("dialect", ["", "urn:x", "http://www.w3.org/TR/1999/REC-xpath-19991116"])
def test_other_dialects(dialect: str) -> None:
    with pytest.raises(InvalidMessageContentExpression, match=DIALECT):
        parse(KEY_1, dialect, TT)


_COMPARISON = st.builds(
    "@{}={}".format,
    st.sampled_from(["Name", "Value"]),
    st.sampled_from(["'KeyID'", '"key-1"', "'ok'", "'xyz'"]),
)


def _combined(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        operands,
        lambda inner: st.one_of(
            st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
            st.builds("({})".format, inner),
            st.builds("not({})".format, inner),
        ),
        max_leaves=5,
    )


EXPRESSIONS = _combined(
    st.builds(
        "boolean(//tt:{}[{}])".format,
        st.sampled_from(["SimpleItem"] * 5 + ["ElementItem"]),
        _combined(_COMPARISON),
    )
).filter(lambda expression: len(expression) <= MAXIMUM_EXPRESSION_LENGTH)


@given(EXPRESSIONS)
@settings(deadline=None, derandomize=True, database=None, max_examples=150)
def test_every_expression_of_the_grammar_means_what_xpath_says(expression: str) -> None:
    """And what can't be true of the description is true of no message, with or without OldStatus."""
    holds = parse(expression, DIALECT, TT)
    possible = holds(DESCRIPTION)
    for message in (MESSAGE, (MESSAGE[0], MESSAGE[2])):
        document = Element(qname("tt:Message"))
        for name, value in message:
            SubElement(document, qname("tt:SimpleItem"), {"Name": name, "Value": value})
        found = elementpath.select(document, expression, TT, parser=elementpath.XPath1Parser)
        expected = found == [True] if isinstance(found, list) else found  # a list for what is in parentheses
        assert holds(message) is expected
        assert possible in (None, expected)


FRAGMENTS = st.sampled_from(
    [
        "boolean(",
        "not(",
        "(",
        ")",
        "[",
        "]",
        "//",
        "/",
        "tt:",
        "x:",
        "SimpleItem",
        "@",
        "Name",
        "=",
        "'a'",
        '"',
        "\tand\t",
        "\tor\t",
        "*",
        "1",
        "1.5",
        "..",
        "$x",
        "::",
        "|",
        "-",
        "last()",
        "text()",
        "child::",
        "id(",
        ",",
        "boolean(//tt:SimpleItem[@Name='a'])",
        "@Name='a'",
        "é",
        "\x00",
        "{",
        "Q{",
        "xs:int(",
    ]
)


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
@settings(deadline=None, derandomize=True, database=None, max_examples=300)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidMessageContentExpression):
        assert parse(text, DIALECT, TT)(MESSAGE) in (True, False)


DEEPEST = [
    "not(" * 196 + item("@Name='a'") + ")" * 196,
    item(" or ".join(["@Name=''"] * 80)),
    item("@Name=''or(" * 80 + "@Name=''" + ")" * 80),
]


@pytest.mark.parametrize("expression", DEEPEST)
def test_the_deepest_expression_that_is_accepted_is_evaluated(expression: str) -> None:
    """Also by a thread that is deep within other calls, as publishing may be."""
    assert MAXIMUM_EXPRESSION_LENGTH - 50 < len(expression) <= MAXIMUM_EXPRESSION_LENGTH
    holds = parse(expression, DIALECT, TT)
    verdicts = []

    def evaluate(depth: int) -> None:
        if depth:
            evaluate(depth - 1)
        else:
            verdicts.append(holds(MESSAGE))

    thread = threading.Thread(target=evaluate, args=(300,))
    thread.start()
    thread.join()
    assert verdicts == [False]


def test_too_long_an_expression() -> None:
    with pytest.raises(InvalidMessageContentExpression, match=str(MAXIMUM_EXPRESSION_LENGTH)):
        parse(KEY_1 + " " * MAXIMUM_EXPRESSION_LENGTH, DIALECT, TT)
