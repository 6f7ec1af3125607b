// A Requester's script in JavaScript, as a pipe: one JSON call a line in, one JSON reply a line out.
// The SDK is AWS's own, unmodified; where it connects to stands in the environment, as with any script.
const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");

const mturk = createRequire(`${process.argv[2]}/package.json`)("@aws-sdk/client-mturk");
const client = new mturk.MTurkClient({});

async function answer({ operation, input }) {
  try {
    const { $metadata, ...output } = await client.send(new mturk[`${operation}Command`](input));
    return { output };
  } catch (error) {
    return { error: error.name, message: error.message, code: error.TurkErrorCode, status: error.$metadata?.httpStatusCode };
  }
}

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
  }
})();
