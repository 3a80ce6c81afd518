/** Workloads without a secret: the commands of providers and trusts, and the workflows that deploy. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { COMMAND_WORDS } from "../../src/cli/terminal/command_name.ts";
import { CA } from "../egress/certificates.ts";
import { githubClaims, gitlabClaims, issuerKey, TokenIssuer } from "../identity/token_issuer.ts";
import type { Client, Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { COMMAND_ENV, INVOKED, makeTempDir, runInvoked } from "../support/invoked.ts";
import { readText } from "../support/repository.ts";
import { TestServer } from "../support/server.ts";

const MAIN = "export default () => ({ deployed: true });\n";
const TESTS = 'import { test } from "@c1/test";\ntest("passes", () => {});\n';
const REQUEST_TOKEN = "token of the runner";
const SHA = "3b9b3e2b0d4f7f2f0f4c6b1d8a5e7c9f1a2b3c4d";

interface Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly issuer: TokenIssuer;
  readonly directory: string;
}

/** Runs a command as the owner. */
async function own({ server }: Stage, ...args: string[]) {
  const run = await runInvoked([...args, "--data", server.dataDir]);
  assert.equal(run.code, 0, `${args.join(" ")}: ${run.stderr}`);
  return run.stdout;
}

async function commands(stage: Stage): Promise<void> {
  const { issuer, server } = stage;
  issuer.keys.set("/github", [await issuerKey("g1", "ES256")]);
  const url = issuer.url("/github");
  const created = await own(
    stage,
    ...["providers", "create", "github", "--kind", "github-actions", "--issuer", url],
  );
  assert.match(created, new RegExp(`^Created provider github \\(\\w{27}\\) for ${url}\n$`));
  const [provider] = JSON.parse(await own(stage, "providers", "list", "--json"));
  assert.deepEqual([provider.displayName, provider.issuerUrl], ["github", url]);
  assert.match(await own(stage, "providers", "list"), new RegExp(`^github\t\\w+\t${url}\tenabled`));
  const missing = ["providers", "create", "x", "--data", server.dataDir];
  const { code, stderr } = await runInvoked(missing);
  assert.equal(code, 2);
  assert.match(stderr, /^error: --issuer is missing: .*\nnext: give the URL/);

  const condition = "claims.repository == 'octo-org/octo-repo' && claims.ref == 'refs/heads/main'";
  await own(stage, "principals", "create", "ci", "--role", "functions:developer");
  const clientId = (await own(
    stage,
    ...[
      "trusts",
      "create",
      "deploy",
      "--principal",
      "ci",
      "--provider",
      "github",
      "--condition",
      condition,
    ],
    ...["--role", "functions:invoker", "--pass", "actor", "sha"],
  )).trim();
  assert.match(clientId, /^\S+@127\.0\.0\.1:\d+\/wfe$/);
  const [trust] = JSON.parse(await own(stage, "trusts", "list", "--provider", "github", "--json"));
  assert.deepEqual([trust.clientId, trust.passthroughClaims], [clientId, ["actor", "sha"]]);
  assert.deepEqual(trust.scopedRoleIds, ["00000000000functionsinvoker"]);
  assert.match(await own(stage, "trusts", "list", "--principal", "ci"), /^deploy\t/);
  const lists = ["--pass", "", "--role", "", "--source", "127.0.0.0/8"];
  await own(stage, "trusts", "update", "deploy", ...lists);
  assert.match(await own(stage, "trusts", "disable", clientId), /^Disabled trust deploy/);
  const [changed] = JSON.parse(await own(stage, "trusts", "list", "--json"));
  const { passthroughClaims, allowSourceCidrs, disabled, scopedRoleIds } = changed;
  assert.deepEqual(
    [passthroughClaims, allowSourceCidrs, disabled, scopedRoleIds],
    [[], ["127.0.0.0/8"], true, []],
  );
  await own(stage, "trusts", "enable", "deploy");
  const nothing = await runInvoked(["trusts", "update", "deploy", "--data", server.dataDir]);
  assert.match(nothing.stderr, /^error: Nothing to change/);
  const unknown = await runInvoked(["trusts", "disable", "none", "--data", server.dataDir]);
  assert.match(unknown.stderr, /^error: Trust "none" not found: .*\nnext: .*invoked trusts list/);

  const good = await issuer.sign("/github", githubClaims(server.url));
  const test = (stdin: string) =>
    runInvoked(["trusts", "test", "deploy", "--from", "127.0.0.1", "--data", server.dataDir], {
      stdin,
    });
  const accepted = await test(`${good}\n`);
  assert.deepEqual([accepted.code, accepted.stderr], [0, ""]);
  assert.equal(accepted.stdout.match(/\tpassed\t/g)?.length, 8);
  const rejected = await test(await issuer.sign("/github", githubClaims("other")));
  assert.equal(rejected.code, 1);
  assert.match(rejected.stdout, /^audienceValidation\tfailed\t.*\tother\taud does not name/m);
  assert.match(rejected.stdout, /^celEvaluation\tskipped/m);
  assert.match(rejected.stderr, /^error: Trust deploy does not accept the token/);
  const inUse = await runInvoked(
    ["providers", "delete", "github", "--yes", "--data", server.dataDir],
  );
  assert.match(inUse.stderr, /^error: .*has trusts: deploy/);
}

/** The variables of a command with the token of a workload. */
function workloadEnv(
  family: "INVOKED" | "CONDUCTORONE",
  url: string,
  clientId: string,
  token: string,
) {
  return {
    [`${family}_SERVER_URL`]: url,
    [`${family}_CLIENT_ID`]: clientId,
    [`${family}_OIDC_TOKEN`]: token,
  };
}

async function variables(stage: Stage): Promise<void> {
  const { issuer, server } = stage;
  const [{ clientId }] = JSON.parse(await own(stage, "trusts", "list", "--json"));
  const token = await issuer.sign("/github", githubClaims(server.url));
  for (const family of ["INVOKED", "CONDUCTORONE"] as const) {
    const env = workloadEnv(family, server.url, clientId, token);
    const { code, stdout, stderr } = await runInvoked(["whoami", "--json"], { env });
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).clientId, clientId);
    // A token counts before a secret, and an access token before both.
    const both = { ...env, [`${family}_CLIENT_SECRET`]: "wrong" };
    assert.equal((await runInvoked(["list"], { env: both })).code, 0);
    const access = await runInvoked(["list"], {
      env: { ...both, [`${family}_ACCESS_TOKEN`]: "a" },
    });
    assert.match(access.stderr, /[Aa]ccess token/);
    const { [`${family}_CLIENT_ID`]: _, ...incomplete } = env;
    const alone = await runInvoked(["list"], { env: incomplete });
    assert.match(alone.stderr, new RegExp(`${family}_OIDC_TOKEN needs the client id of a trust`));
  }
  const wrong = await issuer.sign("/github", githubClaims("other"));
  const rejected = await runInvoked(["list"], {
    env: workloadEnv("INVOKED", server.url, clientId, wrong),
  });
  assert.equal(rejected.code, 4);
  assert.match(rejected.stderr, /invalid_request: subject_token rejected: /);
  assert.match(
    rejected.stderr,
    /\nnext: check the client id, the audience and the age of the token/,
  );
  assert.ok(!rejected.stderr.includes(wrong));
}

/** A repository with one function, and a command line where `npm ci` would install it. */
async function repository({ directory }: Stage, name: string): Promise<string> {
  const path = join(directory, name);
  await Deno.mkdir(join(path, "node_modules", ".bin"), { recursive: true });
  await Deno.symlink(INVOKED, join(path, "node_modules", ".bin", "invoked"));
  await Deno.writeTextFile(join(path, "main.ts"), MAIN);
  await Deno.writeTextFile(join(path, "main.test.ts"), TESTS);
  await Deno.writeTextFile(join(path, "invoked.json"), JSON.stringify({ name }));
  return path;
}

/** Runs the script of a job as a runner does. */
async function runScript(script: string, cwd: string, env: Readonly<Record<string, string>>) {
  const bin = dirname(join(cwd, "node_modules", ".bin", "invoked"));
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-eo", "pipefail", "-c", script],
    cwd,
    clearEnv: true,
    env: { ...COMMAND_ENV, PATH: `${bin}:${COMMAND_ENV["PATH"]}`, HOME: cwd, ...env },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, `${script}\n${decoder.decode(stdout)}${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Every word after `invoked` in a script is a command. */
function assertCommands(script: string): void {
  for (const [, word = ""] of script.matchAll(/\binvoked (\w+)/g)) {
    assert.ok((COMMAND_WORDS as readonly string[]).includes(word), `invoked ${word}`);
  }
}

async function assertDeployed({ client }: Stage, name: string): Promise<void> {
  const { list } = ok(await client.post("/api/v1/search/functions", { query: name }));
  const [{ id, publishedCommitId }] = list;
  assert.notEqual(publishedCommitId, "");
  const commits = ok(await client.get(`/api/v1/functions/${id}/commits`)).list;
  assert.equal(commits[0].message, SHA);
}

/** The service of GitHub's runners that makes the token of a job. */
function tokenService({ issuer }: Stage): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.headers.get("authorization") !== `bearer ${REQUEST_TOKEN}`) {
      return new Response("no", { status: 401 });
    }
    const audience = new URL(request.url).searchParams.get("audience") ?? "";
    const value = await issuer.sign("/github", githubClaims(audience));
    return Response.json({ count: value.length, value });
  });
}

async function githubActions(stage: Stage): Promise<void> {
  const { server, directory } = stage;
  const workflow = parse(await readText("docs/workflows/github-actions.yaml"));
  assert.equal(workflow.permissions["id-token"], "write");
  const { env, steps } = workflow.jobs.deploy;
  const [{ clientId }] = JSON.parse(await own(stage, "trusts", "list", "--json"));
  const names = ["INVOKED_CLIENT_ID", "INVOKED_SERVER_URL"];
  assert.deepEqual(Object.keys(env).sort(), names, "no secret");
  const cwd = await repository(stage, "from-github");
  await using service = tokenService(stage);
  const envFile = join(directory, "github.env");
  const job: Record<string, string> = {
    INVOKED_SERVER_URL: server.url,
    INVOKED_CLIENT_ID: clientId,
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${service.addr.port}/?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
    GITHUB_ENV: envFile,
    GITHUB_PATH: join(directory, "github.path"),
    GITHUB_SHA: SHA,
  };
  const scripts: string[] = steps.flatMap((step: Json) => step.run === undefined ? [] : [step.run]);
  for (const script of scripts) {
    assertCommands(script);
    if (script.startsWith("npm ci")) continue;
    const output = await runScript(script, cwd, job);
    const lines = (await Deno.readTextFile(envFile).catch(() => "")).split("\n").filter(Boolean);
    for (const line of lines) {
      const [name = "", ...value] = line.split("=");
      job[name] = value.join("=");
      if (script.includes('>> "$GITHUB_ENV"')) {
        assert.ok(output.includes(`::add-mask::${job[name]}`), "logs hide the token");
      }
    }
  }
  await assertDeployed(stage, "from-github");
}

async function gitlabCi(stage: Stage): Promise<void> {
  const { server, issuer } = stage;
  const { deploy } = parse(await readText("docs/workflows/gitlab-ci.yaml"));
  const { INVOKED_OIDC_TOKEN: { aud } } = deploy.id_tokens;
  assert.equal(aud, deploy.variables.INVOKED_SERVER_URL);
  issuer.keys.set("/gitlab", [await issuerKey("l1", "ES256")]);
  await own(
    stage,
    ...["providers", "create", "gitlab", "--kind", "gitlab-ci", "--issuer", issuer.url("/gitlab")],
  );
  const clientId = await own(
    stage,
    ...["trusts", "create", "shop", "--principal", "ci", "--provider", "gitlab"],
    ...["--condition", "claims.project_path == 'acme/shop' && claims.ref_protected == 'true'"],
  );
  const script = deploy.script.filter((line: string) => line !== "npm ci").join("\n");
  assertCommands(script);
  await runScript(script, await repository(stage, "from-gitlab"), {
    ...workloadEnv(
      "INVOKED",
      server.url,
      clientId.trim(),
      await issuer.sign("/gitlab", gitlabClaims(server.url)),
    ),
    CI_COMMIT_SHA: SHA,
  });
  await assertDeployed(stage, "from-gitlab");
}

Deno.test("workloads deploy without a stored secret", async (t) => {
  await using directory = await makeTempDir();
  await using issuer = new TokenIssuer();
  const caFile = join(directory.path, "ca.pem");
  await Deno.writeTextFile(caFile, CA);
  const flags = ["--egress-ca", caFile, "--egress-allow-private", "127.0.0.0/8,::1"];
  await using server = await TestServer.start({ flags });
  const stage = { server, client: await server.client(), issuer, directory: directory.path };
  const steps = { commands, variables, githubActions, gitlabCi };
  for (const [name, step] of Object.entries(steps)) await t.step(name, () => step(stage));
});
