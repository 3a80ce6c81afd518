/** The evaluation that a function asks for: shared by its invocations, or in each of them. */
import assert from "node:assert/strict";
import { fromTemplate, output, report, run, sandboxSuite, scriptOf } from "./harness.ts";

const step = sandboxSuite("evaluation", { poolSize: 2, cpuTimeMs: 60_000 });

/** Takes long enough that a template pays. */
const SLOW = "const began = performance.now(); while (performance.now() - began < 25);";
const SHARED = { evaluation: "shared" } as const;

/** Gives every source of random numbers and every clock of a process, by name. */
const SOURCES = `
  const nodeCrypto = await import("node:crypto"), vm = await import("node:vm");
  const { bytes, hex } = {
    bytes: () => new Uint8Array(16),
    hex: (made) => Buffer.from(made).toString("hex"),
  };
  const pair = () => nodeCrypto.generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "der" });
  const { privateKey: key } = nodeCrypto.generateKeyPairSync("rsa", { modulusLength: 1024 });
  const rsa = \`-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMcgUBGIW+MzZrrBqNVFNmwUEVzPwERM
pyTVMFLmRJBlRlF9UrxVNyLhcB31Rjc3vR2XdR6SIYE6Uvqe0WTvIM8CAwEAAQ==
-----END PUBLIC KEY-----\`;
  const drawSync = () => ({
    random: Math.random(),
    values: hex(crypto.getRandomValues(bytes())),
    uuid: crypto.randomUUID(),
    nodeUuid: nodeCrypto.randomUUID(),
    nodeUuidUncached: nodeCrypto.randomUUID({ disableEntropyCache: true }),
    nodeValues: hex(nodeCrypto.getRandomValues(bytes())),
    webcrypto: hex(nodeCrypto.webcrypto.getRandomValues(bytes())),
    randomBytes: hex(nodeCrypto.randomBytes(16)),
    prng: hex(nodeCrypto.default.prng(16)),
    randomInt: [1, 2, 3].map(() => nodeCrypto.randomInt(2 ** 40)).join(),
    randomFill: hex(nodeCrypto.randomFillSync(bytes())),
    ed25519: hex(pair()),
    secret: hex(nodeCrypto.generateKeySync("hmac", { length: 128 }).export()),
    ecdh: nodeCrypto.createECDH("prime256v1").generateKeys("hex"),
    diffieHellman: nodeCrypto.getDiffieHellman("modp14").generateKeys("hex"),
    prime: hex(nodeCrypto.generatePrimeSync(64)),
    salted: hex(nodeCrypto.sign("sha256", Buffer.from("a"), { key, padding: nodeCrypto.constants.RSA_PKCS1_PSS_PADDING })),
    encrypted: hex(nodeCrypto.publicEncrypt(rsa, Buffer.from("a"))),
    boundary: new Response(new FormData()).headers.get("content-type"),
    blobUrl: URL.createObjectURL(new Blob()),
  });
  const drawAsync = async () => ({
    realm: vm.runInNewContext("Math.random()"),
    aes: hex(await crypto.subtle.exportKey("raw",
      await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]))),
    randomFillLater: hex(await new Promise((done) => nodeCrypto.randomFill(bytes(), (_, made) => done(made)))),
    randomBytesLater: hex(await new Promise((done) => nodeCrypto.randomBytes(16, (_, made) => done(made)))),
    randomIntLater: await new Promise((done) => nodeCrypto.randomInt(2 ** 40, (_, made) => done(made))),
    primeLater: hex(await new Promise((done) => nodeCrypto.generatePrime(64, (_, made) => done(made)))),
    pairLater: await new Promise((done) => nodeCrypto.generateKeyPair("ed25519",
      { privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } },
      (_, publicKey) => done(publicKey))),
  });`;

step(
  "shared invocations draw different numbers whatever their script has drawn",
  async (sandboxes) => {
    const body = `${SLOW} ${SOURCES}
    const loaded = drawSync();
    const main = async () => ({ loaded, drawn: { ...drawSync(), ...await drawAsync() } });`;
    const { outcome } = await fromTemplate(sandboxes, body, SHARED);
    assert.equal(outcome.kind, "success", JSON.stringify(outcome));
    /** Values by source. */
    const seen = new Map<string, Set<string>>();
    let shared: Record<string, unknown> | undefined;
    for (let n = 0; n < 4; n++) {
      const ran = await run(sandboxes, body, SHARED);
      assert.equal(ran.process, "template");
      const { loaded, drawn } = JSON.parse(
        ran.outcome.kind === "success" ? ran.outcome.outputJson : "",
      );
      shared ??= loaded;
      assert.deepEqual(shared, loaded);
      for (const [source, value] of [...Object.entries(loaded), ...Object.entries(drawn)]) {
        assert.ok(value !== undefined && value !== null, source);
        seen.set(source, (seen.get(source) ?? new Set()).add(JSON.stringify(value)));
      }
    }
    for (const [source, values] of seen) {
      // One while the script loaded, if it could draw then, and one in each invocation.
      assert.ok(values.size >= 4, `${source}: ${values.size} values`);
      if (Object.keys(shared ?? {}).includes(source)) assert.equal(values.size, 5, source);
    }
  },
);

step("the clocks of shared invocations are right", async (sandboxes) => {
  const body = `const began = performance.now(); while (performance.now() - began < 400);
    const loaded = { date: Date.now(), now: performance.now(), nanos: process.hrtime.bigint(), pair: process.hrtime() };
    const main = () => {
      const now = performance.now(), date = Date.now();
      return { loaded: loaded.date, sinceLoaded: now - loaded.now, now, drift: performance.timeOrigin + now - date,
        // As packages do that add a duration to a time that they have kept.
        added: loaded.date + Number(process.hrtime.bigint() - loaded.nanos) / 1e6 - date,
        addedPair: loaded.date + process.hrtime(loaded.pair).reduce((s, n) => s * 1e3 + n / 1e6) - date };
    };`;
  await fromTemplate(sandboxes, body, SHARED);
  // The template becomes older than anything that an invocation measures.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  // Of these the later ones get instances that are forked now.
  for (let n = 0; n < 4; n++) {
    const { outcome, process } = await run(sandboxes, body, SHARED);
    assert.equal(process, "template");
    const { sinceLoaded, now, drift, added, addedPair } = JSON.parse(
      outcome.kind === "success" ? outcome.outputJson : "",
    );
    assert.ok(sinceLoaded >= 0, `${sinceLoaded}`);
    assert.ok(now >= 400, `${now}`);
    for (const error of [drift, added, addedPair]) assert.ok(Math.abs(error) < 1000, `${error}`);
  }
});

step("a changed secret ends a shared template", async (sandboxes) => {
  const body = `${SLOW} const { key } = meta.invoked.secrets; const at = Math.random();
    const main = () => ({ key, at, now: meta.invoked.secrets.key });`;
  const of = (key: string, functionKey = "a") => ({ ...SHARED, secrets: { key }, functionKey });
  await fromTemplate(sandboxes, body, of("first"));
  const first = await output(sandboxes, body, of("first"));
  assert.deepEqual({ key: first.key, now: first.now }, { key: "first", now: "first" });
  // The first invocation with another secret never starts from a template with the old one.
  const changed = await run(sandboxes, body, of("second"));
  assert.equal(changed.process, "root");
  assert.match(JSON.stringify(changed.outcome), /"key\\":\\"second/);
  const { outcome } = await fromTemplate(sandboxes, body, of("second"));
  const second = JSON.parse(outcome.kind === "success" ? outcome.outputJson : "");
  assert.deepEqual({ key: second.key, now: second.now }, { key: "second", now: "second" });
  assert.notEqual(second.at, first.at);
  // Another function with the same code has a template of its own.
  const other = await run(sandboxes, body, of("second", "b"));
  assert.equal(other.process, "root");
  const { outcome: ofOther } = await fromTemplate(sandboxes, body, of("theirs", "b"));
  assert.match(JSON.stringify(ofOther), /"key\\":\\"theirs/);
  assert.equal((await run(sandboxes, body, of("second"))).process, "template");
});

step(
  "a shared script without secrets has one template for all configurations",
  async (sandboxes) => {
    const body =
      `${SLOW} const at = Date.now(); const main = () => ({ at, key: meta.invoked.secrets.key });`;
    const of = (key: string) => ({ ...SHARED, secrets: { key }, functionKey: key });
    const { outcome: first } = await fromTemplate(sandboxes, body, of("a"));
    const { outcome: second, process } = await run(sandboxes, body, of("b"));
    assert.equal(process, "template");
    const [a, b] = [first, second].map((outcome) =>
      JSON.parse(outcome.kind === "success" ? outcome.outputJson : "")
    );
    assert.deepEqual({ ...b, key: "a" }, a);
  },
);

step("an evaluation in each call never starts from a template", async (sandboxes) => {
  const body = `${SLOW} const main = () => ({});`;
  const options = { evaluation: "per-call" } as const;
  sandboxes.provision([{ key: body, script: scriptOf(body), count: 1, ...options }]);
  for (let n = 0; n < 4; n++) assert.equal((await run(sandboxes, body, options)).process, "root");
  // The same code without the setting has one.
  await fromTemplate(sandboxes, body);
  assert.equal((await run(sandboxes, body, options)).process, "root");
});

step("what cannot be forked is not shared either", async (sandboxes) => {
  const tops = [
    `setInterval(() => {}, 1e6);`,
    `await (await import("node:util")).promisify((await import("node:crypto")).scrypt)("a", "b", 8);`,
    `(await import("node:net")).connect(8123, "127.0.0.1").on("error", () => {});`,
    `(await import("node:vm")).createContext();`,
    `await meta.invoked.call('{"method":"echo"}');`,
    `console.log("loading");`,
  ];
  const host = { call: () => Promise.resolve({ value: 1 }) };
  for (const top of tops) {
    const body = `${SLOW} ${top} const main = () => ({});`;
    sandboxes.provision([{ key: body, script: scriptOf(body), count: 1, ...SHARED }]);
    const { error } = await report(sandboxes, body);
    assert.ok(error !== undefined, top);
    for (let n = 0; n < 2; n++) {
      const { process, outcome } = await run(sandboxes, body, { ...SHARED, host });
      assert.deepEqual([top, process, outcome.kind], [top, "root", "success"]);
    }
  }
});

step("a provisioned script is shared from its first invocation that can be", async (sandboxes) => {
  const plain = `const at = Date.now(); const main = () => ({ at });`;
  const reading = `const { key } = meta.invoked.secrets; const main = () => ({ key });`;
  sandboxes.provision(
    [plain, reading].map((key) => ({ key, script: scriptOf(key), count: 1, ...SHARED })),
  );
  const options = { ...SHARED, secrets: { key: "value" } };
  assert.equal((await run(sandboxes, plain, options)).process, "template");
  await fromTemplate(sandboxes, reading, options);
  assert.deepEqual(await output(sandboxes, reading, options), { key: "value" });
});
