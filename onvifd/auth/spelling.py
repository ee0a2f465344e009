"""How clients turn text into the octets that they hash."""


def spellings(text: str) -> tuple[bytes, bytes]:
    """The text in UTF-8, as the specifications want it, and in Latin-1, as some clients write it.

    Text that Latin-1 lacks is given in UTF-8 twice: always two, so that every log-in costs the same work.
    """
    octets = text.encode()
    try:
        return octets, text.encode("latin-1")
    except UnicodeEncodeError:
        return octets, octets
