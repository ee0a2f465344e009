// onvif-nvt. Its `connect` ends at the media service; these are the steps before it, then events.

"use strict";

const url = require("url");
const Camera = require("onvif-nvt/dist/camera");
const UrlParse = require("url-parse");
const { main } = require("./program");

main({
    async explore(address, user, password) {
        const camera = new Camera();
        const { origin } = new url.URL(address);
        Object.assign(camera, { rootPath: origin, serviceAddress: new UrlParse(address) });
        camera.setAuth(user, password);
        camera.add("core");
        await camera.coreGetSystemDateAndTime();
        await camera.coreGetServices();
        await camera.coreGetCapabilities();
        await camera.coreGetDeviceInformation();
        await camera.coreGetScopes();
        const { data: protocols } = await camera.core.getNetworkProtocols();
        const { data: users } = await camera.core.getUsers();
        const { data: properties } = await camera.events.getEventProperties();
        const { data: created } = await camera.events.createPullPointSubscription();
        const { SubscriptionReference: reference } = created.CreatePullPointSubscriptionResponse;
        const { data: pulled } = await camera.events.pullMessages(reference, "PT1S", 1);
        return { information: camera.getInformation(), protocols, users, properties, created, pulled };
    },
});
