"""The HTTPS server in front of the service: what it serves, and how that is changed with a way back.

model: what is wanted. nginx, lighttpd: the programs that serve it, as our own; external: as the vendor's.
verify: whether they do. apply: changing it, through `apply.Server`, which all of them are.
"""
