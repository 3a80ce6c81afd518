import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTempDir, runInvoked } from "../support/invoked.ts";

const CREDENTIALS = { clientId: "calm-otter-1@localhost/spc", clientSecret: "hunter2" };

/** `invoked token` on a data directory with this credentials file; none when undefined. */
async function runToken(file: string | undefined) {
  await using dir = await makeTempDir();
  if (file !== undefined) await Deno.writeTextFile(join(dir.path, "credentials.json"), file);
  return await runInvoked(["token", "--data", dir.path]);
}

/** `invoked token` towards a server that answers every request like this. */
async function runTokenAgainst(answer: (request: Request) => Response | Promise<Response>) {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const serverUrl = `http://127.0.0.1:${server.addr.port}`;
  return await runToken(JSON.stringify({ ...CREDENTIALS, serverUrl }));
}

function assertFailure(run: { code: number; stdout: string; stderr: string }, expected: RegExp) {
  assert.equal(run.code, 4);
  assert.equal(run.stdout, "");
  assert.match(run.stderr, expected);
  assert.match(run.stderr, /^error: [^\n]+\nnext: [^\n]+\n$/, "one line, and the next step");
  assert.ok(!run.stderr.includes(CREDENTIALS.clientSecret));
}

Deno.test("token prints the access token and nothing else", async () => {
  const seen: string[] = [];
  const run = await runTokenAgainst(async (request) => {
    seen.push(`${request.method} ${new URL(request.url).pathname}`, await request.text());
    return Response.json({ access_token: "aa.bb-_.cc", token_type: "Bearer", expires_in: 600 });
  });
  assert.deepEqual(run, { code: 0, stdout: "aa.bb-_.cc\n", stderr: "" });
  assert.equal(seen[0], "POST /auth/v1/token");
  assert.deepEqual(Object.fromEntries(new URLSearchParams(seen[1])), {
    grant_type: "client_credentials",
    client_id: CREDENTIALS.clientId,
    client_secret: CREDENTIALS.clientSecret,
  });
});

Deno.test("token says that there are no credentials yet", async () => {
  assertFailure(
    await runToken(undefined),
    /credentials\.json: the file does not exist\nnext: start a server/,
  );
});

Deno.test("token rejects a credentials file of another shape", async () => {
  const files = ["", "[]", "{}", JSON.stringify({ ...CREDENTIALS, serverUrl: "file:///etc" })];
  for (const file of files) {
    assertFailure(await runToken(file), /is not a JSON object with serverUrl/);
  }
});

Deno.test("token says that the server cannot be reached", async () => {
  // No port that another test may be given.
  const serverUrl = "http://127.0.0.1:2";
  const run = await runToken(JSON.stringify({ ...CREDENTIALS, serverUrl }));
  assertFailure(
    run,
    new RegExp(
      `The server at ${serverUrl} is not reachable: .*\nnext: start it with invoked serve`,
    ),
  );
});

Deno.test("token prints the reason of a rejection in printable characters", async () => {
  const rejection = { error: "invalid_client", error_description: "unknown\x1b[2J\nclient" };
  const run = await runTokenAgainst(() => Response.json(rejection, { status: 401 }));
  assertFailure(run, /invalid_client: unknown \[2J client/);
});

Deno.test("token prints nothing that is not a token", async () => {
  const answers = [
    () => Response.json({ access_token: 'x"; rm -rf ~' }),
    () => Response.json({ access_token: "a\nb" }),
    () => new Response("<html>"),
    () => new Response(" ".repeat(100_000) + '{"access_token":"a.b.c"}'),
  ];
  for (const answer of answers) {
    assertFailure(
      await runTokenAgainst(answer),
      /responded status 200|Response of \S+ too large/,
    );
  }
});

Deno.test("token does not carry the secret to where a redirect points", async () => {
  const paths: string[] = [];
  const run = await runTokenAgainst((request) => {
    paths.push(new URL(request.url).pathname);
    return new Response(null, { status: 307, headers: { location: "/elsewhere" } });
  });
  assertFailure(run, /The server at .* is not reachable/);
  assert.deepEqual(paths, ["/auth/v1/token"]);
});
