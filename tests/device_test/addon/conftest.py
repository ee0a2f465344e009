"""Every case leaves the keystore and the TLS server as it met them."""

from tests.device_test.security.restoration import left_as_it_was

__all__ = ["left_as_it_was"]
