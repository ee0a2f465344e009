"""The Security Configuration Service: the keystore and the TLS server (Security 5)."""
