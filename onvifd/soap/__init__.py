"""The wire: SOAP 1.2 envelopes, faults and WS-Addressing. It knows no service."""
