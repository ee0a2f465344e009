// node-onvif. Its `init` needs a media service; what it knows of the device service works without.

"use strict";

const { OnvifDevice } = require("node-onvif");
const { main } = require("./program");

function connect(url, user, password) {
    return new OnvifDevice({ xaddr: url, user, pass: password }).services.device;
}

// What is in the answer to one of its methods.
async function ask(device, method, parameters) {
    const response = parameters ? await device[method](parameters) : await device[method]();
    const [name] = Object.keys(response.data);
    return response.data[name];
}

main({
    // All that it knows of a device without media; with the user that it makes and changes.
    async explore(url, user, password) {
        const device = connect(url, user, password);
        const guest = { Username: "guest", Password: "guest-password-1", UserLevel: "User" };
        const users = async () => [(await ask(device, "getUsers")).User].flat().map(({ Username }) => Username);
        const found = {
            time: await ask(device, "getSystemDateAndTime"),
            capabilities: await ask(device, "getCapabilities"),
            information: await ask(device, "getDeviceInformation"),
            hostname: await ask(device, "getHostname"),
            wsdl: await ask(device, "getWsdlUrl"),
            services: await ask(device, "getServices", { IncludeCapability: true }),
            scopes: await ask(device, "getScopes"),
            interfaces: await ask(device, "getNetworkInterfaces"),
            protocols: await ask(device, "getNetworkProtocols"),
        };
        await ask(device, "createUsers", { User: [guest] });
        found.created = await users();
        await ask(device, "setUser", { User: [{ ...guest, UserLevel: "Operator" }] });
        // It puts the name into the namespace of the types, where no schema has it.
        found.deleted = await ask(device, "deleteUsers", { User: [{ Username: "guest" }] }).catch(String);
        return found;
    },

    // Switches HTTPS on or off.
    async https(url, user, password, port, enabled) {
        const protocol = { Name: "HTTPS", Enabled: enabled === "true", Port: Number(port) };
        const device = connect(url, user, password);
        await ask(device, "setNetworkProtocols", { NetworkProtocols: [protocol] });
        return ask(device, "getNetworkProtocols");
    },
});
