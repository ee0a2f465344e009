"""The HTTPS server in front of the service: what it serves, and how that is changed with a way back.

model: what is wanted. nginx: the program that serves it. verify: whether it does. apply: changing it. The
program is reached through `apply.Server` alone, so that another one fits in nginx's place.
"""
