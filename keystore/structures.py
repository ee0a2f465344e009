"""The ASN.1 structures of RFC 5280 and RFC 4055 that hold only known types, named as they are there."""

from datetime import datetime
from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1


@asn1.sequence
class HashAlgorithm:
    """An AlgorithmIdentifier of a hash (RFC 4055 2.1): NULL may be left out."""

    algorithm: x509.ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class MaskGenAlgorithm:
    """An AlgorithmIdentifier of MGF1 (RFC 4055 2.2)."""

    algorithm: x509.ObjectIdentifier
    parameters: HashAlgorithm


@asn1.sequence
class RSASSAPSSParams:
    """RFC 4055 3.1. Clients spell defaults out, although DER leaves them out: None stands for them here."""

    hash_algorithm: Annotated[HashAlgorithm | None, asn1.Explicit(0)]
    mask_gen_algorithm: Annotated[MaskGenAlgorithm | None, asn1.Explicit(1)]
    salt_length: Annotated[int | None, asn1.Explicit(2)]
    trailer_field: Annotated[int | None, asn1.Explicit(3)]


@asn1.sequence
class AlgorithmIdentifier:
    """RFC 5280 4.1.1.2, of a signature."""

    algorithm: x509.ObjectIdentifier
    parameters: asn1.Null | RSASSAPSSParams | None


@asn1.sequence
class Extension:
    """RFC 5280 4.1."""

    extn_id: x509.ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]
    extn_value: bytes


@asn1.sequence
class Validity:
    """RFC 5280 4.1.2.5."""

    not_before: asn1.UTCTime | asn1.GeneralizedTime
    not_after: asn1.UTCTime | asn1.GeneralizedTime


def time(moment: datetime) -> asn1.UTCTime | asn1.GeneralizedTime:
    """The Time of a moment in UTC and whole seconds (RFC 5280 4.1.2.5): UTCTime through 2049."""
    return asn1.UTCTime(moment) if 1950 <= moment.year < 2050 else asn1.GeneralizedTime(moment)
