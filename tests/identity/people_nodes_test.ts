/** People at any of several API nodes that share PostgreSQL and a master key. */
import assert from "node:assert/strict";
import { MASTER_KEY, TestCluster } from "../cluster/cluster.ts";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestProvider } from "../support/oidc_provider.ts";
import { addAccount, providerFlags, USERS } from "./people.ts";
import { codeIn, cookieOf, FUNCTIONS, redeem, SESSION } from "./sessions.ts";
import { Visitor } from "./visitor.ts";

/** What a proxy in front of all nodes is called. */
const PUBLIC_URL = "https://functions.example.test";

Deno.test("people at two nodes", async (t) => {
  await using directory = await makeTempDir();
  await using provider = await TestProvider.start();
  await using cluster = await TestCluster.start();
  const flags = [
    ...await providerFlags(provider, directory.path),
    ...["--public-url", PUBLIC_URL, "--oidc-role-map", "dev=functions:developer"],
    ...["--oidc-refresh", "2s", "--token-rate", "0"],
  ];
  const urls: string[] = [];
  const credentials: ({ clientId: string; clientSecret: string } | undefined)[] = [];
  for (const port of [freePort(), freePort()]) {
    const node = await cluster.node({ flags: [...flags, "--port", String(port)] });
    // The node names its public URL.
    urls.push(`http://127.0.0.1:${port}`);
    credentials.push(await node.credentials().catch(() => undefined));
  }
  provider.serverUrl = PUBLIC_URL;
  for (const login of ["nora", "nick"]) addAccount(provider, login, ["dev"]);
  /** The browser of a request that the proxy sends to a node. */
  const at = (visitor: Visitor, url: string): Visitor => {
    const other = new Visitor(url, PUBLIC_URL);
    for (const [name, cookie] of visitor.cookies) other.cookies.set(name, cookie);
    return other;
  };
  const [first, second] = [urls[0] ?? "", urls[1] ?? ""];

  await t.step("end a sign-in that another node has begun, once", async () => {
    const visitor = new Visitor(first, PUBLIC_URL);
    const callback = await visitor.toCallback(provider, "nora");
    const pages = await Promise.all(urls.map((url) => at(visitor, url).comeBack(callback)));
    assert.deepEqual(pages.map(({ status }) => status).toSorted(), [303, 401]);
  });

  const visitor = new Visitor(first, PUBLIC_URL);
  const callback = await visitor.toCallback(provider, "nick");
  const ender = at(visitor, second);
  assert.equal((await ender.comeBack(callback)).status, 303);
  const browsers = urls.map((url) => at(ender, url));
  const statuses = async () =>
    (await Promise.all(browsers.map((browser) => browser.get(FUNCTIONS)))).map((one) => one.status);

  await t.step("ask the provider once for a session that both get at the same time", async () => {
    assert.deepEqual(await statuses(), [200, 200]);
    const asked = () => provider.requests.filter((request) => request === "POST /token").length;
    // So long that the other node wants to ask meanwhile.
    provider.forgeries.set("/token", async (body) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      return body;
    });
    const before = asked();
    await eventually(async () => {
      assert.deepEqual(await statuses(), [200, 200]);
      return asked() > before || undefined;
    });
    assert.equal(asked(), before + 1);
    provider.forgeries.clear();
  });

  await t.step("make owners from the host of any node", async () => {
    for (const url of urls) {
      const run = await runInvoked(["console", "link", "--owner", "--json", "--server", url], {
        env: MASTER_KEY,
      });
      assert.equal(run.code, 0, run.stderr);
      const link = JSON.parse(run.stdout);
      assert.ok(link.url.startsWith(PUBLIC_URL), link.url);
      const headers = {
        origin: PUBLIC_URL,
        "x-invoked-console": "1",
        "sec-fetch-site": "same-origin",
      };
      const answer = await redeem(urls.find((other) => other !== url) ?? "", codeIn(link), headers);
      assert.deepEqual(ok(answer).principal.roles, ["0000000000000000systemowner"]);
      assert.match(cookieOf(answer), /^__Host-invoked_session=/);
    }
  });

  await t.step("lose people whom another node disables", async () => {
    const { principal } = ok(await browsers[0]?.get(SESSION) ?? assert.fail());
    const { clientId, clientSecret } = credentials[0] ?? assert.fail();
    const client = await Client.login(first, clientId, clientSecret);
    ok(await client.call("PATCH", `${USERS}/${principal.id}`, { user: { disabled: true } }));
    assert.deepEqual(await statuses(), [401, 401]);
  });
});
