"""WS-Discovery (Core 7; WS-Discovery, April 2005): the device as a Target Service. It knows no other service.

Sections of WS-Discovery are cited as `WSD`, those of SOAP-over-UDP (September 2004), whose repetition it
uses, as `SOAP-over-UDP`.
"""
