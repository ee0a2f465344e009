"""The XML Schemas of the requests that are served, one file per namespace, written for this device.

They hold the request elements and the types these need, nothing else: a camera can't afford to load the
official set. Their verdicts are tested against the official schemas. They are XML Schema 1.1 (Core 5.2):
ONVIF puts wildcards after optional elements of the same namespace.
"""
