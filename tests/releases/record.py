"""`python -m tests.releases.record [DIRECTORY]`: adds the store of a release, when it is released.

The release is what lies in the directory, a checkout (default: this one): its device is started, driven, and
stopped while it generates a key. Later versions are then tested with what it leaves.
"""

import configparser
import sys
from pathlib import Path

from tests import pki
from tests.bench_device import REPOSITORY, BenchDevice
from tests.pki import Authority
from tests.releases.contents import OPERATOR, PASSWORD, Contents, save
from tests.soap_client import Soap
from tests.workflow import steps
from tests.workflow.clients import Zeep


def main(checkout: Path = REPOSITORY) -> None:
    setup = configparser.ConfigParser()
    setup.read(checkout / "setup.cfg")
    with BenchDevice(password=PASSWORD, directory=checkout) as device:
        drive(device)
        with Soap(device) as soap:
            # Last, so that it has not been generated yet when the power is cut.
            soap.call("tas:CreateRSAKeyPair", {"KeyLength": 4096, "Alias": "unfinished"}).ok()
            contents = Contents.of(soap)
        device.kill()
        save(setup["metadata"]["version"], device.state, contents)


def drive(device: BenchDevice) -> None:
    """Everything that a client can store."""
    client = Zeep(device)
    root = Authority.root()
    intermediate = root.intermediate()
    for alias in ("spare", "HTTPS"):
        steps.assign(client, steps.certified_path(client, root, intermediate, alias).id)
    steps.enable_https(client, device.https_port)
    steps.create_key(client, alias="without a certificate")
    steps.upload(client, root.issue(pki.ec_key(1).public_key()), Alias="of an EC key")
    user, password = OPERATOR
    users = [{"Username": user, "Password": password, "UserLevel": "Operator"}]
    client.call("devicemgmt", "CreateUsers", User=users)
    client.call("devicemgmt", "AddScopes", ScopeItem=["onvif://www.onvif.org/location/gate"])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
