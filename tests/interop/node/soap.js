// node-soap on the official WSDL: the steps of a certified HTTPS server, one command each.
//
// The official documents name no server, so `wsdl/device.wsdl` and `wsdl/security.wsdl` of the directory in
// WSDL_DIRECTORY import them and say that there is one.

"use strict";

const fs = require("fs");
const https = require("https");
const path = require("path");
const soap = require("soap");
const { main, until } = require("./program");

const SHA256_WITH_RSA = "1.2.840.113549.1.1.11";

// The operations of a service, as a function of the name and the parameters that promises the response. With a
// file of authorities it verifies the server by them.
async function connect(service, url, user, password, ca) {
    const wsdl = path.join(process.env.WSDL_DIRECTORY, `${service}.wsdl`);
    const client = await soap.createClientAsync(wsdl, { endpoint: url, forceSoap12Headers: true });
    client.setSecurity(new soap.WSSecurity(user, password, { passwordType: "PasswordDigest", hasNonce: true }));
    const options = ca ? { httpsAgent: new https.Agent({ ca: fs.readFileSync(ca) }) } : {};
    return async (operation, parameters) => (await client[`${operation}Async`](parameters, options))[0];
}

async function security(device, user, password, ca) {
    const { Service: services } = await device("GetServices", { IncludeCapability: false });
    const { XAddr } = services.find(({ Namespace }) => Namespace.includes("advancedsecurity"));
    return connect("security", XAddr, user, password, ca);
}

main({
    // A key, and the request that it be certified.
    async request(url, user, password) {
        const keystore = await security(await connect("device", url, user, password), user, password);
        const { KeyID } = await keystore("CreateRSAKeyPair", { KeyLength: 2048, Alias: "node-soap" });
        await until(async () => (await keystore("GetKeyStatus", { KeyID })).KeyStatus === "ok");
        const { PKCS10CSR } = await keystore("CreatePKCS10CSR", {
            Subject: { CommonName: ["camera.test"], Organization: ["Müller & Söhne"] },
            KeyID,
            SignatureAlgorithm: { algorithm: SHA256_WITH_RSA },
        });
        return { key: KeyID, csr: PKCS10CSR };
    },

    // The certificates (DER files, the device's own first) become what HTTPS presents on a port.
    async install(url, user, password, port, ...files) {
        const device = await connect("device", url, user, password);
        const server = await security(device, user, password);
        const ids = [];
        let key = null;
        for (const file of files) {
            const uploaded = await server("UploadCertificate", {
                Certificate: fs.readFileSync(file).toString("base64"),
                Alias: path.basename(file),
                PrivateKeyRequired: ids.length === 0,
            });
            key ??= uploaded.KeyID;
            ids.push(uploaded.CertificateID);
        }
        const { CertificationPathID } = await server("CreateCertificationPath", {
            CertificateIDs: { CertificateID: ids },
            Alias: "node-soap",
        });
        await server("AddServerCertificateAssignment", { CertificationPathID });
        const { CertificationPathID: assigned } = await server("GetAssignedServerCertificates", {});
        await device("SetNetworkProtocols", { NetworkProtocols: [{ Name: "HTTPS", Enabled: true, Port: [port] }] });
        return { key, path: CertificationPathID, assigned };
    },

    // What the device says of itself.
    async status(url, user, password, ca) {
        const device = await connect("device", url, user, password, ca);
        const { Service: services } = await device("GetServices", { IncludeCapability: true });
        const { NetworkProtocols: protocols } = await device("GetNetworkProtocols", {});
        const { KeyAttribute: keys } = await (await security(device, user, password, ca))("GetAllKeys", {});
        return {
            addresses: services.map(({ XAddr }) => XAddr),
            protocols: Object.fromEntries(protocols.map(({ Name, Enabled, Port }) => [Name, [Enabled, Port]])),
            keys: keys.map(({ KeyID }) => KeyID),
        };
    },

    // The fault to an ID that does not exist, as the client reads it.
    async fault(url, user, password) {
        const keystore = await security(await connect("device", url, user, password), user, password);
        try {
            await keystore("GetKeyStatus", { KeyID: "none" });
        } catch (error) {
            const { Code, Reason } = error.root.Envelope.Body.Fault;
            return { codes: [Code.Value, Code.Subcode.Value, Code.Subcode.Subcode.Value], reason: Reason.Text.$value };
        }
        throw new Error("no fault");
    },
});
