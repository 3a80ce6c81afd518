/** An instance is not reused after an invocation that fails or leaves work running. */
import assert from "node:assert/strict";
import { Host, openServer } from "../egress/support.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { serverSuite } from "../support/suite.ts";
import { assertUnused, call, change, deployReused, logsOf, moduleOf, warm } from "./support.ts";

const NEVER_MS = 600_000;

/** Work that invocations leave running after their answers. */
const LEAVES: Readonly<Record<string, string>> = {
  timer: `setTimeout(() => {}, ${NEVER_MS});`,
  interval: `setInterval(() => {}, ${NEVER_MS});`,
  chain: `const again = () => setTimeout(again, 1); again();`,
  microtasks: `const again = () => queueMicrotask(again); setTimeout(again);`,
  rejection: `setTimeout(() => Promise.reject(new Error("late")));`,
  exit: `setTimeout(() => Deno.exit(0));`,
  "call of the server":
    `sdk.functions.invoke({ functionId: input.slow, functionsServiceInvokeRequest: {} });`,
  stderr: `Deno.stderr.close();`,
};

/** Invocations that fail. */
const FAILS: Readonly<Record<string, [string, RegExp]>> = {
  throw: [`throw new Error("on purpose");`, /^UNCAUGHT: /],
  "bad output": [`said = 1n;`, /^BAD_OUTPUT: /],
  timeout: [`await new Promise((resolve) => setTimeout(resolve, ${NEVER_MS}));`, /^TIMEOUT: /],
  stall: [`await new Promise(() => {});`, /^EXITED: /],
  exit: [`Deno.exit(3);`, /^EXITED: /],
  memory: [`const held = []; for (;;) held.push(new Array(1e6).fill(0));`, /^OUT_OF_MEMORY: /],
};

/** Prints which process runs the invocation: on a busy machine it may not be the one that answered last. */
const PRINT_PROCESS = "console.log(born);";
const PROCESS = /^[0-9a-f-]{36}$/;

const cases = (all: readonly (readonly [string, string])[]) =>
  `let said; switch (input.do) { ${
    all.map(([name, code]) => `case ${JSON.stringify(name)}: { ${code} break; }`).join("\n")
  } } return said;`;

serverSuite("process reuse: recycling", {
  flags: ["--invocation-timeout", "8s", "--memory", "64MiB"],
}, {
  "work that is left running": async ({ client }) => {
    const slow = await client.deploy(
      `export default () => new Promise((resolve) => setTimeout(resolve, ${NEVER_MS}));`,
    );
    const id = await deployReused(
      client,
      `import { sdk } from "@c1/functions-sdk";\n` + moduleOf(cases(Object.entries(LEAVES))),
    );
    await change(client, id, { scopedRoleIds: ["invoker"] });
    for (const name of Object.keys(LEAVES)) {
      // From here on the function is a new one.
      await change(client, id, { description: name });
      await warm(client, id);
      const { process } = await call(client, id, { do: name, slow });
      await assertUnused(client, id, process, name);
    }
  },

  "no reuse for a while after an invocation left work running": async ({ client }) => {
    const leaves = moduleOf(`if (input.leave) setInterval(() => {}, ${NEVER_MS});`);
    const id = await deployReused(client, leaves);
    const other = await deployReused(client, leaves);
    await warm(client, id);
    await call(client, id, { leave: true });
    // From the end of the instance's grace on.
    await eventually(async () => {
      for (let n = 0; n < 4; n++) {
        if ((await call(client, id)).calls !== 1) return undefined;
      }
      return true;
    }, "four invocations in fresh instances");
    await warm(client, other);
  },

  "failures": async ({ client }) => {
    const code = Object.entries(FAILS).map(([name, [code]]) => [name, code] as const);
    const id = await deployReused(client, moduleOf(PRINT_PROCESS + cases(code)));
    for (const [name, [, error]] of Object.entries(FAILS)) {
      await warm(client, id);
      const { invocationId } = ok(await client.invoke(id, { do: name }));
      const [process = ""] = await logsOf(client, id, invocationId);
      assert.match(process, PROCESS, name);
      assert.match((await client.invocation(id, invocationId)).error, error, name);
      await assertUnused(client, id, process, name);
    }
  },

  "cancelling": async ({ client }) => {
    const id = await deployReused(
      client,
      moduleOf(
        `${PRINT_PROCESS} if (input.wait) await new Promise((resolve) => setTimeout(resolve, ${NEVER_MS}));`,
      ),
    );
    await warm(client, id);
    const { invocationId } = ok(
      await client.invoke(id, { wait: true }, { prefer: "respond-async" }),
    );
    const path = `/api/v1/functions/${id}/invocations/${invocationId}`;
    const process = await eventually(async () => (await logsOf(client, id, invocationId))[0]);
    assert.match(process, PROCESS);
    const { invocation } = ok(await client.post(`${path}/cancel`, {}));
    assert.match(invocation.error, /^CANCELLED: /);
    await assertUnused(client, id, process, "cancelling");
  },

  "an awaited timer is not left running": async ({ client }) => {
    const id = await deployReused(
      client,
      moduleOf(`await new Promise((resolve) => setTimeout(resolve, 1));`),
    );
    await warm(client, id);
  },
});

Deno.test("process reuse: connections", async (t) => {
  await using host = new Host();
  await using site = await openServer();
  const { api } = site;
  const body = cases([
    ["read", `said = (await (await fetch(input.url)).text()).length;`],
    ["unread", `said = (await fetch(input.url + "big?bytes=20000000")).status;`],
    ["running", `fetch(input.url + "big?bytes=20000000").then((response) => response.text());`],
    [
      "socket",
      `const socket = new WebSocket(input.url.replace("http", "ws") + "ws");
      await new Promise((resolve) => socket.onopen = resolve);`,
    ],
    [
      "node",
      `const { connect } = await import("node:net");
      const socket = connect(Number(new URL(input.url).port), "127.0.0.1");
      await new Promise((resolve) => socket.on("connect", resolve));
      if (input.unref) socket.unref();`,
    ],
  ]);
  const id = await deployReused(api, moduleOf(body));
  await change(api, id, { outboundNetworkAllowlist: [`127.0.0.1:${host.port}`] });
  const url = `http://127.0.0.1:${host.port}/`;

  await t.step("a request that came to its end leaves nothing behind", async () => {
    await warm(api, id);
    await eventually(async () => {
      const { calls, said } = await call(api, id, { do: "read", url });
      assert.ok(said > 0);
      return calls > 5 || undefined;
    });
  });

  await t.step("one that did not is cut, and its process with it", async () => {
    for (const name of ["unread", "running", "socket", "node"]) {
      for (const unref of [false, true]) {
        await warm(api, id);
        const { process } = await call(api, id, { do: name, url, unref });
        await assertUnused(api, id, process, `${name}, unref ${unref}`);
      }
    }
  });
});
