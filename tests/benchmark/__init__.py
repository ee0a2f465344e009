"""How fast and how large a whole device is, beside the least that its framework can do on the same machine.

Absolute numbers say little about a camera; the ratios to the bare application of `hello.py`, measured in the
same minute under the same gunicorn settings, do. Nothing here judges: no speed makes a test fail.
"""
