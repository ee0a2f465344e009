// agsh's onvif, on which UniFi Protect, Scrypted and Node-RED are built. It has the services of a camera, and
// for the rest a request that takes XML.

"use strict";

const fs = require("fs");
const http = require("http");
const { promisify } = require("util");
const { Cam, Discovery } = require("onvif");
const { main, until } = require("./program");

const SECURITY = "http://www.onvif.org/ver10/advancedsecurity/wsdl";

// A connected client: with a file of authorities it verifies the server by them; `digest` is for HTTP Digest.
async function connect(url, user, password, mode, ca) {
    const { protocol, hostname, port } = new URL(url);
    const cam = new Cam({
        ...{ hostname, port, username: user, password, autoconnect: false },
        ...{ useSecure: protocol === "https:", secureOpts: ca ? { ca: fs.readFileSync(ca) } : {} },
        useWSSecurity: mode !== "digest",
    });
    await promisify(cam.connect.bind(cam))();
    return cam;
}

// Operations of the security service by name and XML: the response without its envelope.
function security(cam) {
    const { pathname } = new URL(cam.uri.advancedsecurity.href);
    return (operation, xml = "") =>
        new Promise((resolve, reject) => {
            const request = `<${operation} xmlns="${SECURITY}">${xml}</${operation}>`;
            const body = cam._envelopeHeader() + request + cam._envelopeFooter();
            cam._request({ service: pathname, body }, (error, response) => (error ? reject(error) : resolve(response)));
        });
}

main({
    // All that it knows of a device without media; with the users that it makes, changes and removes.
    async explore(url, user, password, mode, ca) {
        const cam = await connect(url, user, password, mode, ca);
        const ask = (name, ...parameters) => promisify(cam[name].bind(cam))(...parameters);
        const names = (users) => users.map(({ username, userLevel }) => [username, userLevel]);
        const guest = { username: "guest", password: "guest-password-1", userLevel: "User" };
        return {
            addresses: Object.fromEntries(Object.entries(cam.uri).map(([name, { href }]) => [name, href])),
            information: await ask("getDeviceInformation"),
            hostname: await ask("getHostname"),
            scopes: (await ask("getScopes")).length,
            capabilities: Object.keys(await ask("getCapabilities")),
            device: await ask("getServiceCapabilities"),
            events: await ask("getEventServiceCapabilities"),
            topics: (await ask("getEventProperties")).topicSet,
            protocols: await ask("getNetworkProtocols"),
            interfaces: [await ask("getNetworkInterfaces")].flat().length,
            created: names(await ask("createUsers", [guest])),
            changed: names(await ask("setUsers", [{ ...guest, userLevel: "Operator" }])),
            deleted: names(await ask("deleteUsers", ["guest"])),
            keys: (await security(cam)("GetAllKeys")).length,
        };
    },

    // A key's way to `ok`, as its event loop hears of it: it pulls and renews until nobody listens any more.
    async listen(url, user, password, mode, ca) {
        const cam = await connect(url, user, password, mode, ca);
        const heard = [];
        let address = null;
        const ended = new Promise((resolve, reject) => {
            cam.on("eventsError", reject);
            cam.on("rawResponse", (xml) => xml.includes("UnsubscribeResponse") && resolve());
            cam.on("event", ({ topic, message: { message } }) => {
                const { Value: status } = message.data.simpleItem.$ ?? message.data.simpleItem.at(-1).$;
                heard.push([topic._, message.source.simpleItem.$.Value, status]);
                address = cam.events.subscription.subscriptionReference.address.href;
                if (status === "ok") {
                    cam.removeAllListeners("event");
                }
            });
        });
        await until(() => cam.events.subscription); // what happened before is none of its events
        const [{ createRSAKeyPairResponse: [created] }] = await security(cam)(
            "CreateRSAKeyPair",
            "<KeyLength>2048</KeyLength>",
        );
        await ended;
        return { key: created.keyID[0], heard, address };
    },

    // The same, by notifications that the device sends to a server here.
    async receive(url, user, password, mode, ca) {
        const cam = await connect(url, user, password, mode, ca);
        const heard = [];
        const ended = new Promise((resolve, reject) => {
            const server = http.createServer(async (request, response) => {
                const parts = await request.toArray();
                response.end();
                const messages = await promisify(cam.parseEventXML.bind(cam))(Buffer.concat(parts).toString());
                for (const { topic, message: { message } } of [messages].flat()) {
                    const { Value: status } = message.data.simpleItem.$ ?? message.data.simpleItem.at(-1).$;
                    heard.push([topic._, message.source.simpleItem.$.Value, status]);
                    if (status === "ok") {
                        resolve();
                    }
                }
            });
            server.listen(0, "127.0.0.1", async () => {
                const consumer = `http://127.0.0.1:${server.address().port}/events`;
                await promisify(cam.subscribe.bind(cam))({ url: consumer });
                await security(cam)("CreateRSAKeyPair", "<KeyLength>2048</KeyLength>").catch(reject);
            });
        });
        await ended;
        const { href: address } = cam.events.subscription.subscriptionReference.address;
        await promisify(cam.unsubscribe.bind(cam))();
        return { heard, address };
    },

    // The devices that answer on the loopback, each connected to where it says.
    async discover(url, user, password) {
        const cams = await promisify(Discovery.probe)({ timeout: 2000, device: "lo" });
        const found = [];
        for (const cam of cams) {
            Object.assign(cam, { username: user, password });
            await promisify(cam.connect.bind(cam))();
            const information = await promisify(cam.getDeviceInformation.bind(cam))();
            found.push({ addresses: cam.xaddrs.map(({ href }) => href), model: information.model });
        }
        return found;
    },
});
