"""The TLS server's certificates (Security 5.3.3).

Each change is answered when the web server verifiably presents what is assigned: see onvifd.webserver.apply.
"""

from keystore.errors import ReferenceExists
from onvifd.call import Answer, Call


def add_server_certificate_assignment(call: Call) -> Answer:
    """Security 5.3.3.1."""
    with call.device.webserver.change():
        call.device.keystore.assign_server_certificate(call.arguments["CertificationPathID"])
    return {}


def remove_server_certificate_assignment(call: Call) -> Answer:
    """Security 5.3.3.2: not while HTTPS is enabled."""
    with call.device.webserver.change():
        call.device.keystore.remove_server_certificate(call.arguments["CertificationPathID"])
        https = call.device.protocols.get("HTTPS")
        if https is not None and https.enabled:
            raise ReferenceExists(
                "The TLS server is enabled and uses this certification path: disable HTTPS with "
                "SetNetworkProtocols first, or use ReplaceServerCertificateAssignment"
            )
    return {}


def replace_server_certificate_assignment(call: Call) -> Answer:
    """Security 5.3.3.3."""
    with call.device.webserver.change():
        call.device.keystore.replace_server_certificate(
            call.arguments["OldCertificationPathID"], call.arguments["NewCertificationPathID"]
        )
    return {}


def get_assigned_server_certificates(call: Call) -> Answer:
    """Security 5.3.3.4."""
    return {"CertificationPathID": call.device.keystore.assigned_server_certificates()}
