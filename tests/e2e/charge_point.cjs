// An independent charge point (npm ocpp-rpc, strict mode: every reply is held against its schemas).
// Reads a script of steps from stdin, one JSON array per line: ["call", action, payload],
// ["await", action], ["drop"], ["connect"]; writes what came of each as one JSON line.
// Usage: node charge_point.cjs ENDPOINT IDENTITY [PASSWORD]; CA, CERT and KEY in the environment name
// the files that a TLS connection needs.
const fs = require('fs');
const readline = require('readline');
const { RPCClient } = require('ocpp-rpc');

const [endpoint, identity, password] = process.argv.slice(2);
const tls = {};
for (const name of ['ca', 'cert', 'key']) {
  const path = process.env[name.toUpperCase()];
  if (path) tls[name] = fs.readFileSync(path);
}
const heard = [];
const waiting = [];
let transactionId = null;
let client;

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');

function deliver() {
  for (let n = 0; n < waiting.length; n += 1) {
    const found = heard.findIndex((call) => call.method === waiting[n].action);
    if (found >= 0) {
      const [call] = heard.splice(found, 1);
      const [waiter] = waiting.splice(n, 1);
      waiter.resolve(call.params);
      n -= 1;
    }
  }
}

function make() {
  const made = new RPCClient({
    endpoint, identity, password, protocols: ['ocpp1.6'], strictMode: true, reconnect: false,
    callTimeoutMs: 10000, wsOpts: tls,
  });
  made.on('strictValidationFailure', (event) => say({ strict: event.error.message }));
  made.handle(({ method, params }) => {
    heard.push({ method, params });
    deliver();
    return method === 'GetConfiguration' ? { configurationKey: [] } : { status: 'Accepted' };
  });
  return made;
}

async function step([kind, name, payload]) {
  if (kind === 'connect') {
    client = make();
    const { response } = await client.connect();
    return { protocol: client.protocol, status: response.statusCode };
  }
  if (kind === 'drop') {
    await client.close({ code: 1000, force: true });
    return {};
  }
  if (kind === 'await') {
    return new Promise((resolve) => { waiting.push({ action: name, resolve }); deliver(); });
  }
  const filled = JSON.parse(JSON.stringify(payload).replace('"$transactionId"', String(transactionId)));
  const answer = await client.call(name, filled);
  if (answer.transactionId !== undefined) transactionId = answer.transactionId;
  return answer;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      say({ ok: await step(JSON.parse(line)) });
    } catch (error) {
      say({ error: error.rpcErrorCode || error.code || error.name, detail: error.message });
    }
  }
  process.exit(0);
})();
