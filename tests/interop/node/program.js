// What the programs of this directory share: a command line, and a JSON object on standard output.

"use strict";

// Runs the command that the first argument names with the others, and prints what it returns. All that goes
// wrong, also behind a client's back, ends the program with status 1 and says so on standard error.
exports.main = (commands) => {
    const [name, ...parameters] = process.argv.slice(2);
    const fail = (error) => {
        console.error(error);
        process.exit(1);
    };
    process.on("uncaughtException", fail);
    process.on("unhandledRejection", fail);
    commands[name](...parameters).then((result) => {
        process.stdout.write(JSON.stringify(result), () => process.exit(0));
    }, fail);
};

// Asks until the answer is true, for a minute at most.
exports.until = async (condition) => {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
        if (await condition()) {
            return;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("still not so after a minute");
};
