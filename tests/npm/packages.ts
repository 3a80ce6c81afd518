/**
 * What becomes of each function in `functions/`, which uses the packages that it imports. `docs/npm.md` is made of
 * this and of the first comment of each function (`deno task docs`).
 */

/** The function answers exactly this. */
interface Works {
  readonly output: unknown;
  /** Further files of its commit. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The function cannot be had: its commit is rejected, or its invocation fails, with a message like this. */
interface Fails {
  readonly at: "commit" | "call";
  readonly message: RegExp;
  /** Why, and what to use instead; a sentence for the page. */
  readonly reason: string;
}

export type Fate = Works | Fails;

const NATIVE = "it is native code, which a function cannot load";

/** The fate of each function by the name of its file. */
export const PACKAGES: Readonly<Record<string, Fate>> = {
  "zod": {
    output: {
      good: { name: "Ada", email: "ada@example.com", age: 36 },
      wrong: ["name", "email"],
    },
  },
  "ajv": { output: { good: true, wrong: ["required", "minimum"] } },
  "lodash": {
    output: {
      groups: { a: ["Ada", "Cy"], b: ["Bob"] },
      chunks: [[1, 2], [3]],
      text: "b!",
      calls: 1,
    },
  },
  "date-fns": { output: { end: "2024-03-01", days: 3 } },
  "dayjs": { output: { tokyo: "2024-07-01 21:00", ago: "3 days ago" } },
  "luxon": { output: { hours: 23, german: "31. März 2024" } },
  "uuid": {
    output: { named: "cfbff0d1-9375-5685-968c-48ce8b15ae17", random: true, versions: [4, 7] },
  },
  "nanoid": { output: { lengths: [21, 7], digits: true, differ: true } },
  "semver": { output: { highest: "1.9.0", next: "1.3.0", runs: true } },
  "p-limit": { output: { doubled: [2, 4, 6, 8], most: 2, attempts: 3, given: "never" } },
  "pino": {
    output: {
      lines: [
        { level: 30, token: "[Redacted]", user: "ada", msg: "signed in" },
        { level: 50, part: "x", msg: "failed" },
      ],
    },
  },
  "dotenv": { output: { file: "EACCES", parsed: { A: "1" }, home: "none", own: [] } },
  "jose": { output: { sub: "ada", role: "admin", hidden: true } },
  "jsonwebtoken": { output: { hmac: "ada", rsa: "bob", rejected: "invalid signature" } },
  "bcryptjs": { output: { right: true, wrong: false, rounds: 4 } },
  "hash-wasm": {
    output: { xxhash: "26c7827d889f6da3", argon2: "050e753148c29f5e90770cb5e132199b" },
  },
  "axios": {
    output: {
      status: 200,
      method: "POST",
      url: "/echo?q=x+y",
      body: '{"a":1}',
      headers: {
        authorization: null,
        client: "axios",
        intercepted: "yes",
        type: "application/json",
      },
      failed: 404,
      isAxios: true,
    },
  },
  "undici": {
    output: {
      statusCode: 200,
      urls: ["/echo?by=request", "/echo?by=fetch", "/echo?by=client"],
      body: "text",
    },
  },
  "node-fetch": {
    output: { multipart: true, redirected: true, url: "/echo?redirected", streamed: 100_000 },
  },
  "got": {
    output: { url: "/echo?q=1", body: '{"a":1}', attempts: 2, streamed: 50_000, failed: 418 },
  },
  "ky": { output: { url: "/echo?q=1", body: '{"a":1}', attempts: 2, failed: 404 } },
  "ws": { output: { answers: ["text echo hello", "bytes bytes"], code: 1000 } },
  "form-data": { output: { field: true, file: true } },
  "qs": {
    output: { read: { filter: { team: "a" }, ids: ["1", "2"] }, written: "a[b][0]=c%20d" },
  },
  "octokit": { output: { titles: ["first", "second", "third"], made: "It stopped", status: 201 } },
  "stripe": {
    output: {
      email: "ada@example.com",
      metadata: { plan: "a&b" },
      amounts: [1, 2, 3],
      event: "evt_1",
    },
  },
  "slack": { output: { ok: true, text: "Hello & bye", failed: "missing_scope" } },
  "aws-sdk-client-s3": {
    output: {
      etag: '"an-etag"',
      body: "the report",
      keys: ["2024/a b.txt 10"],
      missing: "NoSuchKey",
    },
  },
  "openai": { output: { whole: "Hello", streamed: "Hello" } },
  "anthropic-ai-sdk": { output: { whole: { type: "text", text: "Hello" }, streamed: "Hello" } },
  "sendgrid-mail": { output: { statusCode: 202, failed: "rejected" } },
  "google-auth-library": { output: { authorization: "Bearer granted" } },
  "googleapis-admin": { output: { users: ["ada@example.com", "bob@example.com"] } },
  "microsoft-graph-client": { output: { names: ["Ada", "Bob", "Cy"], failed: 404 } },
  "okta-sdk-nodejs": { output: { status: "ACTIVE", logins: ["ada", "bob"] } },
  "ldapts": {
    output: {
      entries: [{ dn: "uid=ada,dc=example", cn: "Ada", mail: "ada@example.com" }],
      rejected: "InvalidCredentialsError",
    },
  },
  "pg": { output: { rows: [{ id: 1, name: "Ada" }], rowCount: 1, failed: "42601" } },
  "ioredis": { output: { answer: ["OK", "value"] } },
  "nodemailer": {
    output: {
      envelope: { from: "robot@example.com", to: ["ada@example.com"] },
      subject: "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=",
      attachment: true,
    },
  },
  "csv-parse": {
    output: {
      rows: [{ name: "Ada", team: 'a "b"' }, { name: "Bob", team: "c" }],
      streamed: [["Ada", 'a "b"'], ["Bob", "c"]],
      written: '"x,y",1\n',
    },
  },
  "xml2js": {
    output: {
      names: ["1 Ada", "2 Bob"],
      called: { a: "1" },
      written: '<user id="3">Cy &amp; co</user>',
      failed: "Unclosed root tag",
    },
  },
  "fast-xml-parser": {
    output: {
      users: [{ "#text": "Ada", "@_id": "1" }, { "#text": "Bob", "@_id": "2" }],
      invalid: "InvalidTag",
      written: "<user><name>Cy</name></user>",
    },
  },
  "yaml": {
    output: {
      value: { a: ["Ada"], b: ["Ada"] },
      written: "# teams\na: &x [ Ada ]\nb: *x\nc: 3\n",
    },
  },
  "cheerio": {
    output: { names: ["Ada", "Bob & co"], html: '<li class="a first">Ada</li>' },
  },
  "handlebars": {
    output: { html: "<ul><li>ADA</li><li>&lt;B&gt;</li></ul>a &amp; b" },
  },
  "marked": {
    output: { html: "<h1>Hi</h1>\n<ul>\n<li><em>a</em></li>\n<li><code>b</code></li>\n</ul>\n" },
  },
  "jszip": { output: { small: true, names: ["dir/", "dir/a.txt"], length: 1000 } },
  "mime-db": {
    output: { pdf: ["pdf"], own: "the function's own" },
    files: { "own.json": `{ "name": "the function's own" }` },
  },
  "express": {
    output: { status: 201, cookies: ["seen=yes; Path=/"], body: { id: "7", body: { a: 1 } } },
  },
  "fastify": { output: { statusCode: 200, payload: '{"id":"7"}' } },
  "pdfkit": { output: { isPdf: true } },
  "sql-js": { output: { rows: [[1, "Ada"]] } },
  "jsdom": { output: { text: "Hello", items: 2 } },
  "mjml": { output: { hasText: true, errors: [] } },
  "googleapis": {
    at: "commit",
    message: /limit of (?:20 MiB \(--max-artifact\)|1 GiB \(--build-memory\))/,
    reason:
      "All of Google's APIs in one package are larger than a commit may be (`--max-artifact`, " +
      "`--build-memory`): import the one that is used, such as `npm:@googleapis/admin`.",
  },
  "bcrypt": {
    at: "call",
    message:
      /^UNCAUGHT: Error: No native build was found.*; npm:bcrypt@\S+ loads native code, which a function cannot do: use npm:bcryptjs$/m,
    reason: `Cannot work: ${NATIVE}. Use \`npm:bcryptjs\`.`,
  },
  "sharp": {
    at: "call",
    message:
      /^UNCAUGHT: .*; npm:sharp@\S+ loads native code, which a function cannot do: use npm:jimp$/m,
    reason: `Cannot work: ${NATIVE}. Use \`npm:jimp\`.`,
  },
  "better-sqlite3": {
    at: "call",
    message:
      /^UNCAUGHT: .*; npm:better-sqlite3@\S+ loads native code, which a function cannot do: use npm:sql\.js/m,
    reason: `Cannot work: ${NATIVE}. Use \`npm:sql.js\`, or a database server.`,
  },
  "prisma-client": {
    at: "commit",
    message:
      /main\.ts:2:30: Cannot import "npm:@prisma\/client@6\.19\.0": it needs the code that `prisma generate` writes/,
    reason:
      "Cannot work: it needs generated code and native code. Use `npm:kysely` or `npm:drizzle-orm` with `npm:pg`.",
  },
  "playwright-core": {
    at: "call",
    message:
      /^UNCAUGHT: .*; npm:playwright-core@\S+ loads it: call a browser on another host over its HTTP API$/m,
    reason: "Cannot work: it starts a browser. Call a browser on another host over its HTTP API.",
  },
  "pdfkit-newer": {
    at: "call",
    message:
      /^UNCAUGHT: TypeError: Module "#standard-fonts\/Helvetica" is not .*; a package loads a module of its own that its commit does not carry: use a version that docs\/npm\.md lists$/m,
    reason:
      "Loads its fonts as modules by computed names, which no commit carries. Use `npm:pdfkit@0.17.2`.",
  },
};
