// onvif-rx. It sends everything to one address, and each request twice at once: without and with a token.

"use strict";

const { createManagedDeviceInNode } = require("onvif-rx");
const { main } = require("./program");

main({
    // The answers to operations without parameters: it writes no others.
    async explore(url, user, password) {
        const { api } = createManagedDeviceInNode({ deviceUrl: url, username: user, password });
        const ask = async (service, operation) => {
            const result = await api[service][operation]().toPromise();
            return result.match({
                ok: ({ json }) => json,
                fail: ({ status, statusMessage }) => ({ status, statusMessage }),
            });
        };
        return {
            time: await ask("Device", "GetSystemDateAndTime"),
            information: await ask("Device", "GetDeviceInformation"),
            users: await ask("Device", "GetUsers"),
            protocols: await ask("Device", "GetNetworkProtocols"),
            // With a prefix that it does not declare.
            keys: await ask("AdvancedSecurity", "GetAllKeys"),
            key: await ask("AdvancedSecurity", "CreateRSAKeyPair"),
        };
    },
});
